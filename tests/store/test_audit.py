"""The audit: what is written in it, who reads it, and that nobody changes it."""

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from rules.ids import AlertId, DeviceId, HotelId, IntegratorName, RoomId, UserName
from store import INNWATCH, Actor, ActorKind, AuditEntry, Deed, Exists, NotFound, Store
from store.records import CommandName, Hotel, MemberRole, Room
from tests.store.given import HOTEL, NOW, OTHER, SLACK, add_hotel, batch, later, opened

NEW = HotelId("new")
TAB = DeviceId("tab-0")
BOB, OPERA = UserName("bob"), IntegratorName("opera")
ANN = Actor(ActorKind.USER, "ann", address="192.0.2.7", request_id="r-1")

ByHand = Callable[[str], str]


async def test_a_deed_is_found_as_it_was_written(store: Store) -> None:
    await add_hotel(store)

    await store.write_audit(HOTEL, Deed.HOTEL_ENTERED, by=ANN, subject="ann", now=NOW, detail={"from": "lodge"})

    (line,) = (await store.audit(HOTEL, deed="session.")).items
    assert line == AuditEntry(
        id=line.id,
        at=NOW,
        hotel_id=HOTEL,
        actor_kind=ActorKind.USER,
        actor="ann",
        address="192.0.2.7",
        request_id="r-1",
        deed="session.hotel-entered",
        subject="ann",
        detail={"from": "lodge"},
    )


async def test_the_newest_comes_first_and_a_page_ends_where_the_next_begins(store: Store) -> None:
    for second in range(5):
        await store.write_audit(HOTEL, Deed.LOGGED_IN, by=ANN, subject=f"u{second}", now=later(second))

    first = await store.audit(HOTEL, limit=3)
    second_page = await store.audit(HOTEL, limit=3, cursor=first.next)

    assert [line.subject for line in first.items + second_page.items] == ["u4", "u3", "u2", "u1", "u0"]
    assert second_page.next is None


async def test_what_belongs_to_no_hotel_stands_apart(store: Store) -> None:
    await store.write_audit(None, Deed.KEY_ADDED, by=ANN, subject="k1", now=NOW)
    await store.write_audit(OTHER, Deed.LOGGED_IN, by=ANN, subject="ann", now=NOW)

    assert [line.subject for line in (await store.platform_audit()).items] == ["k1"]
    assert (await store.audit(HOTEL)).items == ()


@pytest.mark.parametrize(("deed", "found"), [("device.", ["t2", "t1"]), ("device.moved", ["t2"]), ("dev_ce.", [])])
async def test_a_deed_is_asked_for_by_its_name_or_by_its_beginning(store: Store, deed: str, found: list[str]) -> None:
    for subject, done in (("t1", Deed.DEVICE_ADDED), ("t2", Deed.DEVICE_MOVED), ("ann", Deed.USER_ADDED)):
        await store.write_audit(HotelId("inn"), done, by=ANN, subject=subject, now=NOW)

    assert [line.subject for line in (await store.audit(HotelId("inn"), deed=deed)).items] == found


async def test_lines_are_asked_for_by_who_did_it_and_to_what(store: Store) -> None:
    for who, subject in ((ANN, "t1"), (ANN, "t2"), (INNWATCH, "t1")):
        await store.write_audit(HOTEL, Deed.DEVICE_MOVED, by=who, subject=subject, now=NOW)

    by_ann = await store.audit(HOTEL, actor="ann")
    to_t1_by_ann = await store.audit(HOTEL, actor="ann", subject="t1")

    assert [line.subject for line in by_ann.items] == ["t2", "t1"]
    assert [line.subject for line in to_t1_by_ann.items] == ["t1"]


async def _suspended(store: Store) -> None:
    await store.suspend_hotel(HOTEL, by=ANN, now=NOW)


async def _resumed(store: Store) -> None:
    await store.suspend_hotel(HOTEL, by=INNWATCH, now=NOW)
    await store.resume_hotel(HOTEL, by=ANN, now=NOW)


async def _bob(store: Store) -> None:
    await store.add_user(HOTEL, BOB, role=MemberRole.STAFF, password_hash="one", by=INNWATCH, now=NOW)


async def _with_bob(store: Store, deed: Callable[[Store], Awaitable[object]]) -> None:
    await _bob(store)
    await deed(store)


async def _bob_is_back(store: Store) -> None:
    await _bob(store)
    await store.disable_user(BOB, by=INNWATCH, now=NOW)
    await store.enable_user(BOB, by=ANN, now=NOW)


async def _revoked(store: Store) -> None:
    await store.add_integrator(HOTEL, OPERA, scopes=[], by=INNWATCH, now=NOW)
    await store.revoke_integrator(HOTEL, OPERA, by=ANN, now=NOW)


async def _acknowledged(store: Store) -> None:
    device = await store.find_device(HOTEL, TAB)
    assert device is not None
    await store.apply(batch(changes=[opened(device, AlertId("A1"))]))
    await store.acknowledge(HOTEL, AlertId("A1"), by=ANN, note="on my way", now=NOW)


DEEDS: dict[str, tuple[Callable[[Store], Awaitable[object]], HotelId | None, str]] = {
    "hotel.added": (lambda store: store.add_hotel(Hotel(id=NEW, name="New"), by=ANN, now=NOW), NEW, "new"),
    "hotel.suspended": (_suspended, HOTEL, HOTEL),
    "hotel.resumed": (_resumed, HOTEL, HOTEL),
    "room.added": (lambda store: store.add_room(HOTEL, Room(id=RoomId("7")), by=ANN, now=NOW), HOTEL, "7"),
    "device.added": (
        lambda store: store.add_device(HOTEL, DeviceId("tab-9"), room_id=RoomId("100"), by=ANN, now=NOW),
        HOTEL,
        "tab-9",
    ),
    "device.revoked": (lambda store: store.revoke_device(HOTEL, TAB, by=ANN, now=NOW), HOTEL, TAB),
    "channel.added": (lambda store: store.add_channel(HOTEL, SLACK, by=ANN, now=NOW), HOTEL, "1"),
    "user.added": (
        lambda store: store.add_user(HOTEL, BOB, role=MemberRole.STAFF, password_hash="one", by=ANN, now=NOW),
        HOTEL,
        BOB,
    ),
    "password.changed": (
        lambda store: _with_bob(store, lambda store: store.set_password(BOB, "two", by=ANN, now=NOW)),
        None,
        BOB,
    ),
    "user.disabled": (
        lambda store: _with_bob(store, lambda store: store.disable_user(BOB, by=ANN, now=NOW)),
        None,
        BOB,
    ),
    "user.enabled": (_bob_is_back, None, BOB),
    "integrator.added": (
        lambda store: store.add_integrator(HOTEL, OPERA, scopes=["alerts"], by=ANN, now=NOW),
        HOTEL,
        OPERA,
    ),
    "integrator.revoked": (_revoked, HOTEL, OPERA),
    "alert.acknowledged": (_acknowledged, HOTEL, "A1"),
}


@pytest.mark.parametrize("deed", DEEDS)
async def test_each_deed_leaves_one_line_with_who_did_it(store: Store, deed: str) -> None:
    await add_hotel(store)
    do, hotel_id, subject = DEEDS[deed]

    await do(store)

    lines = await (store.platform_audit() if hotel_id is None else store.audit(hotel_id))
    (line,) = [one for one in lines.items if one.actor == "ann"]
    assert (line.deed, line.subject, line.actor_kind, line.address) == (deed, subject, ActorKind.USER, "192.0.2.7")
    assert not {"one", "two", SLACK.webhook_url, "on my way"} & set(map(str, line.detail.values()))


async def test_what_came_to_nothing_leaves_no_line(store: Store) -> None:
    await add_hotel(store)

    assert not await store.resume_hotel(HOTEL, by=ANN, now=NOW)
    with pytest.raises(NotFound):
        await store.revoke_device(HOTEL, DeviceId("none"), by=ANN, now=NOW)
    with pytest.raises(Exists):
        await store.add_room(HOTEL, Room(id=RoomId("100")), by=ANN, now=NOW)

    assert [line for line in (await store.audit(HOTEL)).items if line.actor == "ann"] == []


async def test_a_series_of_tablets_is_one_line(store: Store) -> None:
    await add_hotel(store, tablets=3)

    (line,) = (await store.audit(HOTEL, deed="device.added")).items

    assert (line.subject, line.detail) == ("tab-0", {"roomId": "100", "count": 3, "last": "tab-2"})


async def test_a_command_is_noted_without_its_arguments(store: Store) -> None:
    await add_hotel(store)

    sent = await store.add_command(HOTEL, TAB, CommandName.LOCK, {"pin": "4711"}, by=ANN, now=NOW, expires_at=later(60))

    (line,) = (await store.audit(HOTEL, deed="command.")).items
    assert (line.subject, line.detail) == (sent.id, {"deviceId": TAB, "name": "lock"})


async def test_people_do_not_read_a_user_of_the_machine_for_a_person(store: Store) -> None:
    await add_hotel(store)

    sent = await store.add_command(
        HOTEL, TAB, CommandName.RING, {}, by=Actor(ActorKind.COMMAND_LINE, "ann"), now=NOW, expires_at=later(60)
    )

    assert sent.by == "command line"
    (line,) = (await store.audit(HOTEL, deed="command.")).items
    assert (line.actor_kind, line.actor) == (ActorKind.COMMAND_LINE, "ann")


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'bob'", "DELETE FROM audit"])
async def test_nobody_changes_what_was_written(store: Store, by_hand: ByHand, statement: str) -> None:
    await store.write_audit(HOTEL, Deed.LOGGED_IN, by=ANN, subject="ann", now=NOW)

    with pytest.raises(Exception, match="audit is append-only"):
        by_hand(statement)

    assert [line.actor for line in (await store.audit(HOTEL)).items] == ["ann"]


MACHINES = {
    "calibrations", "check_up", "claim_notification", "due_notifications", "end_alerts_of_retired", "end_answers",
    "end_replay", "leave", "leave_word", "make_ticket", "note_contact", "note_contacts", "note_stranger",
    "overdue_answers", "overdue_commands", "password_link", "pending_commands", "record_dead", "record_delivered",
    "record_retry", "replay_is_at", "sent_commands", "take_back_notifications", "take_replay", "take_ticket", "tend",
    "why_alert", "why_device",
}  # fmt: skip
"""Verbs that take a time and that nobody does: they read, or Innwatch itself or a tablet's own word is behind them."""


def test_whoever_does_something_says_who_it_is() -> None:
    """A verb that takes a time changes something at that time; a new one takes `by`, or stands above with a reason."""
    timed = {
        name
        for name, verb in inspect.getmembers(Store, inspect.iscoroutinefunction)
        if not name.startswith("_") and "now" in inspect.signature(verb).parameters
    }
    signed = {name for name in timed if "by" in inspect.signature(getattr(Store, name)).parameters}

    assert timed - signed == MACHINES
    for name in signed:
        by = inspect.signature(getattr(Store, name)).parameters["by"]
        assert (by.annotation, by.kind, by.default) == (Actor, by.KEYWORD_ONLY, by.empty), name


def test_every_deed_is_done_somewhere() -> None:
    house = Path(__file__).parents[2]
    source = "".join(
        file.read_text(encoding="utf-8")
        for package in ("store", "api", "config", "device_bridge")
        for file in (house / package).rglob("*.py")
    )

    assert [deed.name for deed in Deed if f"Deed.{deed.name}" not in source] == []
