"""A state that lags behind its device's heartbeats is read as if it did not."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.evaluate import evaluate
from rules.messages import Heartbeat
from rules.state import DeviceState
from store import Store, states
from store.records import Device
from store.times import micros
from store.transaction import Dialect, Row
from tests.rules.given import after, assigned
from tests.rules.stories import USUAL, USUALS, Step, Story, steps_aside, stories
from tests.store.given import HOTEL, NOW, ON_POSTGRESQL, OTHER, add_hotel, batch, heartbeat, later, online


async def state_of(store: Store, device: Device) -> DeviceState:
    """As everybody reads it; the three ways to read one agree."""
    row = await store.device(device.hotel_id, device.id)
    assert row is not None
    listed = {one.device.key: one.state for one in (await store.devices(device.hotel_id)).items}
    loaded = {one.device.key: one.state for one in (await store.load_hotel(device.hotel_id)).devices}
    assert row.state == listed[device.key] == loaded[device.key]
    return row.state


async def test_a_state_is_read_as_of_the_last_heartbeat_that_is_stored(store: Store) -> None:
    device, other = await add_hotel(store)
    (stranger, _) = await add_hotel(store, OTHER)
    await store.apply(batch(states={one.key: online() for one in (device, other, stranger)}))

    await store.apply(
        batch(
            heartbeat(device, "m-1", at=later(4), rssi=-60, battery=79),
            heartbeat(device, "m-2", at=later(8), rssi=-61, battery=78),
            heartbeat(stranger, "m-3", at=later(12), rssi=-62, battery=77),
        )
    )

    assert await state_of(store, device) == msgspec.structs.replace(
        online(), last_heard=later(8), rssi=-61.0, battery=78.0
    )
    assert await state_of(store, other) == online()
    assert (await state_of(store, stranger)).last_heard == later(12)


async def test_a_heartbeat_of_before_the_state_and_a_late_one_do_not_move_it(store: Store) -> None:
    device, _ = await add_hotel(store)

    await store.apply(
        batch(
            heartbeat(device, "m-1", at=NOW, battery=50),
            heartbeat(device, "m-2", at=later(60), battery=49, late=True),
            states={device.key: online()},
        )
    )

    assert await state_of(store, device) == online()


async def test_a_device_that_was_never_seen_stays_so(store: Store) -> None:
    device, _ = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m-1")))
    assert await state_of(store, device) == DeviceState()


@ON_POSTGRESQL
async def test_the_day_is_not_walked_for_its_last_seconds_before_the_planner_has_heard_of_it(
    store: Store, by_hand: Callable[[str], str]
) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m-0")))
    by_hand(
        "INSERT INTO message (hotel_key, device_key, kind, message_id, received_at, late, body)"
        " SELECT hotel_key, device_key, kind, 'm-' || number, received_at + number, late, body"
        " FROM message CROSS JOIN generate_series(1, 20000) AS number"
    )
    by_hand("UPDATE caught_up SET upto = (SELECT max(id) - 100 FROM message)")

    for asked, values in ((states._LATEST, {}), (states._LATEST_OF, {"devices": [device.key]})):
        rows = await store._database.ask(f"EXPLAIN {asked[Dialect.POSTGRES]}", hotel=HOTEL, **values)
        plan = "\n".join(str(row[0]) for row in rows)
        assert "_id_idx" in plan
        assert "Seq Scan on message" not in plan


async def test_what_the_states_have_caught_up_with_is_not_looked_at_again(
    store: Store, by_hand: Callable[[str], str]
) -> None:
    device, _ = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m-1", at=later(4)), states={device.key: online()}))
    newest = await store.newest_message()

    caught = batch(states={device.key: online(battery=70)})
    caught.caught_up = newest
    await store.apply(caught)
    assert (await state_of(store, device)).battery == 70

    await store.apply(batch(heartbeat(device, "m-2", at=later(8), battery=69)))
    assert (await state_of(store, device)).battery == 69
    assert int(by_hand("SELECT upto FROM caught_up")) == newest < await store.newest_message()


@settings(max_examples=80)  # each a life of some hundred steps
@given(st.sampled_from([USUAL, *USUALS]), steps_aside(), st.integers(0, 4), stories(), st.integers(0, 4), steps_aside())
def test_what_is_read_is_what_the_bridge_had_in_memory(
    said: Heartbeat, first: Story, calm: int, story: Story, calmer: int, last: Story
) -> None:
    memory, stored = DeviceState(), None
    heard: Row | None = None
    now, usual = after(0), [Step(4, said)]
    for step in [*first, *usual * calm, *story, *usual * calmer, *last]:
        now += timedelta(seconds=step.pause)
        verdict = evaluate(memory, step.message, assignment=assigned(), now=now)
        memory = verdict.state
        if isinstance(step.message, Heartbeat) and not verdict.late:
            heard = (1, 1, micros(now), step.message.rssi, step.message.battery)
        if not verdict.as_usual:
            stored = msgspec.msgpack.encode(memory)

        assert states.read(stored, heard) == memory
