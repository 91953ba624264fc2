"""Who writes next."""

import asyncio

from store.gate import IN_A_ROW, Gate, Waiters


async def test_people_go_before_batches_each_in_order_of_arrival() -> None:
    gate = Gate()
    went: list[str] = []

    async def write(name: str, queue: Waiters) -> None:
        await gate.enter(queue)
        went.append(name)
        gate.leave()

    await gate.enter(gate.patient)
    async with asyncio.TaskGroup() as group:
        for name in ("batch-1", "batch-2"):
            group.create_task(write(name, gate.patient))
        for name in ("ann", "bob"):
            group.create_task(write(name, gate.urgent))
        await asyncio.sleep(0)
        gate.leave()

    assert went == ["ann", "bob", "batch-1", "batch-2"]


async def test_a_storm_of_urgent_writers_lets_a_batch_through_now_and_then() -> None:
    gate = Gate()
    went: list[str] = []

    async def write(name: str, queue: Waiters) -> None:
        await gate.enter(queue)
        went.append(name)
        gate.leave()

    await gate.enter(gate.patient)
    async with asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(write(f"batch-{number}", gate.patient))
        for number in range(20):
            group.create_task(write(f"notice-{number}", gate.urgent))
        await asyncio.sleep(0)
        gate.leave()

    assert [name for name in went if name.startswith("notice")] == [f"notice-{number}" for number in range(20)]
    assert [went.index(f"batch-{number}") for number in range(2)] == [IN_A_ROW, 2 * IN_A_ROW + 1]


async def test_a_turn_that_comes_to_somebody_who_left_goes_to_the_next() -> None:
    gate = Gate()
    await gate.enter(gate.patient)
    left = asyncio.ensure_future(gate.enter(gate.urgent))
    stays = asyncio.ensure_future(gate.enter(gate.patient))
    await asyncio.sleep(0)

    gate.leave()  # the turn is given to the first, who is cancelled in the same moment
    left.cancel()
    await asyncio.wait([left])

    await asyncio.wait_for(stays, 1)
    gate.leave()
    await asyncio.wait_for(gate.enter(gate.patient), 1)


async def test_somebody_who_stops_waiting_is_forgotten() -> None:
    gate = Gate()
    await gate.enter(gate.patient)
    left = asyncio.ensure_future(gate.enter(gate.patient))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])

    gate.leave()

    await asyncio.wait_for(gate.enter(gate.patient), 1)
