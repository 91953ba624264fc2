"""Incidents: told once in place of their alerts, taken on once, and found again by the next bridge."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from rules.alerts import Because as Why
from rules.alerts import ChangeKind, Family, Reason, Severity
from rules.ids import AlertId, IncidentId
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.outage import IncidentChange, Turn
from store import AlertGone, AlreadyAcknowledged, NotFound, Store, incident_life
from store.batch import Batch, DeviceChange, IncidentTurn
from store.records import Claimed, Device, EventType, NoticeKind, NotificationState
from store.transaction import Dialect
from tests.store.given import HOTEL, MAIL, NOW, OTHER, SLACK, add_hotel, an_alert, change, later
from tests.support import person

WAIT = timedelta(seconds=20)
LEASE = timedelta(minutes=2)
OUT = IncidentSnapshot(
    id=IncidentId("I1"),
    rule=Outage.AREA,
    scope=Scope.FLOOR,
    place="1",
    opened_at=NOW,
    members=3,
    why=(Reason(Why.AREA_SILENT, observed=3.0, limit=3.0),),
)


def silent(device: Device, *, kind: ChangeKind = ChangeKind.OPENED, **fields: object) -> DeviceChange:
    alert = an_alert(f"A-{device.id}", family=Family.SILENCE, **fields)  # type: ignore[arg-type]
    return change(device, kind, alert)


def waiting(device: Device) -> DeviceChange:
    made = silent(device)
    return DeviceChange(**{name: getattr(made, name) for name in made.__struct_fields__} | {"wait": WAIT})


def turn(
    made: Turn = Turn.OPENED, *, absorbed: Sequence[Device] = (), into: str | None = None, **fields: object
) -> IncidentTurn:
    snapshot = IncidentSnapshot(**{name: getattr(OUT, name) for name in OUT.__struct_fields__} | fields)
    alerts = tuple(AlertId(f"A-{device.id}") for device in absorbed)
    merged = None if into is None else IncidentId(into)
    return IncidentTurn(HOTEL, IncidentChange(turn=made, incident=snapshot, at=NOW, absorbed=alerts, into=merged))


async def apply(store: Store, *changes: DeviceChange, turns: Sequence[IncidentTurn] = (), at: float = 0) -> None:
    await store.apply(Batch(received_at=later(at), changes=list(changes), incidents=list(turns)))


async def send(store: Store, *, at: float) -> list[Claimed]:
    """Deliver all that is due."""
    sent = []
    while refs := await store.due_notifications(later(at), limit=10):
        for ref in refs:
            claimed = await store.claim_notification(HOTEL, ref.id, worker="w", now=later(at), lease=LEASE)
            if claimed is not None:
                await store.record_delivered(HOTEL, ref.id, worker="w", now=later(at))
                sent.append(claimed)
    return sent


async def ledger(store: Store) -> list[tuple[str, NoticeKind, NotificationState]]:
    rows = (await store.notifications(HOTEL)).items
    return [(row.alert_id or row.incident_id or "", row.kind, row.state) for row in reversed(rows)]


async def test_an_incident_is_told_once_in_place_of_its_alerts_and_its_end_to_whoever_heard_of_it(store: Store) -> None:
    one, two, three = await add_hotel(store, tablets=3, channels=[MAIL])
    await apply(store, waiting(one), waiting(two))
    assert await store.due_notifications(later(10), limit=10) == []
    await apply(store, waiting(three), turns=[turn(absorbed=[one, two, three])], at=10)
    assert await send(store, at=19) == []

    (sent,) = await send(store, at=20)

    assert isinstance(sent.about, IncidentSnapshot)
    assert (sent.kind, sent.about.members, sent.idempotency_id[:2]) == (NoticeKind.INCIDENT, 3, "I1")
    cancelled = [row for row in (await store.notifications(HOTEL)).items if row.state is NotificationState.CANCELLED]
    assert {row.last_error for row in cancelled} == {"told as part of incident I1"}
    assert {alert.incident_id for alert in await store.open_alerts(HOTEL)} == {"I1"}
    over = turn(Turn.CLOSED, members=3, back=3, closed_at=later(60))
    await apply(store, *(silent(device, kind=ChangeKind.CLEARED) for device in (one, two, three)), turns=[over], at=60)
    (end,) = await send(store, at=60)
    assert end.kind is NoticeKind.INCIDENT_OVER
    events = await store.events_after(HOTEL, 0, limit=50)
    assert [event.type for event in events if event.subject == "I1"] == [
        EventType.INCIDENT_OPENED,
        EventType.NOTIFICATION_SENT,
        EventType.INCIDENT_CLOSED,
        EventType.NOTIFICATION_SENT,
    ]


async def test_what_an_incident_speaks_for_is_told_to_nobody_while_it_lasts_and_by_itself_when_it_is_lost(
    store: Store,
) -> None:
    one, two, three = await add_hotel(store, tablets=3, channels=[MAIL])
    await apply(store, *map(waiting, (one, two, three)), turns=[turn(absorbed=[one, two, three])])
    await send(store, at=20)
    worse = silent(one, kind=ChangeKind.WORSENED, severity=Severity.CRITICAL)
    spoken_for = DeviceChange(
        **{name: getattr(worse, name) for name in worse.__struct_fields__} | {"spoken_for": IncidentId("I1")}
    )
    await apply(store, spoken_for, at=30)
    assert await send(store, at=30) == []

    await apply(store, worse, turns=[turn(Turn.CLOSED, back=2, lost=1, closed_at=later(300))], at=300)

    assert [(sent.kind, sent.about.id) for sent in await send(store, at=300)] == [
        (NoticeKind.WORSENED, "A-tab-0"),
        (NoticeKind.INCIDENT_OVER, "I1"),
    ]
    await apply(store, silent(one, kind=ChangeKind.CLEARED), silent(two, kind=ChangeKind.CLEARED), at=400)
    assert [(sent.kind, sent.about.id) for sent in await send(store, at=400)] == [(NoticeKind.RECOVERED, "A-tab-0")]


async def test_answers_that_end_are_not_told_one_by_one_while_an_incident_speaks_for_their_alerts(store: Store) -> None:
    tablets = await add_hotel(store, tablets=3, channels=[MAIL])
    one, two, three = (AlertId(f"A-{device.id}") for device in tablets)
    critical = [silent(device, severity=Severity.CRITICAL) for device in tablets]
    await apply(store, *critical)
    await store.acknowledge(HOTEL, one, by=person("sam"), note=None, now=later(1))
    await send(store, at=2)
    await apply(store, turns=[turn(absorbed=tablets)], at=3)
    assert [sent.kind for sent in await send(store, at=4)] == [NoticeKind.INCIDENT]
    for name in (two, three):
        await store.acknowledge(HOTEL, name, by=person("sam"), note=None, now=later(5))
    await store.unacknowledge(HOTEL, one, by=person("sam"), now=later(6))

    assert await store.end_answers(HOTEL, two, now=later(3605))
    assert await send(store, at=3605) == []

    await apply(store, turns=[turn(Turn.CLOSED, back=0, lost=3, closed_at=later(3605))], at=3605)
    await send(store, at=3605)
    assert await store.end_answers(HOTEL, three, now=later(3606))
    assert [sent.kind for sent in await send(store, at=3606)] == [NoticeKind.LAPSED]


async def test_nobody_is_told_of_a_silence_that_was_over_before_its_wait(store: Store) -> None:
    (one, _) = await add_hotel(store, channels=[MAIL])
    await apply(store, waiting(one))
    await apply(store, silent(one, kind=ChangeKind.CLEARED), at=15)

    assert await send(store, at=60) == []
    assert [state for _, _, state in await ledger(store)] == [NotificationState.CANCELLED] * 2


async def test_an_incident_that_widens_is_told_again_unless_it_still_waits(store: Store) -> None:
    one, two, three = await add_hotel(store, tablets=3, channels=[MAIL])
    await apply(store, *map(waiting, (one, two, three)), turns=[turn(absorbed=[one, two])])
    wider = turn(Turn.CHANGED, absorbed=[three], rule=Outage.HOTEL, scope=Scope.HOTEL, place=None)
    await apply(store, turns=[wider], at=5)
    (sent,) = await send(store, at=20)
    assert isinstance(sent.about, IncidentSnapshot)
    assert sent.about.rule is Outage.HOTEL

    await apply(store, turns=[turn(Turn.CHANGED, back=3, back_at=later(40))], at=40)
    assert await send(store, at=40) == []
    await apply(store, turns=[wider], at=50)
    assert len(await send(store, at=50)) == 1


async def test_an_incident_that_lasts_is_told_again_though_somebody_has_it(store: Store) -> None:
    one, two, three = await add_hotel(store, tablets=3, channels=[MAIL])
    await apply(store, waiting(one), waiting(two), waiting(three), turns=[turn(absorbed=[one, two, three])])
    await send(store, at=21)
    await store.acknowledge_incident(HOTEL, OUT.id, by=person("sam"), now=later(30))
    await apply(store, turns=[turn(Turn.LASTS)], at=3600)

    assert [claimed.kind for claimed in await send(store, at=3601)] == [NoticeKind.INCIDENT]


async def test_a_channel_that_fails_keeps_no_other_from_hearing_that_an_incident_widened(store: Store) -> None:
    one, two, three = await add_hotel(store, tablets=3, channels=[MAIL, SLACK])
    await apply(store, *map(waiting, (one, two, three)), turns=[turn(absorbed=[one, two, three])])
    told, failed = await store.due_notifications(later(20), limit=10)
    for ref in (told, failed):
        assert await store.claim_notification(HOTEL, ref.id, worker="w", now=later(20), lease=LEASE)
    await store.record_delivered(HOTEL, told.id, worker="w", now=later(20))
    await store.record_retry(HOTEL, failed.id, worker="w", now=later(20), error="busy", next_at=later(60))

    wider = turn(Turn.CHANGED, rule=Outage.HOTEL, scope=Scope.HOTEL, place=None)
    await apply(store, turns=[wider], at=30)

    (heard,) = await send(store, at=30)
    (late,) = await send(store, at=60)
    assert [(sent.channel, sent.kind) for sent in (heard, late)] == [
        (MAIL, NoticeKind.INCIDENT),
        (SLACK, NoticeKind.INCIDENT),
    ]
    assert isinstance(late.about, IncidentSnapshot)
    assert late.about.rule is Outage.HOTEL


async def test_one_that_becomes_part_of_another_is_told_no_more(store: Store) -> None:
    one, two, three = await add_hotel(store, tablets=3, channels=[MAIL])
    await apply(store, *map(waiting, (one, two, three)), turns=[turn(absorbed=[one, two, three])])
    await apply(store, turns=[turn(Turn.CLOSED, into="I0", closed_at=later(5), lost=3)], at=5)
    assert await send(store, at=60) == []
    (closed,) = (await store.incidents(HOTEL)).items
    assert (closed.lost, closed.part_of, closed.why[-1].because) == (0, "I0", Why.PART_OF_OUTAGE)


async def test_first_who_takes_an_incident_on_wins_and_what_is_pending_of_it_is_not_sent(store: Store) -> None:
    one, two, three = await add_hotel(store, tablets=3, channels=[MAIL])
    await apply(store, *map(waiting, (one, two, three)), turns=[turn(absorbed=[one, two, three])])

    taken = await store.acknowledge_incident(HOTEL, OUT.id, by=person("sam"), now=later(8))

    assert taken.acknowledged is not None
    assert (taken.acknowledged.by, taken.revision) == ("sam", 2)
    assert await send(store, at=20) == []
    with pytest.raises(AlreadyAcknowledged, match="sam"):
        await store.acknowledge_incident(HOTEL, OUT.id, by=person("ann"), now=later(9))
    with pytest.raises(NotFound):
        await store.acknowledge_incident(OTHER, OUT.id, by=person("ann"), now=later(9))
    await apply(store, turns=[turn(Turn.CLOSED, back=3, closed_at=later(60))], at=60)
    with pytest.raises(AlertGone):
        await store.acknowledge_incident(HOTEL, OUT.id, by=person("ann"), now=later(61))
    (closed,) = (await store.incidents(HOTEL)).items
    assert (closed.acknowledged, closed.closed_at) == (taken.acknowledged, later(60))


async def test_incidents_are_read_newest_first_and_those_that_last_with_their_tablets(store: Store) -> None:
    one, two, three = await add_hotel(store, tablets=3)
    await apply(store, *map(waiting, (one, two, three)), turns=[turn(absorbed=[one, two, three])])
    await apply(store, turns=[turn(id=IncidentId("I2"), opened_at=later(9))])
    await apply(store, turns=[turn(Turn.CLOSED, id=IncidentId("I2"), opened_at=later(9), closed_at=later(20))])

    page = await store.incidents(HOTEL, limit=1)
    assert [incident.id for incident in page.items] == ["I2"]
    assert [incident.id for incident in (await store.incidents(HOTEL, cursor=page.next)).items] == ["I1"]
    assert [incident.id for incident in (await store.incidents(HOTEL, open_only=True)).items] == ["I1"]
    (lasting,) = await store.lasting_incidents(HOTEL)
    assert (lasting.incident.id, lasting.alerts) == (
        "I1",
        {"A-tab-0": "tab-0", "A-tab-1": "tab-1", "A-tab-2": "tab-2"},
    )
    assert [alert.id for alert in await store.incident_alerts(HOTEL, OUT.id)] == ["A-tab-0", "A-tab-1", "A-tab-2"]
    assert await store.incident(OTHER, OUT.id) is None
    assert await store.incident_alerts(OTHER, OUT.id) == []


async def test_its_life_is_told_in_steps_that_say_more_than_a_count(store: Store) -> None:
    one, two, three = await add_hotel(store, tablets=3, channels=[MAIL])
    await apply(store, *map(waiting, (one, two, three)), turns=[turn(absorbed=[one, two])])
    await send(store, at=20)
    await apply(store, turns=[turn(Turn.CHANGED, back=1)], at=30)
    await apply(store, turns=[turn(Turn.CHANGED, back=2)], at=31)
    await store.acknowledge_incident(HOTEL, OUT.id, by=person("sam"), now=later(40))
    await apply(store, turns=[turn(Turn.CLOSED, back=3, closed_at=later(60))], at=60)

    steps = await store.incident_steps(HOTEL, OUT.id)

    if store._database.dialect is Dialect.SQLITE:
        asked = f"EXPLAIN QUERY PLAN {incident_life._STEPS}"
        plan = await store._database.ask(asked, hotel=HOTEL, incident=OUT.id)
        assert "ix_event_incident" in str(plan)
    told = [(step.type, step.back, step.by, step.notice) for step in steps if step.notice != NoticeKind.OPENED]
    assert told == [
        (EventType.INCIDENT_OPENED, 0, None, None),
        (EventType.NOTIFICATION_SENT, None, None, NoticeKind.INCIDENT),
        (EventType.INCIDENT_CHANGED, 2, None, None),
        (EventType.INCIDENT_CHANGED, 2, "sam", None),
        (EventType.INCIDENT_CLOSED, 3, None, None),
    ]
