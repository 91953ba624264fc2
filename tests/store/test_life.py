"""The condition side of an alert that comes back, is held, or is not told."""

import msgspec

from rules.alerts import AlertSnapshot, AlertStatus, Because, ChangeKind, Condition, Family, Reason, Rule, Severity
from rules.ids import AlertId, RoomId
from store import Store
from store.records import EventType, NoticeKind
from tests.store.given import HOTEL, MAIL, NOW, WHY, add_hotel, an_alert, batch, change, cleared, later, opened
from tests.support import person

A1 = AlertId("A1")
AGAIN = an_alert(count=2)


async def the_alert(store: Store) -> AlertSnapshot:
    alert = await store.alert(HOTEL, A1)
    assert alert is not None
    return alert


async def told(store: Store) -> list[NoticeKind]:
    page = await store.notifications(HOTEL, limit=50)
    return [notice.kind for notice in reversed(page.items)]


async def test_an_alert_that_fires_again_is_open_again_and_taken_on_by_nobody(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    await store.apply(batch(changes=[opened(device)]))
    await store.acknowledge(HOTEL, A1, by=person("ana"), note="coming", now=later(1))
    await store.apply(batch(changes=[cleared(device, at=later(2))]))

    (event,) = await store.apply(batch(changes=[change(device, ChangeKind.REOPENED, AGAIN, at=later(60))]))

    alert = await the_alert(store)
    assert (alert.status, alert.condition, alert.resolved_at) == (AlertStatus.OPEN, Condition.ACTIVE, None)
    assert (alert.acknowledged, alert.reopened, alert.count, alert.why) == (None, 1, 2, WHY)
    assert event.event.type is EventType.ALERT_REOPENED
    assert msgspec.json.decode(event.event.data, type=AlertSnapshot) == alert
    assert [one.id for one in await store.open_alerts(HOTEL)] == [A1]
    assert await told(store) == [NoticeKind.OPENED, NoticeKind.RECOVERED, NoticeKind.REOPENED]


async def test_an_alert_that_fires_again_names_the_room_that_its_tablet_was_moved_to(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(changes=[opened(device), cleared(device, at=later(2))]))
    again = change(device, ChangeKind.REOPENED, AGAIN, at=later(60))
    worse = change(device, ChangeKind.WORSENED, AGAIN, at=later(61))

    (event,) = await store.apply(batch(changes=[msgspec.structs.replace(again, room_id=RoomId("205"), floor="2")]))
    alert = await the_alert(store)
    assert (alert.room_id, alert.floor) == ("205", "2")
    assert msgspec.json.decode(event.event.data, type=AlertSnapshot) == alert

    await store.apply(batch(changes=[worse]))  # what is open stays where it was
    assert ((await the_alert(store)).room_id, (await the_alert(store)).floor) == ("205", "2")


async def test_an_alert_that_waits_for_a_person_is_cleared_and_open(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    await store.apply(batch(changes=[opened(device, family=Family.TAMPER)]))
    waiting = msgspec.structs.replace(an_alert(family=Family.TAMPER), condition=Condition.CLEARED)

    (event,) = await store.apply(batch(changes=[change(device, ChangeKind.SUBSIDED, waiting, at=later(5))]))

    alert = await the_alert(store)
    assert (alert.status, alert.condition, alert.resolved_at) == (AlertStatus.OPEN, Condition.CLEARED, None)
    assert event.event.type is EventType.ALERT_CLEARED
    assert await told(store) == [NoticeKind.OPENED]


async def test_nobody_is_told_of_what_is_suppressed_until_it_is_no_more(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    quiet = an_alert(severity=Severity.INFO)
    quiet = msgspec.structs.replace(quiet, suppressed_by=Because.PART_OF_OUTAGE)
    await store.apply(batch(changes=[change(device, ChangeKind.OPENED, quiet)]))
    assert (await the_alert(store)).suppressed_by == Because.PART_OF_OUTAGE
    assert await told(store) == []

    await store.apply(batch(changes=[change(device, ChangeKind.RELEASED, an_alert(), at=later(9))]))

    assert (await the_alert(store)).suppressed_by is None
    assert await told(store) == [NoticeKind.OPENED]


async def test_what_is_flapping_is_told_once_and_shown(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    await store.apply(batch(changes=[opened(device)]))
    held = msgspec.structs.replace(an_alert(), flapping=Reason(Because.FLAPPING, observed=4.0, limit=4.0, since=NOW))

    (event,) = await store.apply(batch(changes=[change(device, ChangeKind.FLAPPING, held, at=later(9))]))

    assert event.event.type is EventType.ALERT_CHANGED
    assert (await the_alert(store)).flapping
    assert await told(store) == [NoticeKind.OPENED, NoticeKind.FLAPPING]


async def test_an_alert_that_is_over_is_relabelled_and_stays_over(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    await store.apply(batch(changes=[opened(device), cleared(device)]))
    named = msgspec.structs.replace(an_alert(), rule=Rule.BREACH_REPORTED)

    (event,) = await store.apply(batch(changes=[change(device, ChangeKind.RELABELLED, named, at=later(99))]))

    alert = await the_alert(store)
    assert (alert.rule, alert.status) == (Rule.BREACH_REPORTED, AlertStatus.RESOLVED)
    assert event.event.type is EventType.ALERT_CHANGED
    assert await told(store) == [NoticeKind.OPENED, NoticeKind.RECOVERED]


async def test_an_alert_says_by_which_rules_it_was_decided(store: Store) -> None:
    (device, _) = await add_hotel(store)
    first = msgspec.structs.replace(opened(device), rule_version="1/3")
    await store.apply(batch(changes=[first]))
    assert (await the_alert(store)).rule_version == "1/3"

    moved = msgspec.structs.replace(change(device, ChangeKind.WORSENED, an_alert()), rule_version="1/4")
    await store.apply(batch(changes=[moved]))
    assert (await the_alert(store)).rule_version == "1/4"
