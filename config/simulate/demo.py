"""The tablets of `innwatch up --demo N`, in a process of their own.

A child and not a thread: two hundred tablets would take their share of the interpreter from the event loop that serves
the real ones, and what the console shows should have come through a real socket. The child reads its plan from standard
input and lives until that is closed: the kernel closes it however the parent ends, kill -9 included, so no tablet
outlives its server. Tokens travel in the pipe, never in arguments or the environment, where others could read them.
"""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from broker.tokens import KeyRing
from config.errors import StartRefused
from config.simulate.fleet import Orders, Plan
from config.simulate.hotel import all_demo_tablets
from config.simulate.identity import TabletIdentity
from config.simulate.names import Scenario
from rules.ids import HotelId
from store import Store

GOODBYE_WITHIN = 1.0

_log = logging.getLogger(__name__)


async def demo_tablets(
    store: Store, hotel_id: HotelId, *, keys: KeyRing, count: int, now: datetime
) -> tuple[TabletIdentity, ...]:
    """Return `count` tablets, or more where an earlier start had more: one that nobody simulates would be reported
    silent, a minute and a half after the start. Raises what adding them raises.
    """
    tablets = await all_demo_tablets(store, hotel_id, keys=keys, count=count, now=now)
    if len(tablets) > count:
        _log.info(
            "more simulated tablets than asked for, an earlier start made them",
            {"number": len(tablets), "asked": count},
        )
    return tablets


class Demo:
    """Start it when the broker listens; if it is stopped before the broker closes, the tablets say goodbye.

    Every minute or two something happens to one of the tablets and heals, so that the console shows life.
    """

    def __init__(
        self, tablets: Sequence[TabletIdentity], *, host: str, port: int, clock_file: Path | None = None
    ) -> None:
        plan = Plan(tablets=tuple(tablets), host=host, port=port, scenario=Scenario.DEMO)
        self._orders = Orders(plan=plan, clock_file=clock_file)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tablets until the block ends. Raises StartRefused."""
        await asyncio.to_thread(self.start)
        try:
            yield
        finally:
            await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Blocks until the child has taken its orders, some 0.3 s. Raises StartRefused when it does not."""
        # -P: a package named `config` in the working folder must not come before ours.
        command = [sys.executable, "-P", "-m", "config.simulate"]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603, our own words
        assert self._child.stdin is not None  # noqa: S101, asked for above
        try:
            self._child.stdin.write(msgspec.json.encode(self._orders) + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError as error:
            raise StartRefused(f"the simulated tablets did not start (exit code {self._child.wait()})") from error

    def stop(self) -> None:
        """Let the tablets say goodbye, for a second at most. Does nothing when they do not run."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None  # noqa: S101, asked for in `start`
        child.stdin.close()
        try:
            child.wait(GOODBYE_WITHIN)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
