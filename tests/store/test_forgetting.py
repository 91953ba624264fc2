"""What became of alerts goes after years and what was refused after weeks; what is open stays."""

from datetime import datetime, timedelta

import pytest

from config.settings_store import Retention
from rules.ids import DeviceId, ReplayId, WindowId
from store import INNWATCH, Batch, Deed, Store, slices
from store.batch import Orphan, Quarantined
from store.records import Hotel, NewWindow
from tests.store.given import HOTEL, MAIL, NOW, OTHER, add_hotel, batch, cleared, new_tablet, opened

A_DAY = timedelta(days=1)
KEPT = Retention().kept()


def ago(days: float) -> datetime:
    return NOW - days * A_DAY


async def prune(store: Store) -> dict[str, int]:
    pruned = await store.prune(KEPT, believing=True, by=INNWATCH, now=NOW)
    return {table: rows for table, rows in pruned.gone.items() if rows}


async def test_an_alert_goes_when_all_of_it_is_old_and_an_open_one_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE", 2)
    await store.add_hotel(Hotel(id=HOTEL, name="Seaview"), channels=[MAIL], by=INNWATCH, now=ago(1000))
    tablets = [new_tablet(0), new_tablet(1)]
    device, other = await store.add_devices(HOTEL, tablets, by=INNWATCH, now=ago(1000))
    await store.apply(batch(changes=[opened(other, "A9", opened_at=ago(900))], at=ago(900)))
    for name, days in (("A0", 900), ("A1", 800), ("A2", 731)):
        await store.apply(batch(changes=[opened(device, name, opened_at=ago(days))], at=ago(days)))
        await store.apply(batch(changes=[cleared(device, name, at=ago(days - 2))], at=ago(days - 2)))
        for one in reversed((await store.notifications(HOTEL, limit=200)).items):
            if await store.claim_notification(HOTEL, one.id, worker="w", now=ago(days - 2), lease=A_DAY):
                await store.record_delivered(HOTEL, one.id, worker="w", now=ago(days - 2))

    gone = await prune(store)

    assert {alert.id for alert in (await store.alerts(HOTEL)).items} == {"A2", "A9"}
    assert (gone["alert"], gone["notification"] > 0, gone["event"] > 0) == (2, True, True)
    bounds = await store.event_bounds(HOTEL)
    kept = await store.events_after(HOTEL, bounds.oldest - 1, limit=100)
    assert [event.id for event in kept] == list(range(bounds.oldest, bounds.newest + 1))
    assert all(event.at >= ago(730) for event in kept)
    assert await prune(store) == {}


async def test_an_event_stays_as_long_as_a_notice_has_to_tell_of_it(store: Store) -> None:
    await store.add_hotel(Hotel(id=HOTEL, name="Seaview"), channels=[MAIL], by=INNWATCH, now=ago(1000))
    (device,) = await store.add_devices(HOTEL, [new_tablet(0)], by=INNWATCH, now=ago(1000))
    await store.apply(batch(changes=[opened(device, "A0", opened_at=ago(900))], at=ago(900)))
    await prune(store)

    (ref,) = await store.due_notifications(NOW, limit=10)
    claimed = await store.claim_notification(HOTEL, ref.id, worker="w", now=NOW, lease=A_DAY)
    assert claimed is not None
    assert claimed.about.id == "A0"
    await prune(store)
    await store.record_delivered(HOTEL, ref.id, worker="w", now=NOW)

    assert (await prune(store))["event"] == 1


async def test_what_was_refused_or_only_tried_goes_after_weeks(store: Store) -> None:
    await add_hotel(store)
    await add_hotel(store, OTHER)
    for hotel in (HOTEL, OTHER):
        for days in (40, 31, 29):
            device = DeviceId(f"d{days}")
            refused = Quarantined(
                hotel_id=hotel, device_id=device, topic="t", reason="not-json", detail="", head=b"", at=ago(days)
            )
            stranger = Orphan(hotel, device, ago(days))
            await store.apply(Batch(received_at=ago(days), quarantined=[refused], orphans=[stranger]))
        for name, days in (("waits", 40), ("old", 31), ("new", 29)):
            await store.add_replay(hotel, ReplayId(name), b"{}", by=INNWATCH, now=ago(40))
            if name != "waits":
                await store.end_replay(hotel, ReplayId(name), result=b"{}", now=ago(days))

    gone = await prune(store)

    counted = {name: gone[name] for name in ("quarantine", "orphan", "replay")}
    assert counted == {"quarantine": 2, "orphan": 4, "replay": 2}
    assert {one.id for one in (await store.replays(OTHER)).items} == {"waits", "new"}
    assert [row.device_id for row in (await store.quarantine(HOTEL)).items] == ["d29"]
    assert [row.device_id for row in await store.orphans(OTHER)] == ["d29"]


async def test_windows_go_and_the_audit_stays(store: Store) -> None:
    await add_hotel(store)
    for name, days in (("old", 800), ("new", 700)):
        asked = NewWindow(ends_at=ago(days - 1))
        await store.add_window(HOTEL, WindowId(name), asked, by=INNWATCH, now=ago(days))

    await prune(store)

    assert [window.id for window in (await store.maintenance(HOTEL)).items] == ["new"]
    assert len((await store.audit(HOTEL, deed=Deed.MAINTENANCE_ADDED)).items) == 2
    (line,) = (await store.platform_audit(deed=Deed.PRUNED)).items
    assert line.detail["maintenance"] == 1


async def test_by_hand_a_clock_is_not_believed_unless_somebody_says_so(store: Store) -> None:
    await add_hotel(store)
    for days in (300, 299.5, 200, 1):
        refused = Quarantined(
            hotel_id=HOTEL, device_id=None, topic="t", reason="not-json", detail="", head=b"", at=ago(days)
        )
        await store.apply(Batch(received_at=ago(days), quarantined=[refused]))

    careful = await store.prune(KEPT, believing=False, by=INNWATCH, now=NOW)
    believing = await store.prune(KEPT, believing=True, by=INNWATCH, now=NOW)

    assert (careful.gone["quarantine"], believing.gone["quarantine"]) == (2, 1)


async def test_results_of_replays_are_kept_as_long_whoever_forgets_them(store: Store) -> None:
    await add_hotel(store)
    for name, days in (("old", 31), ("new", 29)):
        await store.add_replay(HOTEL, ReplayId(name), b"{}", by=INNWATCH, now=ago(40))
        await store.end_replay(HOTEL, ReplayId(name), result=b"{}", now=ago(days))

    brief = Retention(quarantine=A_DAY).kept()
    pruned = await store.prune(brief, believing=True, by=INNWATCH, now=NOW)

    assert pruned.gone["replay"] == 1
    assert [one.id for one in (await store.replays(HOTEL)).items] == ["new"]
