"""A million inputs, lived before a real bridge, then judged again: the same alerts must come of them, and quickly.

The replay is on one core, with reading and decoding: as `innwatch replay` does it. That the alerts are the same is held
change by change, in order, against what was told live.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.failure import BenchFailed
from bench.figures import Findings, Key, Measured
from bench.house import House
from bench.lived import HOTEL, NOON, STEP, live, url_of
from config.replaying import levels
from rules.proposal import Gathered, Proposal, TriedPolicy
from rules.replay import Replay, Step
from rules.trial import Trial
from store import LocalDoorbell, Store
from tests.support.told import Told, judged, lived

TABLETS, STEPS = 1000, 1000


def measure(house: House) -> Findings:
    with tempfile.TemporaryDirectory(dir=house.folder) as made:
        return asyncio.run(_measure(Path(made), one_core=min(os.sched_getaffinity(0))))


async def _measure(folder: Path, *, one_core: int) -> Findings:
    begun = time.monotonic()
    await live(folder, tablets=TABLETS, steps=STEPS)
    print(f"  {TABLETS * STEPS:,} inputs lived in {time.monotonic() - begun:.0f} s", flush=True)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {one_core})
    store = await Store.open(url_of(folder), doorbell=LocalDoorbell())
    try:
        as_it_was = await replayed(store)
        check_told(await lived(store, HOTEL), as_it_was.told)
        proposed = await replayed(store, Proposal(policy=TriedPolicy(rssi_floor=-80), override_all=True))
    finally:
        await store.close()
        os.sched_setaffinity(0, cores)
    print(f"  {len(as_it_was.told):,} changes of alerts, each the same", flush=True)
    return {Key.REPLAY: Measured(as_it_was.rate), Key.REPLAY_PROPOSED: Measured(proposed.rate)}


class Replayed:
    """What came of a replay, and how many inputs a second it took."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.gathered = Gathered()
        self.inputs = 0
        self.rate = 0.0

    def tell(self, step: Step) -> None:
        self.gathered.told(step)
        self.told += [judged(step, change) for change in step.changes]


async def replayed(store: Store, proposal: Proposal | None = None) -> Replayed:
    """All that is stored, as it was or as a proposal has it, by the seconds of CPU that it takes, in all threads.

    Raises BenchFailed where history is not what it was.
    """
    made = Replayed()
    replay = Replay(HOTEL, told=made.tell)
    if proposal is not None:
        replay.propose(Trial(proposal, levels=await levels(store, HOTEL)))
    begun = time.process_time()
    span = await store.span(HOTEL, start=NOON, end=NOON + 1_000_000 * STEP)
    async for page in store.inputs(HOTEL, span):
        for one in page.inputs:
            replay.take(one)
    tally = replay.tally
    made.inputs, made.rate = tally.taken, tally.taken / (time.process_time() - begun)
    if proposal is None and (tally.diverged or tally.unreadable or tally.strange):
        raise BenchFailed(f"history is not what it was: {tally}")
    return made


def check_told(live: Sequence[Told], again: Sequence[Told]) -> None:
    """Raise BenchFailed unless every change of an alert is the same, in the same order."""
    for number, (one, other) in enumerate(zip(live, again, strict=False)):
        if one != other:
            raise BenchFailed(f"change {number} of {len(live)}: lived {one}, judged again {other}")
    if len(live) != len(again):
        raise BenchFailed(f"{len(live)} changes were lived, and {len(again)} judged again")
