"""No verb shows or touches what is another hotel's. A verb without a row here fails."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from rules.alerts import Because, Family, Reason, Rule, Severity
from rules.clearance import clearance
from rules.ids import (
    AlertId,
    CommandId,
    DeviceId,
    EnrolmentId,
    HotelId,
    IncidentId,
    IntegratorName,
    MessageId,
    ReplayId,
    RoomId,
    UserName,
    WindowId,
)
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.outage import IncidentChange, Turn
from rules.policy import PolicyChanges
from rules.room_status import PmsKind, PmsRecord
from rules.state import DeviceState
from store import INNWATCH, Batch, Deed, NotFound, Store
from store.batch import IncidentTurn, Orphan, PmsTaken, Quarantined
from store.importing import OldAlert, TakenOver
from store.inputs import Span
from store.records import (
    CommandName,
    EventBounds,
    InboxKind,
    MemberRole,
    MigrationCounts,
    NewWindow,
    NotificationId,
    Page,
    PmsLeft,
    Room,
    RoomChanges,
    Way,
)
from tests.store.given import HOTEL, MAIL, NOW, OTHER, add_hotel, batch, heartbeat, later, opened
from tests.support import person

A1, TAB, ROOM, E1 = AlertId("A1"), DeviceId("tab-0"), RoomId("100"), EnrolmentId("e1")
I1 = IncidentId("I1")
NOBODY = UserName("ann")
AP = "aa:bb:cc:00:00:77"
W1 = WindowId("w1")
HUSH = PolicyChanges(battery_low=5)
FIRST = NotificationId(1)
REPLAY = ReplayId("r1")
LEASE = timedelta(minutes=1)
NOTHING: Page[object] = Page(())
OPERA = IntegratorName("opera")
WORD = MessageId("pms:opera:1")
CHECKED_OUT = PmsRecord(by=OPERA, kind=PmsKind.CHECKOUT, room_id=ROOM, ts=NOW)
LEFT = PmsLeft(MessageId("1"), CHECKED_OUT)
OLD_ALERT = OldAlert(
    number=17, device_id=TAB, family=Family.BREACH, rule=Rule.BREACH_REPORTED, severity=Severity.HIGH, at=NOW,
    why=Reason(Because.REPORTED),
)  # fmt: skip


async def listed(store: Store) -> list[object]:
    return [row async for row in store.messages(OTHER)]


async def the_others_round(store: Store) -> object:
    return (await store.round(OTHER, at=NOW)).stops


async def the_others_inputs(store: Store) -> object:
    return [one async for page in store.inputs(OTHER, Span(0, 0, 1_000_000, whole=True)) for one in page.inputs]


async def the_others_command(store: Store) -> object:
    (page,) = (await store.commands(HOTEL)).items
    return await store.command(OTHER, CommandId(page.id))


async def the_others_channel(store: Store) -> object:
    (row,) = await store.channels(HOTEL)
    await store.remove_channel(OTHER, row.id, by=INNWATCH, now=NOW)
    return None


# What OTHER, which has nothing, sees of HOTEL, which has one of everything; an exception where that is the answer.
SEEN: dict[str, tuple[Callable[[Store], Awaitable[object]], object]] = {
    "hotel": (lambda store: store.hotel(HotelId("nowhere")), NotFound),
    "load_hotel": (lambda store: store.load_hotel(HotelId("nowhere")), NotFound),
    "find_device": (lambda store: store.find_device(OTHER, TAB), None),
    "device": (lambda store: store.device(OTHER, TAB), None),
    "devices": (lambda store: store.devices(OTHER), NOTHING),
    "residents": (lambda store: store.residents(OTHER, first=RoomId("0"), last=RoomId("zzz")), {}),
    "rooms": (lambda store: store.rooms(OTHER), NOTHING),
    "room": (lambda store: store.room(OTHER, ROOM), None),
    "change_room": (lambda store: store.change_room(OTHER, ROOM, RoomChanges(), by=INNWATCH, now=NOW), NotFound),
    "add_window": (
        lambda store: store.add_window(OTHER, W1, NewWindow(room_id=ROOM, ends_at=later(60)), by=INNWATCH, now=NOW),
        NotFound,
    ),
    "end_window": (lambda store: store.end_window(OTHER, W1, by=INNWATCH, now=NOW), NotFound),
    "maintenance": (lambda store: store.maintenance(OTHER), NOTHING),
    "policy": (lambda store: store.policy(OTHER, room_id=ROOM), NotFound),
    "policy_exceptions": (lambda store: store.policy_exceptions(OTHER), []),
    "put_policy": (lambda store: store.put_policy(OTHER, HUSH, device_id=TAB, by=INNWATCH, now=NOW), NotFound),
    "change_policy": (lambda store: store.change_policy(OTHER, HUSH, room_id=ROOM, by=INNWATCH, now=NOW), NotFound),
    "channels": (lambda store: store.channels(OTHER), ()),
    "members": (lambda store: store.members(OTHER), NOTHING),
    "member": (lambda store: store.member(OTHER, NOBODY), None),
    "change_role": (
        lambda store: store.change_role(OTHER, NOBODY, MemberRole.MANAGER, by=INNWATCH, now=NOW),
        NotFound,
    ),
    "remove_user": (lambda store: store.remove_user(OTHER, NOBODY, by=INNWATCH, now=NOW), NotFound),
    "disable_member": (lambda store: store.disable_member(OTHER, NOBODY, by=INNWATCH, now=NOW), NotFound),
    "enable_member": (lambda store: store.enable_member(OTHER, NOBODY, by=INNWATCH, now=NOW), NotFound),
    "make_member_link": (lambda store: store.make_member_link(OTHER, NOBODY, by=INNWATCH, now=NOW), NotFound),
    "change_scopes": (
        lambda store: store.change_scopes(OTHER, IntegratorName("opera"), ["alerts"], by=INNWATCH, now=NOW),
        NotFound,
    ),
    "remove_integrator": (
        lambda store: store.remove_integrator(OTHER, IntegratorName("opera"), by=INNWATCH, now=NOW),
        NotFound,
    ),
    "remove_channel": (the_others_channel, NotFound),
    "membership": (lambda store: store.membership(OTHER, NOBODY), None),
    "integrators": (lambda store: store.integrators(OTHER), ()),
    "find_integrator": (lambda store: store.find_integrator(OTHER, IntegratorName("opera")), None),
    "events_after": (lambda store: store.events_after(OTHER, 0, limit=100), []),
    "events_here_after": (lambda store: asyncio.sleep(0, store.events_here_after(OTHER, 0, limit=100)), []),
    "event_bounds": (lambda store: store.event_bounds(OTHER), EventBounds(1, 0)),
    "alerts": (lambda store: store.alerts(OTHER), NOTHING),
    "learned_access_points": (lambda store: store.learned_access_points(OTHER), []),
    "confirm_access_point": (lambda store: store.confirm_access_point(OTHER, AP, by=INNWATCH, now=NOW), NotFound),
    "forget_access_point": (lambda store: store.forget_access_point(OTHER, AP, by=INNWATCH, now=NOW), NotFound),
    "incidents": (lambda store: store.incidents(OTHER), NOTHING),
    "incident": (lambda store: store.incident(OTHER, I1), None),
    "incident_alerts": (lambda store: store.incident_alerts(OTHER, I1), []),
    "incident_steps": (lambda store: store.incident_steps(OTHER, I1), []),
    "lasting_incidents": (lambda store: store.lasting_incidents(OTHER), []),
    "acknowledge_incident": (lambda store: store.acknowledge_incident(OTHER, I1, by=INNWATCH, now=NOW), NotFound),
    "open_alerts": (lambda store: store.open_alerts(OTHER), []),
    "alert": (lambda store: store.alert(OTHER, A1), None),
    "timeline": (lambda store: store.timeline(OTHER, A1), []),
    "acknowledge": (lambda store: store.acknowledge(OTHER, A1, by=person("eve"), note=None, now=NOW), NotFound),
    "unacknowledge": (lambda store: store.unacknowledge(OTHER, A1, by=person("eve"), now=NOW), NotFound),
    "assign_alert": (lambda store: store.assign_alert(OTHER, A1, None, by=person("eve"), now=NOW), NotFound),
    "note_alert": (lambda store: store.note_alert(OTHER, A1, "mine", by=person("eve"), now=NOW), NotFound),
    "snooze_alert": (lambda store: store.snooze_alert(OTHER, A1, later(60), by=person("eve"), now=NOW), NotFound),
    "resolve_alert": (
        lambda store: store.resolve_alert(OTHER, A1, by=person("eve"), role=MemberRole.MANAGER, note=None, now=NOW),
        NotFound,
    ),
    "fix_swap": (lambda store: store.fix_swap(OTHER, A1, by=person("eve"), now=NOW), NotFound),
    "round": (the_others_round, ()),
    "end_answers": (lambda store: store.end_answers(OTHER, A1, now=later(86400)), False),
    "answered_before": (lambda store: store.answered_before(OTHER, A1, Deed.ALERT_NOTED, by=person("ann")), False),
    "notifications": (lambda store: store.notifications(OTHER), NOTHING),
    "claim_notification": (
        lambda store: store.claim_notification(OTHER, FIRST, worker="w", now=NOW, lease=LEASE),
        None,
    ),
    "record_delivered": (lambda store: store.record_delivered(OTHER, FIRST, worker="w", now=NOW), False),
    "record_dead": (lambda store: store.record_dead(OTHER, FIRST, worker="w", now=NOW, error="x"), False),
    "record_retry": (
        lambda store: store.record_retry(OTHER, FIRST, worker="w", now=NOW, error="x", next_at=NOW),
        False,
    ),
    "room_status": (lambda store: store.room_status(OTHER, ROOM), NotFound),
    "stay_key": (lambda store: store.stay_key(HotelId("nowhere")), NotFound),
    "known_words": (lambda store: store.known_words(OTHER, [WORD]), set()),
    "leave_word": (lambda store: store.leave_word(HotelId("nowhere"), LEFT, now=NOW), NotFound),
    "clearances": (lambda store: store.clearances(OTHER), NOTHING),
    "clearance_told": (lambda store: store.clearance_told(OTHER, ROOM, at=NOW), None),
    "tablets_of_room": (lambda store: store.tablets_of_room(OTHER, ROOM), NotFound),
    "history": (lambda store: store.history(OTHER, TAB, start=NOW, end=later(60), points=5), NotFound),
    "messages": (listed, []),
    "count_messages": (lambda store: store.count_messages(OTHER), 0),
    "span": (lambda store: store.span(HotelId("nowhere"), start=NOW, end=later(60)), NotFound),
    "sightings": (lambda store: store.sightings(OTHER, since=NOW), []),
    "apply_calibration": (
        lambda store: store.apply_calibration(OTHER, ROOM, if_revision="0", by=INNWATCH, now=NOW),
        NotFound,
    ),
    "calibrations": (lambda store: store.calibrations(OTHER, now=NOW), []),
    "raised": (lambda store: store.raised(OTHER, start=NOW, end=later(60)), []),
    "replays": (lambda store: store.replays(OTHER), NOTHING),
    "replay": (lambda store: store.replay(OTHER, REPLAY), None),
    "replay_is_at": (lambda store: store.replay_is_at(OTHER, REPLAY, done=1, total=2, now=NOW), None),
    "end_replay": (lambda store: store.end_replay(OTHER, REPLAY, error="x", now=NOW), False),
    "inputs": (the_others_inputs, []),
    "inputs_of": (lambda store: store.inputs_of(OTHER, TAB, Span(0, 0, 1_000_000, whole=True)), NotFound),
    "why_device": (lambda store: store.why_device(OTHER, TAB, start=NOW, end=later(60)), NotFound),
    "why_alert": (lambda store: store.why_alert(OTHER, A1), NotFound),
    "notifications_of": (lambda store: store.notifications_of(OTHER, A1), ()),
    "quarantine": (lambda store: store.quarantine(OTHER), NOTHING),
    "orphans": (lambda store: store.orphans(OTHER), []),
    "note_token": (
        lambda store: store.note_token(OTHER, TAB, expires_at=later(60), by=INNWATCH, now=NOW),
        NotFound,
    ),
    "note_tokens": (
        lambda store: store.note_tokens(OTHER, [TAB], expires_at=later(60), by=INNWATCH, now=NOW),
        NotFound,
    ),
    "rename_device": (lambda store: store.rename_device(OTHER, TAB, name="x", by=INNWATCH, now=NOW), NotFound),
    "move_device": (lambda store: store.move_device(OTHER, TAB, room_id=ROOM, by=INNWATCH, now=NOW), NotFound),
    "replace_device": (
        lambda store: store.replace_device(OTHER, TAB, new_id=DeviceId("t"), by=INNWATCH, now=NOW),
        NotFound,
    ),
    "retire_device": (lambda store: store.retire_device(OTHER, TAB, by=INNWATCH, now=NOW), NotFound),
    "end_alerts_of_retired": (lambda store: store.end_alerts_of_retired(OTHER, now=NOW), 0),
    "add_enrolment": (
        lambda store: store.add_enrolment(OTHER, E1, code="1" * 12, room_id=ROOM, by=INNWATCH, now=NOW),
        NotFound,
    ),
    "enrolments": (lambda store: store.enrolments(OTHER), NOTHING),
    "enrolment": (lambda store: store.enrolment(OTHER, E1), None),
    "enrol": (
        lambda store: store.enrol(OTHER, E1, device_id=TAB, token_expires_at=later(60), by=INNWATCH, now=NOW),
        NotFound,
    ),
    "approve_enrolment": (lambda store: store.approve_enrolment(OTHER, E1, by=INNWATCH, now=NOW), NotFound),
    "withdraw_enrolment": (lambda store: store.withdraw_enrolment(OTHER, E1, by=INNWATCH, now=NOW), NotFound),
    "revoke_device": (lambda store: store.revoke_device(OTHER, TAB, by=INNWATCH, now=NOW), NotFound),
    "revoke_integrator": (
        lambda store: store.revoke_integrator(OTHER, IntegratorName("opera"), by=INNWATCH, now=NOW),
        NotFound,
    ),
    "suspend_hotel": (lambda store: store.suspend_hotel(OTHER, by=INNWATCH, now=NOW), True),
    "resume_hotel": (lambda store: store.resume_hotel(OTHER, by=INNWATCH, now=NOW), False),
    "leave": (lambda store: store.leave(OTHER, TAB, InboxKind.HEARTBEAT, b"{}", now=NOW), NotFound),
    "add_command": (
        lambda store: store.add_command(
            OTHER, TAB, CommandName.RING, {}, by=person("eve"), now=NOW, expires_at=later(60)
        ),
        NotFound,
    ),
    "commands": (lambda store: store.commands(OTHER, TAB), NOTHING),
    "command": (the_others_command, None),
    "audit": (lambda store: store.audit(OTHER, deed="device."), NOTHING),
    "note_contact": (lambda store: store.note_contact(OTHER, TAB, Way.MQTT, now=later(60)), None),
    "migration": (lambda store: store.migration(OTHER), NOTHING),
    "migration_counts": (
        lambda store: store.migration_counts(OTHER),
        MigrationCounts(devices=0, mqtt=0, http=0, legacy_token=0, never=0, cut=0),
    ),
    "is_spoken_for": (lambda store: store.is_spoken_for(OTHER, TAB), False),
    "let_shared_token_speak": (
        lambda store: store.let_shared_token_speak(OTHER, TAB, allowed=False, by=INNWATCH, now=NOW),
        NotFound,
    ),
    "take_first_token": (
        lambda store: store.take_first_token(OTHER, TAB, expires_at=later(60), by=INNWATCH, now=NOW),
        NotFound,
    ),
    "home": (lambda store: store.home(OTHER, TAB), None),
    "acknowledge_imported": (
        lambda store: store.acknowledge_imported(OTHER, 17, by=INNWATCH, note=None, now=NOW),
        NotFound,
    ),
    "import_alerts": (
        lambda store: store.import_alerts(OTHER, [OLD_ALERT], by=INNWATCH, now=NOW),
        TakenOver(strangers=(0,)),
    ),
    "add_device": (
        lambda store: store.add_device(OTHER, DeviceId("tab-9"), room_id=ROOM, by=INNWATCH, now=NOW),
        NotFound,
    ),
}

# Verbs that only add to the hotel they are given: nothing of another could be seen or touched.
ADDING = {
    "learn_access_point",
    "add_hidden_hotel",
    "add_room",
    "add_devices",
    "add_channel",
    "add_user",
    "add_integrator",
    "add_replay",
    "write_audit",
    "note_stranger",
    "quick_add",
    "import_fleet",
}


async def one_of_everything(store: Store) -> None:
    await store.add_integrator(HOTEL, IntegratorName("opera"), scopes=["pms"], by=INNWATCH, now=NOW)
    await store.add_user(HOTEL, NOBODY, role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=NOW)
    device = await store.find_device(HOTEL, TAB)
    assert device is not None
    alert = opened(device)
    state = DeviceState(alerts={alert.change.alert.family: alert.change.alert})
    whole = batch(heartbeat(device, "m-1"), changes=[alert], states={device.key: state})
    whole.orphans = [Orphan(HOTEL, DeviceId("stranger"), NOW)]
    whole.quarantined = [
        Quarantined(hotel_id=HOTEL, device_id=TAB, topic="t", reason="r", detail="d", head=b"x", at=NOW)
    ]
    whole.pms = [PmsTaken(hotel_id=HOTEL, record=CHECKED_OUT, rooms={}, clearance=clearance(ROOM, [], at=NOW), at=NOW)]
    await store.apply(whole)
    await store.leave_word(HOTEL, LEFT, now=NOW)
    await store.leave(HOTEL, TAB, InboxKind.HEARTBEAT, b"{}", now=NOW)
    await store.add_window(HOTEL, W1, NewWindow(room_id=ROOM, ends_at=later(60)), by=INNWATCH, now=NOW)
    await store.add_enrolment(HOTEL, E1, code="0" * 12, room_id=ROOM, by=INNWATCH, now=NOW)
    await store.add_replay(HOTEL, REPLAY, b"{}", by=INNWATCH, now=NOW)
    await store.add_command(HOTEL, TAB, CommandName.RING, {}, by=person("ann"), now=NOW, expires_at=later(60))
    await store.write_audit(HOTEL, Deed.LOGGED_IN, by=INNWATCH, subject="ann", now=NOW)
    await store.let_shared_token_speak(HOTEL, TAB, allowed=True, by=INNWATCH, now=NOW)
    await store.note_contact(HOTEL, TAB, Way.LEGACY_TOKEN, now=NOW)
    await store.import_alerts(HOTEL, [OLD_ALERT], by=INNWATCH, now=NOW)


async def what_is_newer(store: Store) -> None:
    """Not of the above, which an older schema can keep."""
    await store.learn_access_point(HOTEL, AP, ssid=None, rooms=[ROOM], by=INNWATCH, now=NOW)
    floor = IncidentSnapshot(id=I1, rule=Outage.AREA, scope=Scope.FLOOR, place="1", opened_at=NOW, members=1)
    out = IncidentChange(turn=Turn.OPENED, incident=floor, at=NOW, absorbed=(A1,))
    await store.apply(Batch(received_at=NOW, incidents=[IncidentTurn(HOTEL, out)]))


async def everything(store: Store, hotel_id: HotelId) -> list[object]:
    return [
        await store.load_hotel(hotel_id),
        await store.alerts(hotel_id),
        await store.events_after(hotel_id, 0, limit=100),
        await store.notifications(hotel_id),
        await store.incidents(hotel_id),
        await store.integrators(hotel_id),
        await store.members(hotel_id),
        await store.channels(hotel_id),
        await store.maintenance(hotel_id),
        await store.replays(hotel_id),
        await store.commands(hotel_id),
        await store.migration(hotel_id),
        await store.learned_access_points(hotel_id),
    ]


@pytest.mark.parametrize("verb", SEEN)
async def test_a_verb_stays_in_its_hotel(store: Store, verb: str) -> None:
    await add_hotel(store, HOTEL, channels=[MAIL])
    await add_hotel(store, OTHER, tablets=0)
    await one_of_everything(store)
    await what_is_newer(store)
    before = await everything(store, HOTEL)
    call, answer = SEEN[verb]

    if isinstance(answer, type):
        with pytest.raises(answer):
            await call(store)
    else:
        assert await call(store) == answer

    assert await everything(store, HOTEL) == before


def test_every_verb_that_takes_a_hotel_stands_in_the_matrix() -> None:
    verbs = {
        name
        for name, verb in inspect.getmembers(Store, inspect.isfunction)
        if not name.startswith("_") and "hotel_id" in inspect.signature(verb).parameters
    }

    assert verbs == SEEN.keys() | ADDING


def test_a_hotel_is_always_the_first_argument() -> None:
    for name in SEEN.keys() | ADDING:
        parameters = list(inspect.signature(getattr(Store, name)).parameters)
        assert parameters[:2] == ["self", "hotel_id"], name


async def test_rooms_of_the_same_name_are_not_confused(store: Store) -> None:
    await add_hotel(store, HOTEL)
    await add_hotel(store, OTHER)
    await store.add_room(OTHER, Room(id=RoomId("attic")), by=INNWATCH, now=NOW)

    with pytest.raises(NotFound):
        await store.add_device(HOTEL, DeviceId("tab-9"), room_id=RoomId("attic"), by=INNWATCH, now=NOW)


async def test_a_batch_of_two_hotels_gives_each_its_own(store: Store) -> None:
    (ours, _) = await add_hotel(store, HOTEL)
    (theirs, _) = await add_hotel(store, OTHER)

    await store.apply(
        Batch(
            received_at=NOW,
            messages=[heartbeat(ours, "m-1"), heartbeat(theirs, "m-2")],
            changes=[opened(ours, "A1"), opened(theirs, "B1")],
        )
    )

    assert [row.id async for row in store.messages(HOTEL)] == ["m-1"]
    assert [alert.id for alert in await store.open_alerts(OTHER)] == ["B1"]
