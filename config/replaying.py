"""A replay from the stored rows to the alerts gained and lost. It takes its turn in a process of its own, and no hurry.

What is compared is what was raised live, as its rows in `alert` say it, with what the rules come to now.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from rules.ids import HotelId, ReplayId
from rules.proposal import Gathered, Proposal, Trouble, difference
from rules.replay import Replay
from store import Store

SHOWN: Final = 500
"""Alerts of each sort that a result names; it says how many there are in any case."""

_TELL_EVERY_S: Final = 1.0

Told = Callable[[int, int], Awaitable[None]]
"""Told how many rows of how many are done, about once a second."""


class ReplayResult(Struct, frozen=True, rename="camel", kw_only=True):
    """`inputs` were judged, those before `start` from the last checkpoint on included, in `took_s` seconds.

    `whole`: what was before `start` is known, from a checkpoint or from the very beginning; else a tablet whose trouble
    is older than the first row may differ. `diverged`: at how many checkpoints a tablet that the proposal does not
    touch was not what it had been, which is a fault of ours. `unreadable` and `strange` inputs were left out.
    """

    start: datetime
    end: datetime
    inputs: int
    took_s: float
    whole: bool
    diverged: int
    unreadable: int
    strange: int
    kept: int
    gained_count: int
    lost_count: int
    gained: tuple[Trouble, ...]
    lost: tuple[Trouble, ...]


async def judge_again(
    store: Store, hotel_id: HotelId, proposal: Proposal, *, start: datetime, end: datetime, told: Told
) -> ReplayResult:
    """Replay [start, end) of a hotel: as it was until `start`, and as `proposal` has it from there on.

    Raises NotFound (hotel), StoreUnavailable.
    """
    begun = time.monotonic()
    span = await store.span(hotel_id, start=start, end=end)
    gathered = Gathered()
    replay = Replay(hotel_id, told=gathered.told)
    proposed, said = False, begun
    async for page in store.inputs(hotel_id, span):
        for one in page.inputs:
            if not proposed and one.row >= span.begins:
                replay.propose(proposal)
                proposed = True
            replay.take(one)
        if time.monotonic() - said >= _TELL_EVERY_S:
            said = time.monotonic()
            await told(page.upto - span.after, span.upto - span.after)
    raised = await store.raised(hotel_id, start=start, end=end)
    found = difference(raised, gathered.since(start), start=start)
    tally = replay.tally
    return ReplayResult(
        start=start,
        end=end,
        inputs=tally.taken,
        took_s=round(time.monotonic() - begun, 3),
        whole=span.whole,
        diverged=tally.diverged,
        unreadable=tally.unreadable,
        strange=tally.strange,
        kept=found.kept,
        gained_count=len(found.gained),
        lost_count=len(found.lost),
        gained=found.gained[:SHOWN],
        lost=found.lost[:SHOWN],
    )


class ReplayRequest(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What stands in a replay that somebody asked for."""

    start: datetime
    end: datetime
    proposal: Proposal


async def do_as_asked(store: Store, hotel_id: HotelId, replay_id: ReplayId, *, now: Callable[[], datetime]) -> None:
    """Do a replay that waits in the database, and note there how far it is and what came of it."""
    asked = await store.replay(hotel_id, replay_id)
    if asked is None or asked.finished_at is not None:
        return
    request = msgspec.json.decode(asked.request, type=ReplayRequest)

    async def told(done: int, total: int) -> None:
        await store.replay_is_at(hotel_id, replay_id, done=done, total=total, now=now())

    found = await judge_again(store, hotel_id, request.proposal, start=request.start, end=request.end, told=told)
    await store.end_replay(hotel_id, replay_id, result=msgspec.json.encode(found), now=now())
