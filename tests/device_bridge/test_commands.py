"""A command reaches its tablet while it has not expired, again when the tablet comes back, and its result is heard."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from broker.topics import Kind
from rules.ids import CommandId, DeviceId
from store import Batch, Store, StoreUnavailable
from store.records import Command, CommandName, EventType, Recorded
from tests.device_bridge.given import HOTEL, START, TABLET, House, Post, beside, heartbeat
from tests.support import eventually, person

OTHER = DeviceId("tab-102")


async def ask(house: House, name: CommandName = CommandName.RING, *, seconds: float = 60) -> Command:
    return await house.store.add_command(
        HOTEL, TABLET, name, {"tone": "chime"}, by=person("ann"), now=house.clock.at,
        expires_at=house.clock.at + timedelta(seconds=seconds),
    )  # fmt: skip


async def state(house: House, command: Command) -> str:
    found = await house.store.command(HOTEL, command.id)
    assert found is not None
    return found.state


async def send(house: House, *posts: Post) -> None:
    for post in posts:
        house.queue.offer(post)
    await eventually(lambda: all(post.settled for post in posts))


def result(command_id: str, status: str, **fields: object) -> dict[str, object]:
    return {"id": f"x-{status}", "ts": START, "commandId": command_id, "status": status} | fields


def ready(name: str) -> dict[str, object]:
    return {"id": name, "ts": START, "sid": name, "state": "ready"}


def published(house: House, device: str = TABLET) -> list[Any]:
    return house.published.on(f"{device}/command")


async def sent(house: House, name: CommandName = CommandName.RING) -> Command:
    command = await ask(house, name)
    await eventually(lambda: _is(house, command, "sent"))
    return command


async def _is(house: House, command: Command, wanted: str) -> bool:
    return await state(house, command) == wanted


async def test_a_command_is_published_to_its_tablet_and_not_retained(house: House) -> None:
    command = await sent(house)

    (message,) = [one for one in house.published.messages if one[0].endswith("/command")]
    assert message == (
        f"hotels/{HOTEL}/devices/{TABLET}/command",
        {"id": command.id, "name": "ring", "args": {"tone": "chime"}, "expiresAt": "2026-11-22T03:01:00Z"},
        False,
    )


async def test_what_the_tablet_makes_of_it_is_told_step_by_step(house: House) -> None:
    command = await sent(house)

    for status in ("received", "running", "done"):
        await send(house, Post(Kind.RESULT, result(command.id, status, detail=status)))

    assert await state(house, command) == "done"
    events = [
        one for one in await house.store.events_after(HOTEL, 0, limit=100) if one.type is EventType.COMMAND_CHANGED
    ]
    assert [msgspec.json.decode(one.data)["state"] for one in events] == [
        "pending", "sent", "received", "running", "done",
    ]  # fmt: skip
    await eventually(lambda: [one["type"] for one in house.published.on("/events")].count("command.changed") == 5)
    assert [line["verdict"] for line in house.published.receipts()] == ["stored"] * 3


async def test_a_result_that_comes_twice_is_a_duplicate_and_an_older_one_changes_nothing(house: House) -> None:
    command = await sent(house)
    await send(house, Post(Kind.RESULT, result(command.id, "done")))

    await send(house, Post(Kind.RESULT, result(command.id, "done")))
    await send(house, Post(Kind.RESULT, result(command.id, "running")))

    assert await state(house, command) == "done"
    assert [line["verdict"] for line in house.published.receipts()] == ["stored", "duplicate", "stored"]


async def test_words_that_no_database_keeps_cost_nobody_the_result(house: House) -> None:
    command = await sent(house)

    await send(house, Post(Kind.RESULT, result(command.id, "failed", detail="no\0speaker")))

    found = await house.store.command(HOTEL, command.id)
    assert found is not None
    assert (found.state, found.detail) == ("failed", "nospeaker")


async def test_the_result_of_a_command_that_was_never_its_own_is_refused(house: House) -> None:
    command = await sent(house)

    await send(house, Post(Kind.RESULT, result(command.id, "done"), device=OTHER))
    await send(house, Post(Kind.RESULT, result("made-up", "failed")))

    assert await state(house, command) == "sent"
    reasons = [(row.device_id, row.reason) for row in (await house.store.quarantine(HOTEL)).items]
    assert reasons == [(TABLET, "unknown-command"), (OTHER, "unknown-command")]
    assert [line["reason"] for line in house.published.receipts()] == ["unknown-command"] * 2


async def test_a_result_that_was_kept_while_offline_counts(house: House) -> None:
    command = await sent(house)

    items = [{"kind": "result", "message": result(command.id, "failed", detail="no room")}]
    await send(house, Post(Kind.BACKLOG, {"id": "b-1", "ts": START, "items": items}))

    found = await house.store.command(HOTEL, command.id)
    assert found is not None
    assert (found.state, found.detail) == ("failed", "no room")


async def test_a_result_is_a_sign_of_life(house: House) -> None:
    command = await sent(house)
    await send(house, Post(Kind.RESULT, result(command.id, "received")))

    row = await house.store.device(HOTEL, DeviceId(TABLET))
    assert row is not None
    assert (row.state.link, row.state.last_heard) == ("online", START)


async def test_a_command_that_cannot_be_noted_as_sent_is_not_sent_at_each_look(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(house.store)
    monkeypatch.setattr(house.store, "apply", disk.apply)
    command = await ask(house)
    await eventually(lambda: disk.refused >= 2)
    assert len(published(house)) == 1

    await send(house, Post(Kind.STATE, ready("s-1")))  # a tablet that comes back may have missed it
    await eventually(lambda: len(published(house)) == 2)
    disk.is_full = False
    await eventually(lambda: _is(house, command, "sent"))


class FullDisk:
    """Takes what tablets say, and no change of a command."""

    def __init__(self, store: Store) -> None:
        self._apply = store.apply
        self.is_full = True
        self.refused = 0

    async def apply(self, batch: Batch) -> tuple[Recorded, ...]:
        if batch.commands and self.is_full:
            self.refused += 1
            raise StoreUnavailable("database or disk is full")
        return await self._apply(batch)


async def test_a_tablet_that_comes_back_gets_again_what_it_never_confirmed(house: House) -> None:
    unconfirmed, confirmed = await sent(house), await sent(house, CommandName.REBOOT)
    await send(house, Post(Kind.RESULT, result(confirmed.id, "received")))
    assert len(published(house)) == 2

    await send(house, Post(Kind.STATE, ready("s-other"), device=OTHER), Post(Kind.STATE, ready("s-1")))

    await eventually(lambda: len(published(house)) == 3)
    assert published(house)[-1]["id"] == unconfirmed.id
    assert published(house, OTHER) == []


async def test_what_nobody_confirmed_in_time_expires_and_is_not_sent_again(house: House) -> None:
    command = await sent(house)
    house.clock.advance(61)

    await eventually(lambda: _is(house, command, "expired"))
    await send(house, Post(Kind.STATE, ready("s-1")))
    later = await sent(house)

    assert [one["id"] for one in published(house)] == [command.id, later.id]


async def test_what_a_bridge_before_us_sent_is_sent_again(house: House) -> None:
    command = await sent(house)

    second = house.new_bridge()
    await second.start()
    async with beside(second.run()):
        await eventually(lambda: [one["id"] for one in published(house)] == [command.id] * 2)


async def test_while_nobody_can_be_heard_a_command_waits_and_may_expire(house: House) -> None:
    house.uplink.hearing.ends("the broker is away")
    command = await ask(house)
    house.clock.advance(61)
    await eventually(lambda: _is(house, command, "expired"))
    assert published(house) == []

    second = await ask(house)
    house.uplink.hearing.begins()

    await eventually(lambda: _is(house, second, "sent"))
    assert [one["id"] for one in published(house)] == [second.id]


async def test_a_heartbeat_beside_it_is_stored_as_ever(house: House) -> None:
    await send(
        house, Post(Kind.RESULT, result(CommandId("made-up"), "done")), Post(Kind.HEARTBEAT, heartbeat(id="m-1"))
    )

    assert await house.stored() == ["m-1"]
