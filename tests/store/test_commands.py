"""A command goes one way only, step by step, and every step is an event."""

import itertools
from datetime import datetime

import msgspec
import pytest

from rules.ids import CommandId, DeviceId
from store import Batch, NotFound, Store, TooManyCommands, commands
from store.batch import CommandChange
from store.records import Command, CommandName, CommandRef, CommandState, Device, EventType
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later
from tests.support import person

TAB = DeviceId("tab-0")
ENDED = {CommandState.DONE, CommandState.FAILED, CommandState.UNSUPPORTED}


async def ask(
    store: Store, name: CommandName = CommandName.RING, *, device: DeviceId = TAB, at: datetime = NOW
) -> Command:
    return await store.add_command(HOTEL, device, name, {"seconds": 10}, by=person("ann"), now=at, expires_at=later(60))


async def move(
    store: Store, device: Device, command: Command, *states: CommandState, detail: str | None = None
) -> list[str]:
    """Apply the states one after the other in one batch; return those of the events that this made."""
    changes = [
        CommandChange(
            hotel_id=HOTEL, device_key=device.key, command_id=command.id, state=state, detail=detail, at=later(1)
        )
        for state in states
    ]
    recorded = await store.apply(Batch(received_at=later(1), commands=changes))
    return [msgspec.json.decode(one.event.data)["state"] for one in recorded]


async def state_of(store: Store, command: Command) -> CommandState:
    found = await store.command(HOTEL, command.id)
    assert found is not None
    return found.state


async def test_a_command_is_kept_as_it_was_asked_and_told_without_its_arguments(store: Store) -> None:
    await add_hotel(store)

    asked = await ask(store, CommandName.UNLOCK)

    assert await store.command(HOTEL, asked.id) == asked
    assert (asked.name, asked.args, asked.state, asked.by) == ("unlock", {"seconds": 10}, "pending", "ann")
    event = (await store.events_after(HOTEL, 0, limit=100))[-1]
    assert (event.type, event.subject) == (EventType.COMMAND_CHANGED, asked.id)
    assert msgspec.json.decode(event.data) == {
        "id": asked.id,
        "deviceId": "tab-0",
        "name": "unlock",
        "state": "pending",
        "by": "ann",
        "detail": None,
        "expiresAt": "2026-11-23T10:01:00Z",
    }


async def test_the_usual_way_has_an_event_for_each_step(store: Store) -> None:
    (device, _) = await add_hotel(store)
    asked = await ask(store)
    way = [CommandState.SENT, CommandState.RECEIVED, CommandState.RUNNING, CommandState.DONE]

    assert await move(store, device, asked, *way, detail="rang") == way
    found = await store.command(HOTEL, asked.id)
    assert found is not None
    assert (found.state, found.detail, found.changed_at) == ("done", "rang", later(1))


async def test_no_two_states_lead_back_to_each_other(store: Store) -> None:
    (device, _) = await add_hotel(store)
    for first, second in itertools.permutations(set(CommandState) - {CommandState.PENDING}, 2):
        asked = await ask(store)
        there = await move(store, device, asked, first, second)
        back = await move(store, device, asked, first)
        assert there[0] == first
        assert back == []
        if first in ENDED:
            assert there == [first]
        await move(store, device, asked, CommandState.DONE)


async def test_a_result_that_was_just_in_time_outweighs_our_belief_that_it_expired(store: Store) -> None:
    (device, _) = await add_hotel(store)
    asked = await ask(store)
    await move(store, device, asked, CommandState.EXPIRED)

    assert await move(store, device, asked, CommandState.RUNNING, CommandState.DONE) == ["done"]


async def test_nobody_moves_a_command_of_another_device(store: Store) -> None:
    (device, second) = await add_hotel(store)
    asked = await ask(store)

    assert await move(store, second, asked, CommandState.DONE) == []
    assert await state_of(store, asked) == "pending"
    refs = [CommandRef(device.key, asked.id), CommandRef(second.key, asked.id), CommandRef(device.key, CommandId("x"))]
    assert await store.known_commands(refs) == {refs[0]}


async def test_what_is_to_be_sent_again_and_ended_is_found(store: Store) -> None:
    (device, _) = await add_hotel(store)
    pending, sent, received, done = [await ask(store) for _ in range(4)]
    await move(store, device, sent, CommandState.SENT)
    await move(store, device, received, CommandState.RECEIVED)
    await move(store, device, done, CommandState.DONE)

    async def found(now: datetime) -> list[list[str]]:
        answers = [
            await store.pending_commands(now, limit=10),
            await store.sent_commands(now, limit=10),
            await store.overdue_commands(now, limit=10),
        ]
        return [[one.command.id for one in answer] for answer in answers]

    assert await found(later(59)) == [[pending.id], [sent.id], []]
    assert await found(later(60)) == [[], [], [pending.id, sent.id, received.id]]
    (first,) = await store.pending_commands(NOW, limit=1)
    assert (first.hotel_id, first.device_key, first.command) == (HOTEL, device.key, pending)


async def test_a_device_has_only_so_many_open_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "AT_MOST", 2)
    (device, _) = await add_hotel(store)
    first, _ = await ask(store), await ask(store)

    with pytest.raises(TooManyCommands):
        await ask(store)
    await ask(store, device=DeviceId("tab-1"))
    await move(store, device, first, CommandState.DONE)

    await ask(store)
    with pytest.raises(TooManyCommands):
        await ask(store)
    await store.add_command(HOTEL, TAB, CommandName.RING, {}, by=person("ann"), now=later(61), expires_at=later(90))


async def test_the_list_is_newest_first_and_in_pages(store: Store) -> None:
    await add_hotel(store)
    asked = [await ask(store, device=DeviceId(f"tab-{number % 2}")) for number in range(5)]

    first = await store.commands(HOTEL, limit=3)
    rest = await store.commands(HOTEL, cursor=first.next, limit=3)
    of_one = await store.commands(HOTEL, DeviceId("tab-1"))

    assert [*first.items, *rest.items] == asked[::-1]
    assert rest.next is None
    assert of_one.items == (asked[3], asked[1])


async def test_there_is_no_asking_of_a_device_of_another_hotel(store: Store) -> None:
    await add_hotel(store, tablets=1)
    await add_hotel(store, OTHER, tablets=2)

    with pytest.raises(NotFound):
        await ask(store, device=DeviceId("tab-1"))
