"""All tablets on one thread: one selector, ten ticks a second."""

import os
import selectors
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from random import Random

from msgspec import Struct

from config.simulate.agent import Agent, Surroundings, Tally
from config.simulate.connection import Address, Ready
from config.simulate.director import Director
from config.simulate.front_desk import FrontDesk, FrontDeskIdentity
from config.simulate.identity import TabletIdentity
from config.simulate.names import Scenario
from config.simulate.tablet import Tablet
from rules.ids import RoomId
from rules.room_status import PmsKind

TICK = 0.1
"""Seconds; shorter where life is quicker."""

CONNECTS_PER_SECOND = 50.0
FAREWELL = 0.5
"""Seconds at most."""


class Plan(Struct, frozen=True, rename="camel", kw_only=True):
    """What to simulate. `affected` tablets have the scenario; `speed` divides every interval and pause."""

    tablets: tuple[TabletIdentity, ...]
    host: str
    port: int
    scenario: Scenario = Scenario.CALM
    affected: int = 1
    speed: float = 1.0
    seed: int | None = None
    front_desk: FrontDeskIdentity | None = None  # who says what a scenario needs said of rooms


class Orders(Struct, frozen=True, rename="camel", kw_only=True):
    """What the child process of a Demo reads, in one line."""

    plan: Plan
    clock_file: Path | None = None


def _nobody(_kind: PmsKind, _room_id: RoomId) -> None:
    """Where there is no front desk."""


class Fleet:
    """The tablets of a plan. `run` blocks; `stop` ends it from a signal handler or another thread."""

    def __init__(
        self,
        plan: Plan,
        *,
        clock: Callable[[], datetime],
        say: Callable[[str], None],
        tls: ssl.SSLContext | None = None,
        keep: Callable[[TabletIdentity, str, datetime], None] = lambda _identity, _token, _at: None,
    ) -> None:
        """`keep` is called with each new token before it is used."""
        self.tally = Tally()
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._tick_s = max(TICK / plan.speed, 0.01)
        chance = Random(plan.seed)  # noqa: S311, make-believe, not secrets
        begun_at = time.monotonic()
        address = Address(plan.host, plan.port, tls)
        desk = None if plan.front_desk is None else FrontDesk(plan.front_desk, address=address, clock=clock, say=say)
        around = Surroundings(
            address=address,
            selector=self._selector,
            clock=clock,
            monotonic=time.monotonic,
            say=say,
            tally=self.tally,
            keep=keep,
            speed=plan.speed,
        )
        self._agents = [
            Agent(
                Tablet(identity, chance=chance),
                around=around,
                chance=chance,
                first_at=begun_at + number / CONNECTS_PER_SECOND,
            )
            for number, identity in enumerate(plan.tablets)
        ]
        self._director = Director(
            self._agents,
            scenario=plan.scenario,
            affected=plan.affected,
            chance=chance,
            begun_at=begun_at,
            speed=plan.speed,
            say=say,
            front_desk=_nobody if desk is None else desk.tell,
        )

    @property
    def agents(self) -> Sequence[Agent]:
        return self._agents

    def stop(self) -> None:
        self._stopping = True

    def stop_when_closed(self, descriptor: int) -> None:
        """Stop when the other end of this pipe is closed, be it by the kernel because its process was killed."""

        def look(_events: int) -> None:
            if not os.read(descriptor, 4096):
                self._selector.unregister(descriptor)
                self.stop()

        self._selector.register(descriptor, selectors.EVENT_READ, look)

    def run(self, *, seconds: float | None = None, every_tick: Callable[[float], None] | None = None) -> None:
        """Live until stopped, or for so many seconds; then everybody says goodbye."""
        end = None if seconds is None else time.monotonic() + seconds
        try:
            while not self._stopping and (end is None or time.monotonic() < end):
                self._tick()
                if every_tick is not None:
                    every_tick(time.monotonic())
        finally:
            self._say_goodbye()

    def _tick(self) -> None:
        self._serve_sockets()
        at = time.monotonic()
        for agent in self._agents:
            if at >= agent.due:
                agent.act(at)
        self._director.act(at)

    def _serve_sockets(self) -> None:
        for key, events in self._selector.select(self._tick_s):
            ready: Ready = key.data
            ready(events)

    def _say_goodbye(self) -> None:
        """Disconnect once the goodbyes are taken: with answers still unread the kernel would reset the connection,
        the broker would not see the DISCONNECT, and the will would go out.
        """
        end = time.monotonic() + FAREWELL
        for agent in self._agents:
            agent.say_goodbye()
        while time.monotonic() < end and any(agent.is_online and not agent.is_settled for agent in self._agents):
            self._serve_sockets()
        for agent in self._agents:
            agent.leave()
        self._selector.close()
