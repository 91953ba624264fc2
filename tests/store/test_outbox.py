"""The outbox: every notice that is due is claimed by one worker at a time, and ends delivered, dead or cancelled."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from rules.alerts import ChangeKind, Family, Severity
from rules.ids import HotelId
from store import Limits, Store
from store.claiming import AT_ONCE
from store.records import (
    Channel,
    ChannelKind,
    Claimed,
    EmailChannel,
    EventType,
    NoticeKind,
    NotificationId,
    NotificationRef,
    NotificationState,
)
from tests.store.given import (
    HOTEL,
    MAIL,
    NOW,
    ON_POSTGRESQL,
    OTHER,
    SLACK,
    add_hotel,
    an_alert,
    batch,
    change,
    cleared,
    count_notifications,
    heartbeat,
    later,
    open_at,
    opened,
)

LEASE = timedelta(minutes=2)


async def due(store: Store, seconds: float = 0) -> list[NotificationId]:
    return [ref.id for ref in await store.due_notifications(later(seconds), limit=100)]


async def claim(store: Store, id_: NotificationId, *, worker: str = "w-1", at: float = 0) -> Claimed | None:
    return await store.claim_notification(HOTEL, id_, worker=worker, now=later(at), lease=LEASE)


@pytest.fixture
async def notice(store: Store) -> NotificationId:
    """The one notification of an alert that opened in a hotel with one channel."""
    (device, _) = await add_hotel(store, channels=[MAIL])
    await store.apply(batch(changes=[opened(device)]))
    (id_,) = await due(store)
    return id_


async def test_opening_worsening_and_recovery_are_told_to_each_channel_and_nothing_else_is(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL, SLACK])
    changes = [
        opened(device),
        change(device, ChangeKind.CHANGED, an_alert()),
        change(device, ChangeKind.WORSENED, an_alert(severity=Severity.CRITICAL)),
        cleared(device),
    ]

    await store.apply(batch(changes=changes))

    ledger = (await store.notifications(HOTEL)).items
    assert [(row.kind, row.channel) for row in reversed(ledger)] == [
        (kind, channel)
        for kind in (NoticeKind.OPENED, NoticeKind.WORSENED, NoticeKind.RECOVERED)
        for channel in (ChannelKind.EMAIL, ChannelKind.SLACK)
    ]
    assert {row.alert_id for row in ledger} == {"A1"}
    assert await count_notifications(store, HOTEL) == {NotificationState.PENDING: 6}


async def test_a_hotel_without_channels_is_told_nothing(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await add_hotel(store, OTHER, channels=[MAIL])

    await store.apply(batch(changes=[opened(device)]))

    assert await due(store) == []


async def test_a_claim_has_everything_that_a_message_needs(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[SLACK])
    await store.apply(batch(changes=[opened(device)]))
    (ref,) = await store.due_notifications(NOW, limit=1)
    as_it_opened = await store.alert(HOTEL, an_alert().id)
    await store.apply(batch(changes=[change(device, ChangeKind.WORSENED, an_alert(severity=Severity.CRITICAL))]))

    claimed = await claim(store, ref.id)

    assert ref == NotificationRef(HOTEL, ref.id)
    assert claimed is not None
    assert claimed.channel == SLACK
    assert claimed.kind is NoticeKind.OPENED
    assert claimed.about == as_it_opened
    assert (claimed.attempt, claimed.lease_until) == (1, NOW + LEASE)
    assert (claimed.hotel_name, claimed.timezone) == ("Hotel seaview", "UTC")
    assert "secret" not in repr(claimed)


async def test_what_is_claimed_is_due_to_nobody_until_the_lease_ends(store: Store, notice: NotificationId) -> None:
    assert await claim(store, notice, worker="w-1") is not None

    assert await due(store, 119) == []
    assert await claim(store, notice, worker="w-2", at=119) is None
    assert await due(store, 120) == [notice]
    again = await claim(store, notice, worker="w-2", at=120)
    assert again is not None
    assert again.attempt == 2


async def test_who_asks_again_for_its_own_claim_has_it_still(store: Store, notice: NotificationId) -> None:
    made = await claim(store, notice, worker="w-1-aa")

    assert await claim(store, notice, worker="w-1-aa", at=60) == made
    assert await claim(store, notice, worker="w-1-bb", at=60) is None
    assert await store.record_delivered(HOTEL, notice, worker="w-1-aa", now=later(61))
    assert await claim(store, notice, worker="w-1-aa", at=62) is None


async def test_what_a_dead_worker_claimed_can_be_taken_back_by_its_name_once(
    store: Store, notice: NotificationId
) -> None:
    assert await claim(store, notice, worker="desk_1:8085-aa") is not None

    for other in ("desk_1:80-", "desk%", "desk-1:8085-", "x"):
        assert await store.take_back_notifications(worker=other, now=later(5)) == 0
    assert await store.take_back_notifications(worker="desk_1:8085-", now=later(5)) == 1

    assert await due(store, 5) == [notice]
    assert not await store.record_delivered(HOTEL, notice, worker="desk_1:8085-aa", now=later(6))
    # A notice that kills who sends it may do so twice; from then on it waits for its leases.
    assert await claim(store, notice, worker="desk_1:8085-bb", at=6) is not None
    assert await store.take_back_notifications(worker="desk_1:8085-", now=later(7)) == 0
    assert await store.take_back_notifications(worker="desk_1:8085-", now=later(700)) == 0


async def test_what_is_finished_is_not_taken_back(store: Store, notice: NotificationId) -> None:
    assert await claim(store, notice, worker="desk-aa") is not None
    assert await store.record_delivered(HOTEL, notice, worker="desk-aa", now=later(1))

    assert await store.take_back_notifications(worker="desk-", now=later(2)) == 0


async def test_of_many_workers_in_two_processes_one_gets_the_notice(
    store: Store, second: Store, notice: NotificationId
) -> None:
    claims = await asyncio.gather(
        *(claim((store, second)[number % 2], notice, worker=f"w-{number}") for number in range(10))
    )

    assert len([one for one in claims if one is not None]) == 1


async def test_a_delivery_is_recorded_once_with_its_event(store: Store, notice: NotificationId) -> None:
    await claim(store, notice)

    assert await store.record_delivered(HOTEL, notice, worker="w-1", now=later(3))
    assert not await store.record_delivered(HOTEL, notice, worker="w-1", now=later(4))

    (row,) = (await store.notifications(HOTEL)).items
    assert (row.state, row.finished_at, row.due_at, row.attempts) == (NotificationState.DELIVERED, later(3), None, 1)
    events = await store.events_after(HOTEL, 3, limit=10)
    assert [(event.type, event.subject, event.at) for event in events] == [
        (EventType.NOTIFICATION_SENT, "A1", later(3))
    ]
    assert msgspec.json.decode(events[0].data) == {"alertId": "A1", "channel": "email", "kind": "opened"}
    assert await due(store, 10**6) == []


async def test_a_worker_that_lost_its_lease_records_nothing(store: Store, notice: NotificationId) -> None:
    await claim(store, notice, worker="slow")
    await claim(store, notice, worker="quick", at=120)

    now = later(121)
    assert not await store.record_delivered(HOTEL, notice, worker="slow", now=now)
    assert not await store.record_dead(HOTEL, notice, worker="slow", now=now, error="x")
    assert not await store.record_retry(HOTEL, notice, worker="slow", now=now, error="x", next_at=now)

    (row,) = (await store.notifications(HOTEL)).items
    assert (row.state, row.last_error) == (NotificationState.SENDING, None)
    assert await store.record_delivered(HOTEL, notice, worker="quick", now=now)


async def test_a_retry_waits_for_its_time_and_keeps_the_identity_of_the_notice(
    store: Store, notice: NotificationId
) -> None:
    first = await claim(store, notice, worker="w-1")

    await store.record_retry(HOTEL, notice, worker="w-1", now=later(1), error="503", next_at=later(60))

    assert await due(store, 59) == []
    assert await due(store, 60) == [notice]
    second = await claim(store, notice, worker="w-2", at=60)
    assert first is not None
    assert second is not None
    assert first.idempotency_id == second.idempotency_id
    assert second.attempt == 2
    (row,) = (await store.notifications(HOTEL)).items
    assert row.last_error == "503"


async def test_a_dead_notice_says_why_in_the_ledger_and_in_its_event(store: Store, notice: NotificationId) -> None:
    await claim(store, notice)

    await store.record_dead(HOTEL, notice, worker="w-1", now=later(3), error="no such mailbox")

    (row,) = (await store.notifications(HOTEL, state=NotificationState.DEAD)).items
    assert (row.state, row.last_error, row.finished_at) == (NotificationState.DEAD, "no such mailbox", later(3))
    (event,) = await store.events_after(HOTEL, 3, limit=10)
    assert event.type is EventType.NOTIFICATION_DEAD
    assert msgspec.json.decode(event.data)["error"] == "no such mailbox"
    (_, entry) = await store.timeline(HOTEL, an_alert().id)
    assert (entry.channel, entry.notice, entry.error) == (ChannelKind.EMAIL, NoticeKind.OPENED, "no such mailbox")


async def test_notices_of_the_same_alert_have_identities_of_their_own(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL, SLACK])
    await store.apply(batch(changes=[opened(device), cleared(device)]))

    identities = set()
    while waiting := await due(store):
        for id_ in waiting:
            claimed = await claim(store, id_)
            assert claimed is not None
            identities.add(claimed.idempotency_id)
            await store.record_delivered(HOTEL, id_, worker="w-1", now=NOW)

    assert len(identities) == 4


async def finish(store: Store, id_: NotificationId, *, error: str | None = None, at: float = 0) -> None:
    assert await claim(store, id_, at=at) is not None
    if error is None:
        assert await store.record_delivered(HOTEL, id_, worker="w-1", now=later(at))
    else:
        assert await store.record_dead(HOTEL, id_, worker="w-1", now=later(at), error=error)


async def test_what_one_channel_is_told_of_one_alert_it_is_told_in_order(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    worse = change(device, ChangeKind.WORSENED, an_alert(severity=Severity.CRITICAL))
    await store.apply(batch(changes=[opened(device), worse, cleared(device)]))
    recovered, worsened, first = (row.id for row in (await store.notifications(HOTEL)).items)

    told = []
    for _ in range(3):
        (next_,) = await due(store)
        told.append(next_)
        await finish(store, next_)

    assert told == [first, worsened, recovered]


async def test_a_recovery_waits_for_the_retry_of_what_it_follows(store: Store, notice: NotificationId) -> None:
    device = (await store.load()).hotels[0].devices[0].device
    await claim(store, notice)
    await store.record_retry(HOTEL, notice, worker="w-1", now=NOW, error="503", next_at=later(60))
    await store.apply(batch(changes=[cleared(device)]))
    recovered = (await store.notifications(HOTEL)).items[0].id

    assert await due(store, 59) == []
    assert await claim(store, recovered, at=59) is None
    assert await due(store, 60) == [notice]
    await claim(store, notice, at=60)
    assert await due(store, 61) == []
    await store.record_delivered(HOTEL, notice, worker="w-1", now=later(61))
    assert await due(store, 61) == [recovered]


async def test_another_channel_and_another_alert_wait_for_nobody(store: Store) -> None:
    (device, other) = await add_hotel(store, channels=[MAIL, SLACK])
    await store.apply(batch(changes=[opened(device)]))
    mailed, slacked = await due(store)
    await claim(store, mailed)
    await store.record_retry(HOTEL, mailed, worker="w-1", now=NOW, error="451", next_at=later(60))
    await finish(store, slacked)

    await store.apply(batch(changes=[cleared(device), opened(other, "A2")]))

    names = {row.id: (row.alert_id, row.channel) for row in (await store.notifications(HOTEL)).items}
    assert {names[id_] for id_ in await due(store)} == {("A1", "slack"), ("A2", "email"), ("A2", "slack")}


async def test_a_recovery_of_what_nobody_was_told_of_is_cancelled_and_says_why(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    worse = change(device, ChangeKind.WORSENED, an_alert(severity=Severity.CRITICAL))
    await store.apply(batch(changes=[opened(device), worse, cleared(device)]))
    for _ in range(2):
        (next_,) = await due(store)
        await finish(store, next_, error="no such mailbox")
    (recovered,) = await due(store)

    assert await store.claim_notification(OTHER, recovered, worker="w-1", now=NOW, lease=LEASE) is None
    assert await due(store) == [recovered]
    assert await claim(store, recovered, at=5) is None

    row = (await store.notifications(HOTEL)).items[0]
    assert (row.state, row.kind, row.attempts) == (NotificationState.CANCELLED, NoticeKind.RECOVERED, 0)
    assert (row.finished_at, row.due_at) == (later(5), None)
    assert row.last_error == "nobody was told of the trouble by this channel, so nobody is told that it is over"
    assert await due(store, 10**6) == []
    assert await count_notifications(store, HOTEL) == {NotificationState.DEAD: 2, NotificationState.CANCELLED: 1}


async def test_a_recovery_is_told_where_any_notice_of_the_trouble_got_through(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    worse = change(device, ChangeKind.WORSENED, an_alert(severity=Severity.CRITICAL))
    await store.apply(batch(changes=[opened(device), worse, cleared(device)]))
    (first,) = await due(store)
    await finish(store, first, error="no such mailbox")
    (second,) = await due(store)
    await finish(store, second)

    (recovered,) = await due(store)
    claimed = await claim(store, recovered)

    assert claimed is not None
    assert claimed.kind is NoticeKind.RECOVERED


async def test_another_hotels_notice_can_be_neither_claimed_nor_recorded(store: Store, notice: NotificationId) -> None:
    await add_hotel(store, OTHER)

    assert await store.claim_notification(OTHER, notice, worker="w-1", now=NOW, lease=LEASE) is None
    await claim(store, notice)
    assert not await store.record_delivered(OTHER, notice, worker="w-1", now=NOW)
    assert not await store.record_dead(OTHER, notice, worker="w-1", now=NOW, error="x")
    assert not await store.record_retry(OTHER, notice, worker="w-1", now=NOW, error="x", next_at=NOW)


async def test_the_ledger_is_paged_newest_first(store: Store) -> None:
    devices = await add_hotel(store, tablets=3, channels=[MAIL])
    for number, device in enumerate(devices):
        await store.apply(batch(changes=[opened(device, f"A{number}", family=Family.SILENCE)]))

    first = await store.notifications(HOTEL, limit=2)
    rest = await store.notifications(HOTEL, cursor=first.next, limit=2)

    assert [row.alert_id for row in first.items + rest.items] == ["A2", "A1", "A0"]
    assert rest.next is None


async def test_a_notice_that_cannot_be_read_is_dead_and_keeps_nobody_waiting(
    store: Store, notice: NotificationId, by_hand: Callable[[str], str]
) -> None:
    by_hand("UPDATE event SET data = '{\"of\": \"another version\"}' WHERE type = 'alert.opened'")

    assert await claim(store, notice) is None

    (row,) = (await store.notifications(HOTEL)).items
    assert (row.state, row.last_error) == (
        NotificationState.DEAD,
        "internal error: what it should tell cannot be read",
    )
    assert await due(store, 10**6) == []


async def storm(store: Store, hotel_id: HotelId, *, alerts: int, at: float = 0) -> None:
    """Open alerts of as many tablets in a new hotel with one channel."""
    devices = await add_hotel(store, hotel_id, tablets=alerts, channels=[SLACK])
    changes = [opened(device, f"{hotel_id}-{place}") for place, device in enumerate(devices)]
    await store.apply(batch(changes=changes, at=later(at)))


async def due_by_hotel(store: Store, seconds: float = 0) -> Counter[HotelId]:
    return Counter(ref.hotel_id for ref in await store.due_notifications(later(seconds), limit=100))


async def claim_all(store: Store, *, at: float = 0) -> list[NotificationRef]:
    """Claim everything that may be claimed until nothing is left."""
    claimed = []
    while refs := await store.due_notifications(later(at), limit=100):
        for ref in refs:
            claim = await store.claim_notification(ref.hotel_id, ref.id, worker="w-1", now=later(at), lease=LEASE)
            assert claim is not None, "what is due can be claimed"
            claimed.append(ref)
    return claimed


async def give_back(store: Store, refs: list[NotificationRef], *, at: float, next_at: float) -> None:
    for ref in refs:
        assert await store.record_retry(
            ref.hotel_id, ref.id, worker="w-1", now=later(at), error="no answer", next_at=later(next_at)
        )


async def test_few_notices_are_under_way_to_one_channel(store: Store) -> None:
    await storm(store, HOTEL, alerts=60)
    waiting = [row.id for row in reversed((await store.notifications(HOTEL, limit=100)).items)]

    assert await claim_all(store) == [NotificationRef(HOTEL, id_) for id_ in waiting[:2]]

    assert await claim(store, waiting[2]) is None
    await store.record_delivered(HOTEL, waiting[0], worker="w-1", now=NOW)
    assert await due(store) == [waiting[2]]


async def test_a_lease_that_ended_takes_no_room(store: Store) -> None:
    await storm(store, HOTEL, alerts=3)
    await claim_all(store)

    assert len(await claim_all(store, at=119)) == 0
    assert len(await claim_all(store, at=120)) == 2


async def test_sixty_notices_of_one_hotel_do_not_come_before_the_one_of_another(store: Store) -> None:
    await storm(store, HOTEL, alerts=60)
    await storm(store, OTHER, alerts=1, at=10)

    assert await due_by_hotel(store, 10) == {HOTEL: 2, OTHER: 1}


async def test_a_failing_channel_is_asked_with_one_notice_at_a_time_and_after_the_others(store: Store) -> None:
    await storm(store, HOTEL, alerts=60)
    await give_back(store, await claim_all(store), at=5, next_at=10)
    await storm(store, OTHER, alerts=1, at=20)

    refs = await store.due_notifications(later(20), limit=100)
    assert [ref.hotel_id for ref in refs] == [OTHER, HOTEL]


async def test_a_channel_that_is_well_again_is_told_as_before(store: Store) -> None:
    await storm(store, HOTEL, alerts=60)
    failed = await claim_all(store)
    await give_back(store, failed, at=5, next_at=-1)
    for _ in failed:
        (ref,) = await claim_all(store, at=6)
        await store.record_delivered(HOTEL, ref.id, worker="w-1", now=later(6))

    assert len(await claim_all(store, at=7)) == 2


async def test_all_failing_channels_together_leave_room_for_the_others(store: Store) -> None:
    hotels = [HotelId(f"chain-{number}") for number in range(10)]
    for hotel_id in hotels:
        await storm(store, hotel_id, alerts=5)
    await give_back(store, await claim_all(store), at=5, next_at=6)
    await storm(store, OTHER, alerts=3, at=10)

    claimed = Counter(ref.hotel_id for ref in await claim_all(store, at=10))

    assert claimed.pop(OTHER) == 2
    assert sorted(claimed.values()) == [1, 1, 1, 1]


@ON_POSTGRESQL
async def test_a_storm_of_which_the_planner_knows_nothing_keeps_nobody_waiting(
    store: Store, url: str, by_hand: Callable[[str], str]
) -> None:
    await add_hotel(store, channels=[MAIL, SLACK])
    by_hand(
        "INSERT INTO alert (hotel_key, id, device_key, family, rule, severity, condition, opened_at, last_at, count,"
        " why, status, drill, revision)"
        " SELECT hotel_key, 'A' || number, key, 'breach', 'breach.signal', 'high', 'cleared', number, number, 1,"
        " '[]', 'resolved', FALSE, 1 FROM generate_series(1, 4000) AS number, device WHERE id = 'tab-0'"
    )
    notices = (
        "INSERT INTO notification (hotel_key, alert_key, channel_key, kind, alert_revision, event_id, state, attempts,"
        " due_at, created_at) SELECT alert.hotel_key, alert.key, channel.key, '{}', 1, 1, '{}', 0, {}, 1"
        " FROM alert CROSS JOIN channel ORDER BY alert.key"
    )
    by_hand(notices.format("opened", "delivered", "NULL"))
    by_hand("ANALYZE notification")
    by_hand(notices.format("recovered", "pending", "alert.opened_at"))
    impatient = await open_at(url, limits=Limits(statement_timeout=timedelta(seconds=1)))
    try:
        first = await impatient.due_notifications(NOW, limit=100)
    finally:
        await impatient.close()

    assert len(first) == 2 * AT_ONCE


# -- whom it is for

IT = EmailChannel(("it@seaview.example",), it=True)


@pytest.mark.parametrize(
    ("channels", "of_breach", "of_token"),
    [
        ([MAIL, IT], [MAIL], [IT]),
        ([MAIL, SLACK], [MAIL, SLACK], [MAIL, SLACK]),
        ([IT], [IT], [IT]),
        ([], [], []),
    ],
    ids=["both", "no-it", "it-alone", "nobody"],
)
@pytest.mark.parametrize("family", [Family.BREACH, Family.TOKEN])
async def test_it_hears_of_tokens_and_nobody_else_does_but_nothing_is_told_to_nobody(
    store: Store, channels: list[Channel], of_breach: list[Channel], of_token: list[Channel], family: Family
) -> None:
    (device, _) = await add_hotel(store, channels=channels)
    await add_hotel(store, OTHER, channels=[IT, SLACK])

    # With a message, as it comes: on PostgreSQL most of that is one statement.
    await store.apply(batch(heartbeat(device, "m-1"), changes=[opened(device, family=family)]))
    opening = [(await claim(store, one)) for one in await due(store)]
    await store.apply(batch(changes=[cleared(device, family=family)]))

    told = of_token if family is Family.TOKEN else of_breach
    assert [claimed.channel for claimed in opening if claimed is not None] == told
    assert len((await store.notifications(HOTEL)).items) == 2 * len(told)
