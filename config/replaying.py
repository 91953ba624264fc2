"""A replay from the stored rows to the alerts gained and lost. It takes its turn in a process of its own, and no hurry.

What is compared is what was raised live, as its rows in `alert` say it, with what the rules come to now.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec

from rules.ids import HotelId, ReplayId
from rules.place import own_policy
from rules.policy import PolicyChanges, merged
from rules.proposal import Gathered, Proposal, ReplayRequest, ReplayResult, difference
from rules.replay import Replay
from rules.trial import Levels, Trial
from store import Store

SHOWN: Final = 500
"""Alerts of each sort that a result names; it says how many there are in any case."""

_TELL_EVERY_S: Final = 1.0

Told = Callable[[int, int], Awaitable[None]]
"""Told how many rows of how many are done, about once a second and at the end."""


async def judge_again(
    store: Store, hotel_id: HotelId, proposal: Proposal, *, start: datetime, end: datetime, told: Told
) -> ReplayResult:
    """Replay [start, end) of a hotel: as it was until `start`, and as `proposal` has it from there on.

    Raises NotFound (hotel), StoreUnavailable.
    """
    begun = time.monotonic()
    span = await store.span(hotel_id, start=start, end=end)
    trial = Trial(proposal, levels=await levels(store, hotel_id))
    gathered = Gathered()
    replay = Replay(hotel_id, told=gathered.told)
    proposed, said = False, begun
    async for page in store.inputs(hotel_id, span):
        for one in page.inputs:
            if not proposed and one.row >= span.begins:
                replay.propose(trial)
                proposed = True
            replay.take(one)
        if time.monotonic() - said >= _TELL_EVERY_S:
            said = time.monotonic()
            await told(page.upto - span.after, span.upto - span.after)
    await told(span.upto - span.after, span.upto - span.after)
    raised = await store.raised(hotel_id, start=start, end=end)
    found = difference(raised, gathered.since(start), start=start)
    tally = replay.tally
    return ReplayResult(
        starts_at=start,
        ends_at=end,
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


async def levels(store: Store, hotel_id: HotelId) -> Levels:
    """Who decides which thresholds of a hotel now. Raises NotFound (hotel), StoreUnavailable."""
    known = await store.load_hotel(hotel_id)
    return Levels(
        hotel=merged(known.hotel.policy, PolicyChanges(profile=known.hotel.profile)),
        rooms={room.id: own_policy(room) for room in known.rooms},
        devices={row.device.id: row.device.policy for row in known.devices},
    )


async def do_as_asked(store: Store, hotel_id: HotelId, replay_id: ReplayId, *, now: Callable[[], datetime]) -> None:
    """Do a replay that waits in the database, and note there how far it is and what came of it."""
    asked = await store.replay(hotel_id, replay_id)
    if asked is None or asked.finished_at is not None:
        return
    request = msgspec.json.decode(asked.request, type=ReplayRequest)

    async def told(done: int, total: int) -> None:
        await store.replay_is_at(hotel_id, replay_id, done=done, total=total, now=now())

    found = await judge_again(
        store, hotel_id, request.proposal, start=request.starts_at, end=request.ends_at, told=told
    )
    await store.end_replay(hotel_id, replay_id, result=msgspec.json.encode(found), now=now())
