"""An alert has two sides: the bridge writes its condition, people its response, and each sees the whole of it."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from rules.alerts import (
    Acknowledgment,
    AlertSnapshot,
    AlertStatus,
    Because,
    ChangeKind,
    Condition,
    Family,
    Reason,
    Rule,
    Severity,
)
from rules.ids import AlertId
from rules.state import LinkState, Posture, Power, StatusSnapshot
from store import AlertGone, AlreadyAcknowledged, Batch, DataRefused, NotFound, Store
from store.batch import MonitorChange, StatusChange
from store.records import Event, EventType, Recorded
from tests.store.given import (
    ENDED,
    HOTEL,
    MAIL,
    NOW,
    OTHER,
    WHY,
    add_hotel,
    an_alert,
    batch,
    change,
    cleared,
    later,
    opened,
)
from tests.support import person

A1 = AlertId("A1")


def alert_of(event: Event) -> AlertSnapshot:
    return msgspec.json.decode(event.data, type=AlertSnapshot)


async def after_the_tablets(store: Store) -> list[Event]:
    return [event for event in await store.events_after(HOTEL, 0, limit=1000) if event.type != EventType.DEVICE_ADDED]


async def test_an_alert_that_opens_is_there_whole(store: Store) -> None:
    (device, _) = await add_hotel(store)

    (recorded,) = await store.apply(batch(changes=[opened(device)]))

    alert = await store.alert(HOTEL, A1)
    assert alert == AlertSnapshot(
        id=A1,
        device_id=device.id,
        room_id=device.room_id,
        floor="1",
        family=Family.BREACH,
        rule=an_alert().rule,
        severity=Severity.HIGH,
        status=AlertStatus.OPEN,
        condition=Condition.ACTIVE,
        opened_at=NOW,
        last_at=NOW,
        count=1,
        why=WHY,
        revision=1,
    )
    assert recorded == Recorded(HOTEL, (await after_the_tablets(store))[0])
    assert (recorded.event.type, recorded.event.subject, recorded.event.at) == (EventType.ALERT_OPENED, A1, NOW)
    assert alert_of(recorded.event) == alert


async def test_each_event_holds_the_alert_as_it_was_after_that_change(store: Store) -> None:
    (device, _) = await add_hotel(store)
    worse = an_alert(severity=Severity.CRITICAL, count=4)
    changes = [
        opened(device),
        change(device, ChangeKind.WORSENED, worse, at=later(5)),
        change(device, ChangeKind.CLEARED, worse, at=later(9)),
    ]

    recorded = await store.apply(batch(changes=changes))

    seen = [(one.event.type, alert_of(one.event)) for one in recorded]
    assert [(type_, alert.severity, alert.status, alert.revision) for type_, alert in seen] == [
        (EventType.ALERT_OPENED, Severity.HIGH, AlertStatus.OPEN, 1),
        (EventType.ALERT_CHANGED, Severity.CRITICAL, AlertStatus.OPEN, 2),
        (EventType.ALERT_CLEARED, Severity.CRITICAL, AlertStatus.RESOLVED, 3),
    ]
    assert seen[-1][1].resolved_at == later(9)
    assert seen[-1][1].condition is Condition.CLEARED
    assert seen[-1][1].why == WHY + ENDED


async def test_a_device_has_one_open_alert_of_a_family(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(changes=[opened(device, "A1")]))

    with pytest.raises(DataRefused):
        await store.apply(batch(changes=[opened(device, "A2")]))
    await store.apply(batch(changes=[opened(device, "B1", family=Family.BATTERY), cleared(device, "A1")]))
    await store.apply(batch(changes=[opened(device, "A3")]))

    assert [alert.id for alert in await store.open_alerts(HOTEL)] == ["B1", "A3"]


async def test_a_change_of_an_alert_that_is_not_there_is_refused(store: Store) -> None:
    (device, _) = await add_hotel(store)

    with pytest.raises(DataRefused, match="A1"):
        await store.apply(batch(changes=[cleared(device)]))


async def test_a_change_of_an_alert_that_is_over_changes_nothing(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(changes=[opened(device), cleared(device)]))

    recorded = await store.apply(batch(changes=[change(device, ChangeKind.WORSENED, an_alert())]))

    assert recorded == ()
    alert = await store.alert(HOTEL, A1)
    assert alert is not None
    assert (alert.status, alert.revision) == (AlertStatus.RESOLVED, 2)


@pytest.mark.parametrize("is_over", [False, True])
async def test_an_alert_that_is_named_late_keeps_all_else_and_nobody_is_told(store: Store, is_over: bool) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    await store.apply(batch(changes=[opened(device), *([cleared(device)] if is_over else [])]))
    before = await store.alert(HOTEL, A1)
    told = len((await store.notifications(HOTEL)).items)

    assert before is not None
    why = (Reason(Because.WIFI_OFF), *before.why)
    late = change(device, ChangeKind.RELABELLED, replace(an_alert(), rule=Rule.WIFI_OFF))
    (named,) = await store.apply(batch(changes=[replace(late, change=replace(late.change, why=why))]))

    assert await store.alert(HOTEL, A1) == replace(before, rule=Rule.WIFI_OFF, why=why, revision=before.revision + 1)
    assert named.event.type == EventType.ALERT_CHANGED
    assert len((await store.notifications(HOTEL)).items) == told


async def test_an_acknowledgment_is_in_the_row_in_the_event_and_in_the_answer(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(changes=[opened(device)]))

    answer = await store.acknowledge(HOTEL, A1, by=person("ann"), note="on my way", now=later(30))

    assert answer.acknowledged == Acknowledgment("ann", later(30), "on my way")
    assert answer.revision == 2
    assert await store.alert(HOTEL, A1) == answer
    event = (await after_the_tablets(store))[-1]
    assert (event.type, event.at, event.subject) == (EventType.ALERT_ACKNOWLEDGED, later(30), A1)
    assert alert_of(event) == answer


async def test_neither_side_overwrites_the_other(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(changes=[opened(device)]))
    await store.acknowledge(HOTEL, A1, by=person("ann"), note=None, now=later(1))

    worse = an_alert(severity=Severity.CRITICAL)
    await store.apply(batch(changes=[change(device, ChangeKind.WORSENED, worse)]))

    alert = await store.alert(HOTEL, A1)
    assert alert is not None
    assert alert.acknowledged == Acknowledgment("ann", later(1), None)
    assert alert.severity is Severity.CRITICAL
    assert alert.revision == 3


async def test_who_comes_second_learns_who_was_first(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(changes=[opened(device)]))
    await store.acknowledge(HOTEL, A1, by=person("ann"), note=None, now=later(1))

    with pytest.raises(AlreadyAcknowledged) as refused:
        await store.acknowledge(HOTEL, A1, by=person("bob"), note=None, now=later(2))

    assert (refused.value.by, refused.value.at) == ("ann", later(1))


async def test_what_is_over_or_unknown_cannot_be_acknowledged(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await add_hotel(store, OTHER)
    await store.apply(batch(changes=[opened(device), cleared(device)]))

    with pytest.raises(AlertGone):
        await store.acknowledge(HOTEL, A1, by=person("ann"), note=None, now=NOW)
    with pytest.raises(NotFound):
        await store.acknowledge(HOTEL, AlertId("A9"), by=person("ann"), note=None, now=NOW)
    with pytest.raises(NotFound):
        await store.acknowledge(OTHER, A1, by=person("ann"), note=None, now=NOW)


async def test_of_many_who_acknowledge_at_once_in_two_processes_one_wins(store: Store, second: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(changes=[opened(device)]))

    answers = await asyncio.gather(
        *(
            (store if number % 2 else second).acknowledge(HOTEL, A1, by=person(f"staff-{number}"), note=None, now=NOW)
            for number in range(10)
        ),
        return_exceptions=True,
    )

    won = [answer for answer in answers if isinstance(answer, AlertSnapshot)]
    lost = [answer for answer in answers if isinstance(answer, AlreadyAcknowledged)]
    assert len(won) == 1
    assert len(lost) == 9
    assert won[0].acknowledged is not None
    assert {refusal.by for refusal in lost} == {won[0].acknowledged.by}
    types = [event.type for event in await after_the_tablets(store)]
    assert types == [EventType.ALERT_OPENED, EventType.ALERT_ACKNOWLEDGED]


async def test_a_timeline_tells_the_alerts_life_with_its_reasons(store: Store) -> None:
    (device, other) = await add_hotel(store)
    await store.apply(batch(changes=[opened(device), opened(other, "A2")]))
    await store.acknowledge(HOTEL, A1, by=person("ann"), note="on my way", now=later(30))
    await store.apply(batch(changes=[cleared(device, at=later(60))]))

    entries = await store.timeline(HOTEL, A1)

    assert [(entry.type, entry.at, entry.why, entry.by, entry.note) for entry in entries] == [
        (EventType.ALERT_OPENED, NOW, WHY, None, None),
        (EventType.ALERT_ACKNOWLEDGED, later(30), (), "ann", "on my way"),
        (EventType.ALERT_CLEARED, later(60), ENDED, None, None),
    ]
    assert await store.timeline(OTHER, A1) == []


async def test_alerts_are_paged_newest_first_and_nothing_is_shown_twice(store: Store) -> None:
    devices = await add_hotel(store, tablets=7)
    # Three of the same moment, so that the place in the order needs more than the time.
    times = [0, 5, 5, 5, 6, 7, 8]
    for number, device in enumerate(devices):
        await store.apply(batch(changes=[opened(device, f"A{number}", opened_at=later(times[number]))]))
    await store.apply(batch(changes=[cleared(devices[6], "A6"), cleared(devices[2], "A2")]))

    async def listed(status: AlertStatus | None) -> list[str]:
        seen: list[str] = []
        cursor = None
        while True:
            page = await store.alerts(HOTEL, status=status, cursor=cursor, limit=2)
            seen += [alert.id for alert in page.items]
            if (cursor := page.next) is None:
                return seen

    assert await listed(None) == ["A6", "A5", "A4", "A3", "A2", "A1", "A0"]
    assert await listed(AlertStatus.OPEN) == ["A5", "A4", "A3", "A1", "A0"]
    assert await listed(AlertStatus.RESOLVED) == ["A6", "A2"]


async def test_a_status_and_a_change_of_the_monitor_are_events_after_the_alerts(store: Store) -> None:
    (device, _) = await add_hotel(store)
    status = StatusSnapshot(
        device_id=device.id,
        room_id=device.room_id,
        link=LinkState.ONLINE,
        posture=Posture.FOREIGN,
        power=Power.OK,
        since=NOW,
        last_heard=NOW,
        battery=80.0,
        charging=False,
        rssi=-60.0,
    )
    whole = Batch(
        received_at=later(2),
        monitor=[MonitorChange(HOTEL, "watching", None, later(1))],
        statuses=[StatusChange(HOTEL, status)],
        changes=[opened(device)],
    )

    recorded = [one.event for one in await store.apply(whole)]

    assert [(event.type, event.subject, event.at) for event in recorded] == [
        (EventType.ALERT_OPENED, "A1", NOW),
        (EventType.DEVICE_STATUS, "tab-0", later(2)),
        (EventType.MONITOR_CHANGED, HOTEL, later(1)),
    ]
    assert msgspec.json.decode(recorded[1].data, type=StatusSnapshot) == status
    assert msgspec.json.decode(recorded[2].data) == {
        "state": "watching",
        "why": None,
        "since": "2026-11-23T10:00:01Z",
    }
