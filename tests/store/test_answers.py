"""What people answer to an alert: first wins, nobody is told of what somebody answered for, nothing holds for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import pytest

from rules.alerts import AlertSnapshot, AlertStatus, ChangeKind, Condition, Family, Severity
from rules.ids import AlertId, HotelId, UserName
from rules.response import LAPSES_AFTER, Resolved
from store import INNWATCH, AlertGone, AnswerRefused, Deed, NeedsManager, NotFound, Overtaken, Store
from store.lapsing import Overdue
from store.records import (
    AnsweredAlert,
    Channel,
    Claimed,
    Device,
    EventType,
    InboxKind,
    MemberRole,
    NoticeKind,
    NotificationId,
    NotificationState,
)
from tests.store.given import (
    HOTEL,
    MAIL,
    NOW,
    OTHER,
    SLACK,
    add_hotel,
    an_alert,
    batch,
    change,
    cleared,
    count_notifications,
    later,
    opened,
)
from tests.support import person

A1 = AlertId("A1")
ANN, BOB = person("ann"), person("bob")
AN_HOUR = LAPSES_AFTER.total_seconds()
LEASE = timedelta(minutes=2)


async def one_alert(
    store: Store, *, severity: Severity = Severity.HIGH, channels: tuple[Channel, ...] = (MAIL,)
) -> Device:
    (device, _) = await add_hotel(store, channels=channels)
    await store.apply(batch(changes=[opened(device, severity=severity)]))
    return device


async def the_alert(store: Store) -> AlertSnapshot:
    found = await store.alert(HOTEL, A1)
    assert found is not None
    return found


async def newest_event(store: Store) -> tuple[EventType, AnsweredAlert]:
    event = (await store.events_after(HOTEL, 0, limit=1000))[-1]
    return event.type, msgspec.json.decode(event.data, type=AnsweredAlert)


async def send_what_is_due(store: Store, seconds: float = 0) -> list[NoticeKind]:
    """Claim and deliver until nothing is due, as a worker would; what was sent."""
    sent = []
    while refs := await store.due_notifications(later(seconds), limit=10):
        for ref in refs:
            claimed = await claim(store, ref.id, seconds)
            if claimed is not None:
                await store.record_delivered(HOTEL, ref.id, worker="w", now=later(seconds))
                sent.append(claimed.kind)
    return sent


async def claim(store: Store, id_: object, seconds: float) -> Claimed | None:
    return await store.claim_notification(HOTEL, id_, worker="w", now=later(seconds), lease=LEASE)  # type: ignore[arg-type]


async def ledger(store: Store) -> list[tuple[NoticeKind, NotificationState]]:
    return [(row.kind, row.state) for row in reversed((await store.notifications(HOTEL)).items)]


async def test_every_answer_is_in_the_row_in_the_event_in_the_timeline_and_in_the_audit(store: Store) -> None:
    await one_alert(store)
    await store.add_user(HOTEL, UserName("bob"), role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=NOW)
    answers: list[Callable[[], Awaitable[AlertSnapshot]]] = [
        lambda: store.acknowledge(HOTEL, A1, by=ANN, note="on my way", now=later(1)),
        lambda: store.assign_alert(HOTEL, A1, UserName("bob"), by=ANN, now=later(2)),
        lambda: store.note_alert(HOTEL, A1, "the lift was open", by=BOB, now=later(3)),
        lambda: store.snooze_alert(HOTEL, A1, later(600), by=BOB, now=later(4)),
        lambda: store.unacknowledge(HOTEL, A1, by=BOB, now=later(5)),
    ]

    for number, answer in enumerate(answers, start=2):
        alert = await answer()
        assert alert.revision == number
        assert alert == await the_alert(store)
        _, said = await newest_event(store)
        assert (said.revision, said.acknowledged) == (number, alert.acknowledged)

    timeline = (await store.timeline(HOTEL, A1))[1:]
    assert [(one.type, one.at, one.by, one.note, one.assignee, one.until) for one in timeline] == [
        (EventType.ALERT_ACKNOWLEDGED, later(1), "ann", "on my way", None, None),
        (EventType.ALERT_ASSIGNED, later(2), "ann", None, "bob", None),
        (EventType.ALERT_NOTED, later(3), "bob", "the lift was open", None, None),
        (EventType.ALERT_SNOOZED, later(4), "bob", None, None, later(600)),
        (EventType.ALERT_UNACKNOWLEDGED, later(5), "bob", None, None, None),
    ]
    audit = (await store.audit(HOTEL, deed="alert.")).items
    assert [(line.actor, line.deed, line.subject) for line in reversed(audit)] == [
        (one.by, one.type.value, A1) for one in timeline
    ]
    after = await the_alert(store)
    assert (after.acknowledged, after.assignee, after.snoozed_until) == (None, "bob", later(600))


async def test_whoever_saw_an_older_alert_learns_who_changed_it_and_changes_nothing(store: Store) -> None:
    device = await one_alert(store)
    await store.assign_alert(HOTEL, A1, None, by=ANN, now=later(1))  # which changes nothing
    await store.note_alert(HOTEL, A1, "I look", by=ANN, now=later(2), if_revision=1)

    answers: list[Callable[[], Awaitable[AlertSnapshot]]] = [
        lambda: store.acknowledge(HOTEL, A1, by=BOB, note=None, now=later(3), if_revision=1),
        lambda: store.unacknowledge(HOTEL, A1, by=BOB, now=later(3), if_revision=1),
        lambda: store.assign_alert(HOTEL, A1, UserName("bob"), by=BOB, now=later(3), if_revision=1),
        lambda: store.note_alert(HOTEL, A1, "me too", by=BOB, now=later(3), if_revision=1),
        lambda: store.snooze_alert(HOTEL, A1, later(60), by=BOB, now=later(3), if_revision=1),
    ]
    for answer in answers:
        with pytest.raises(Overtaken) as refused:
            await answer()
        assert (refused.value.by, refused.value.at, refused.value.revision) == ("ann", later(2), 2)

    await store.apply(batch(changes=[change(device, ChangeKind.CHANGED, an_alert(), at=later(4))]))
    with pytest.raises(Overtaken) as changed:
        await store.acknowledge(HOTEL, A1, by=BOB, note=None, now=later(5), if_revision=2)
    assert (changed.value.by, changed.value.at, changed.value.revision) == (None, later(4), 3)
    assert (await the_alert(store)).revision == 3


async def test_of_many_with_the_same_revision_one_is_first(store: Store, second: Store) -> None:
    await one_alert(store)

    answers = await asyncio.gather(
        *(
            (store if number % 2 else second).note_alert(HOTEL, A1, f"{number}", by=ANN, now=NOW, if_revision=1)
            for number in range(8)
        ),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers if not isinstance(answer, AlertSnapshot)] == [Overtaken] * 7


async def test_what_is_over_or_another_hotels_cannot_be_answered(store: Store) -> None:
    device = await one_alert(store)
    await add_hotel(store, OTHER)

    def note(hotel_id: HotelId) -> Awaitable[AlertSnapshot]:
        return store.note_alert(hotel_id, A1, "x", by=ANN, now=NOW)

    with pytest.raises(NotFound):
        await note(OTHER)
    await store.apply(batch(changes=[cleared(device)]))
    with pytest.raises(AlertGone):
        await note(HOTEL)


@pytest.mark.parametrize("name", ["nobody", "vera", "zoe"])
async def test_an_alert_is_assigned_to_those_who_may_answer_it(store: Store, name: str) -> None:
    await one_alert(store)
    await add_hotel(store, OTHER)
    await store.add_user(HOTEL, UserName("vera"), role=MemberRole.VIEWER, password_hash=None, by=INNWATCH, now=NOW)
    await store.add_user(OTHER, UserName("zoe"), role=MemberRole.MANAGER, password_hash=None, by=INNWATCH, now=NOW)

    with pytest.raises(AnswerRefused) as refused:
        await store.assign_alert(HOTEL, A1, UserName(name), by=ANN, now=NOW)

    assert refused.value.field == "assignee"


async def test_what_is_acknowledged_is_not_sent_any_more_but_what_gets_worse_is(store: Store) -> None:
    device = await one_alert(store)
    (ref,) = await store.due_notifications(NOW, limit=10)
    await store.acknowledge(HOTEL, A1, by=ANN, note=None, now=later(1))

    assert await claim(store, ref.id, 1) is None

    (row,) = (await store.notifications(HOTEL)).items
    assert (row.state, row.attempts) == (NotificationState.CANCELLED, 0)
    assert row.last_error == "somebody answered for the alert before this was sent"
    worse = an_alert(severity=Severity.CRITICAL)
    await store.apply(batch(changes=[change(device, ChangeKind.WORSENED, worse), cleared(device)]))
    assert await send_what_is_due(store, 2) == [NoticeKind.WORSENED, NoticeKind.RECOVERED]


async def test_a_notice_that_waits_for_its_next_attempt_is_not_sent_after_an_acknowledgment(store: Store) -> None:
    await one_alert(store)
    (ref,) = await store.due_notifications(NOW, limit=10)
    await claim(store, ref.id, 0)
    await store.record_retry(HOTEL, ref.id, worker="w", now=NOW, error="busy", next_at=later(30))

    await store.acknowledge(HOTEL, A1, by=ANN, note=None, now=later(1))

    assert await send_what_is_due(store, 30) == []
    assert await ledger(store) == [(NoticeKind.OPENED, NotificationState.CANCELLED)]


async def test_who_was_not_told_because_of_an_acknowledgment_is_told_when_it_is_taken_back(store: Store) -> None:
    await one_alert(store, channels=(MAIL, SLACK))
    first, second = await store.due_notifications(NOW, limit=10)
    await claim(store, first.id, 0)
    await store.record_delivered(HOTEL, first.id, worker="w", now=NOW)
    await store.acknowledge(HOTEL, A1, by=ANN, note=None, now=later(1))
    assert await claim(store, second.id, 1) is None

    await store.unacknowledge(HOTEL, A1, by=ANN, now=later(2))

    assert [ref.id for ref in await store.due_notifications(later(2), limit=10)] == [second.id]
    assert await send_what_is_due(store, 2) == [NoticeKind.OPENED]


async def test_a_snooze_holds_back_what_is_known_until_it_is_over(store: Store) -> None:
    await one_alert(store)
    await store.snooze_alert(HOTEL, A1, later(600), by=ANN, now=later(1))
    assert await send_what_is_due(store, 1) == []
    assert await store.overdue_answers(later(599), limit=10) == []

    assert await store.overdue_answers(later(600), limit=10) == [Overdue(HOTEL, A1)]
    assert await store.end_answers(HOTEL, A1, now=later(601))
    assert not await store.end_answers(HOTEL, A1, now=later(601))

    assert (await the_alert(store)).snoozed_until is None
    over = (await store.timeline(HOTEL, A1))[-1]
    assert (over.type, over.at, over.by, over.until) == (EventType.ALERT_SNOOZED, later(600), None, None)
    assert await send_what_is_due(store, 601) == [NoticeKind.LAPSED]


async def test_a_snooze_that_is_ended_early_lets_its_notices_go(store: Store) -> None:
    await one_alert(store)
    await store.snooze_alert(HOTEL, A1, later(600), by=ANN, now=later(1))
    assert await send_what_is_due(store, 1) == []

    await store.snooze_alert(HOTEL, A1, None, by=ANN, now=later(2))

    assert await send_what_is_due(store, 2) == [NoticeKind.OPENED]


@pytest.mark.parametrize(
    ("severity", "seconds"),
    [(Severity.LOW, 0), (Severity.LOW, -5), (Severity.LOW, 7 * 86400 + 1), (Severity.CRITICAL, AN_HOUR + 1)],
)
async def test_a_snooze_ends_in_the_future_and_soon_where_it_is_critical(
    store: Store, severity: Severity, seconds: float
) -> None:
    await one_alert(store, severity=severity)

    with pytest.raises(AnswerRefused) as refused:
        await store.snooze_alert(HOTEL, A1, later(seconds), by=ANN, now=NOW)

    assert refused.value.field == "until"


async def test_an_acknowledgment_lapses_after_an_hour_while_the_alert_is_critical(store: Store) -> None:
    await one_alert(store, severity=Severity.CRITICAL)
    await store.acknowledge(HOTEL, A1, by=ANN, note=None, now=later(10))
    assert await send_what_is_due(store, 10) == []
    assert await store.overdue_answers(later(10 + AN_HOUR - 1), limit=10) == []

    assert await store.overdue_answers(later(10 + AN_HOUR), limit=10) == [Overdue(HOTEL, A1)]
    assert await store.end_answers(HOTEL, A1, now=later(20 + AN_HOUR))

    lapsed = (await store.timeline(HOTEL, A1))[-1]
    assert (lapsed.type, lapsed.at, lapsed.by) == (EventType.ALERT_LAPSED, later(10 + AN_HOUR), "ann")
    assert (await the_alert(store)).acknowledged is None
    assert await store.overdue_answers(later(10 * AN_HOUR), limit=10) == []
    assert await send_what_is_due(store, 20 + AN_HOUR) == [NoticeKind.LAPSED]
    await store.acknowledge(HOTEL, A1, by=BOB, note=None, now=later(30 + AN_HOUR))


async def test_an_acknowledgment_of_what_became_critical_later_lapses_an_hour_after_that(store: Store) -> None:
    device = await one_alert(store)
    await store.acknowledge(HOTEL, A1, by=ANN, note=None, now=NOW)
    worse = an_alert(severity=Severity.CRITICAL)
    await store.apply(batch(changes=[change(device, ChangeKind.WORSENED, worse, at=later(900))]))
    await store.apply(batch(changes=[change(device, ChangeKind.CHANGED, worse, at=later(1000))]))

    assert await store.overdue_answers(later(900 + AN_HOUR - 1), limit=10) == []
    assert await store.end_answers(HOTEL, A1, now=later(900 + AN_HOUR))


async def test_a_snooze_of_what_became_critical_later_ends_within_an_hour_after_that(store: Store) -> None:
    device = await one_alert(store)
    assert await send_what_is_due(store) == [NoticeKind.OPENED]
    await store.snooze_alert(HOTEL, A1, later(6 * 86400), by=ANN, now=later(2))
    await store.acknowledge(HOTEL, A1, by=ANN, note=None, now=later(3))
    worse = an_alert(severity=Severity.CRITICAL)
    await store.apply(batch(changes=[change(device, ChangeKind.WORSENED, worse, at=later(900))], at=later(900)))
    assert (await the_alert(store)).snoozed_until == later(900 + AN_HOUR)
    assert await send_what_is_due(store, 900) == [NoticeKind.WORSENED]

    await store.apply(batch(changes=[change(device, ChangeKind.CHANGED, worse, at=later(1000))]))
    assert (await the_alert(store)).snoozed_until == later(900 + AN_HOUR)
    assert await store.end_answers(HOTEL, A1, now=later(900 + AN_HOUR))
    assert await send_what_is_due(store, 900 + AN_HOUR) == [NoticeKind.LAPSED]


async def test_a_snooze_that_ends_sooner_is_left_as_it_is_when_the_alert_gets_worse(store: Store) -> None:
    device = await one_alert(store, severity=Severity.LOW)
    for severity, seconds, until in ((Severity.HIGH, 86400, 86400), (Severity.CRITICAL, 600, 600)):
        await store.snooze_alert(HOTEL, A1, later(seconds), by=ANN, now=later(2))
        worse = an_alert(severity=severity)
        await store.apply(batch(changes=[change(device, ChangeKind.WORSENED, worse, at=later(60))]))
        assert (await the_alert(store)).snoozed_until == later(until)


async def test_an_acknowledgment_of_what_is_not_critical_holds(store: Store) -> None:
    await one_alert(store)
    await store.acknowledge(HOTEL, A1, by=ANN, note=None, now=NOW)

    assert await store.overdue_answers(later(10 * AN_HOUR), limit=10) == []
    assert not await store.end_answers(HOTEL, A1, now=later(10 * AN_HOUR))


async def test_what_was_resolved_does_not_lapse(store: Store) -> None:
    device = await one_alert(store, severity=Severity.CRITICAL)
    await store.acknowledge(HOTEL, A1, by=ANN, note=None, now=NOW)
    await store.apply(batch(changes=[cleared(device)]))

    assert await store.overdue_answers(later(10 * AN_HOUR), limit=10) == []
    assert not await store.end_answers(HOTEL, A1, now=later(10 * AN_HOUR))


async def test_nobody_is_told_of_what_is_suppressed_before_it_is_released(store: Store) -> None:
    device = await one_alert(store, channels=(MAIL, SLACK))
    first, _ = await store.due_notifications(NOW, limit=10)
    await claim(store, first.id, 0)
    await store.record_retry(HOTEL, first.id, worker="w", now=NOW, error="busy", next_at=later(5))
    held = msgspec.structs.replace(an_alert(), suppressed_by="maintenance")
    await store.apply(batch(changes=[change(device, ChangeKind.SUPPRESSED, held)], at=later(1)))
    assert await send_what_is_due(store, 10) == []

    await store.snooze_alert(HOTEL, A1, later(60), by=ANN, now=later(20))
    assert await store.end_answers(HOTEL, A1, now=later(60))
    await store.acknowledge(HOTEL, A1, by=ANN, note=None, now=later(70))
    await store.unacknowledge(HOTEL, A1, by=ANN, now=later(80))
    assert await send_what_is_due(store, 90) == []

    await store.apply(batch(changes=[change(device, ChangeKind.RELEASED, an_alert())], at=later(100)))
    assert await send_what_is_due(store, 100) == [NoticeKind.OPENED] * 2


async def suppressed_while_under_way(store: Store) -> tuple[Device, NotificationId]:
    device = await one_alert(store)
    (notice,) = await store.due_notifications(NOW, limit=10)
    await claim(store, notice.id, 0)
    held = msgspec.structs.replace(an_alert(), suppressed_by="maintenance")
    await store.apply(batch(changes=[change(device, ChangeKind.SUPPRESSED, held)], at=later(1)))
    return device, notice.id


async def test_what_is_under_way_when_its_alert_is_suppressed_is_not_tried_again(store: Store) -> None:
    _, notice = await suppressed_while_under_way(store)

    assert await store.record_retry(HOTEL, notice, worker="w", now=later(2), error="busy", next_at=later(5))

    (line,) = (await store.notifications(HOTEL)).items
    assert (line.state, line.finished_at) == (NotificationState.CANCELLED, later(2))
    assert line.last_error == "something suppressed the alert before this was sent"
    assert await send_what_is_due(store, 10) == []


async def test_what_a_dead_worker_had_of_a_suppressed_alert_is_not_tried_again(store: Store) -> None:
    await suppressed_while_under_way(store)

    assert await send_what_is_due(store, 10 * AN_HOUR) == []
    assert await count_notifications(store, HOTEL) == {NotificationState.CANCELLED: 1}


async def test_what_arrives_although_its_alert_was_suppressed_meanwhile_has_its_end_told(store: Store) -> None:
    device, notice = await suppressed_while_under_way(store)
    assert await store.record_delivered(HOTEL, notice, worker="w", now=later(2))

    await store.apply(batch(changes=[cleared(device)], at=later(3)))

    assert await send_what_is_due(store, 4) == [NoticeKind.RECOVERED]


async def test_what_opens_and_is_suppressed_in_one_batch_is_told_to_nobody(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    held = msgspec.structs.replace(an_alert(), suppressed_by="maintenance")
    await store.apply(batch(changes=[opened(device), change(device, ChangeKind.SUPPRESSED, held)]))

    assert await send_what_is_due(store) == []


async def test_an_answer_is_known_again_by_its_request(store: Store) -> None:
    await one_alert(store)
    ann = msgspec.structs.replace(ANN, request_id="do-1", digest="of-once")
    assert not await store.answered_before(HOTEL, A1, Deed.ALERT_NOTED, by=ann)

    await store.note_alert(HOTEL, A1, "once", by=ann, now=NOW)

    assert await store.answered_before(HOTEL, A1, Deed.ALERT_NOTED, by=ann)
    assert not await store.answered_before(
        HOTEL, A1, Deed.ALERT_NOTED, by=msgspec.structs.replace(ann, request_id="do-2")
    )
    assert not await store.answered_before(
        HOTEL, A1, Deed.ALERT_NOTED, by=msgspec.structs.replace(BOB, request_id="do-1")
    )
    assert not await store.answered_before(
        HOTEL, A1, Deed.ALERT_NOTED, by=msgspec.structs.replace(ann, digest="of-other-words")
    )
    assert not await store.answered_before(HOTEL, A1, Deed.ALERT_RESOLVED, by=ann)


async def test_whoever_resolves_an_alert_ends_it_and_the_rules_hear_of_it(store: Store) -> None:
    device = await one_alert(store)
    assert await send_what_is_due(store) == [NoticeKind.OPENED]

    alert = await store.resolve_alert(HOTEL, A1, by=ANN, role=MemberRole.STAFF, note="a lost bag", now=later(5))

    assert (alert.status, alert.condition, alert.resolved_at) == (AlertStatus.RESOLVED, Condition.ACTIVE, later(5))
    resolved = (await store.timeline(HOTEL, A1))[-1]
    assert (resolved.type, resolved.by, resolved.note) == (EventType.ALERT_RESOLVED, "ann", "a lost bag")
    (row,) = await store.left(limit=10)
    assert (row.device_id, row.kind) == (device.id, InboxKind.DEED)
    assert msgspec.json.decode(row.payload, type=Resolved) == Resolved(
        alert_id=A1, family=Family.BREACH, severity=Severity.HIGH, by="ann", at=later(5)
    )
    assert await send_what_is_due(store, 5) == [NoticeKind.RECOVERED]
    with pytest.raises(AlertGone):
        await store.resolve_alert(HOTEL, A1, by=BOB, role=MemberRole.STAFF, note=None, now=later(6))


async def test_of_what_a_person_has_ended_nobody_is_told_any_more(store: Store) -> None:
    await one_alert(store)
    await store.resolve_alert(HOTEL, A1, by=ANN, role=MemberRole.STAFF, note=None, now=later(1))

    assert await send_what_is_due(store, 1) == []
    assert await ledger(store) == [
        (NoticeKind.OPENED, NotificationState.CANCELLED),
        (NoticeKind.RECOVERED, NotificationState.CANCELLED),
    ]


async def test_what_is_critical_is_ended_by_a_manager(store: Store) -> None:
    await one_alert(store, severity=Severity.CRITICAL)

    with pytest.raises(NeedsManager):
        await store.resolve_alert(HOTEL, A1, by=ANN, role=MemberRole.STAFF, note=None, now=NOW)

    assert await store.left(limit=10) == []
    await store.resolve_alert(HOTEL, A1, by=BOB, role=MemberRole.MANAGER, note=None, now=NOW)
