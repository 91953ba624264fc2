"""What somebody asked for over HTTP is done in another process, and what came of it stands in the database."""

import asyncio
import contextlib
import sys
from datetime import timedelta

import msgspec

from config.replayer import Replayer
from rules.ids import HotelId, ReplayId
from rules.proposal import Proposal, ReplayRequest, ReplayResult, TriedPolicy
from store import Store
from store.replaying import Asked
from tests.config.command_line import CommandLine
from tests.config.test_cli_replay import watched
from tests.rules.given import NOON
from tests.support import eventually, person

__all__ = ["watched"]

DEMO, R1, R2 = HotelId("demo"), ReplayId("r1"), ReplayId("r2")
HOUR = timedelta(hours=1)


def test_a_replay_is_done_by_a_child_and_one_that_cannot_be_done_says_why(watched: CommandLine) -> None:
    lower = Proposal(policy=TriedPolicy(rssi_floor=-80))
    request = ReplayRequest(starts_at=NOON - HOUR, ends_at=NOON + HOUR, proposal=lower)

    async def work(store: Store) -> tuple[Asked, Asked]:
        await store.add_replay(DEMO, R1, msgspec.json.encode(request), by=person("ann"), now=NOON)
        await store.add_replay(DEMO, R2, b'{"startsAt":1}', by=person("ann"), now=NOON)
        command = [sys.executable, "-m", "config.cli", "replay", "--data", str(watched.folder.path)]
        running = asyncio.ensure_future(Replayer(store, command=command, now=lambda: NOON).run(look_every=0.05))
        try:
            await eventually(lambda: ended(store), within=50)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
        done, broken = await store.replay(DEMO, R1), await store.replay(DEMO, R2)
        assert done is not None
        assert broken is not None
        return done, broken

    done, broken = watched.with_store(work)

    assert (done.error, done.result is None) == (None, False)
    assert done.done == done.total > 0
    result = msgspec.json.decode(done.result or b"", type=ReplayResult)
    assert (result.lost_count, result.gained_count, result.kept) == (1, 0, 0)
    assert broken.result is None
    assert broken.error


async def ended(store: Store) -> bool:
    return all(one.finished_at is not None for one in (await store.replays(DEMO)).items)
