"""Lets things happen: which scenario, to which tablet, and when."""

from collections.abc import Callable, Sequence
from random import Random

from msgspec import Struct

from config.simulate.agent import Agent
from config.simulate.names import Scenario
from config.simulate.scenarios import HEALING, STORIES, Stage, Steps
from rules.ids import RoomId
from rules.room_status import PmsKind

FIRST_AFTER = 10.0
"""Seconds of ordinary life, so that every tablet has been seen in its room."""

DEMO_BETWEEN = (60.0, 120.0)


class _Running(Struct):
    agent: Agent
    steps: Steps
    due: float


class Director:
    """`act` moves on whatever is due. Times are monotonic seconds; `speed` makes them pass more quickly."""

    def __init__(
        self,
        agents: Sequence[Agent],
        *,
        scenario: Scenario,
        affected: int,
        chance: Random,
        begun_at: float,
        speed: float,
        say: Callable[[str], None],
        front_desk: Callable[[PmsKind, RoomId], None],
    ) -> None:
        self._agents = agents
        self._front_desk = front_desk
        self._chance = chance
        self._speed = speed
        self._say = say
        self._running: list[_Running] = []
        self._scenario = scenario
        self._affected = min(affected, len(agents))
        self._next_at = begun_at + FIRST_AFTER / speed
        self._told = scenario is Scenario.CALM

    def act(self, at: float) -> None:
        if not self._told and at >= self._next_at:
            self._begin(at)
        for running in [running for running in self._running if at >= running.due]:
            self._move(running, at)

    def _begin(self, at: float) -> None:
        if self._scenario is Scenario.DEMO:
            self._next_at = at + self._chance.uniform(*DEMO_BETWEEN) / self._speed
            idle = [agent for agent in self._agents if all(agent is not other.agent for other in self._running)]
            if idle:
                self._start(self._chance.choice(idle), self._chance.choice(HEALING), at)
            return
        self._told = True
        for agent in self._agents[: self._affected]:
            self._start(agent, STORIES[self._scenario], at)

    def _start(self, agent: Agent, story: Callable[[Stage], Steps], at: float) -> None:
        self._say(f"{agent.name}: {story.__name__.replace('_', '-')} begins")
        self._running.append(_Running(agent, story(Stage(agent, self._next_door_to(agent), self._front_desk)), at))

    def _move(self, running: _Running, at: float) -> None:
        pause = next(running.steps, None)
        if pause is None:
            self._running.remove(running)
            self._say(f"{running.agent.name}: that was all")
        else:
            running.due = at + pause / self._speed

    def _next_door_to(self, agent: Agent) -> str | None:
        """The access point of another room on the floor, which the rules call a neighbour's."""
        own = agent.tablet.identity
        for other in self._agents:
            theirs = other.tablet.identity
            if theirs.floor == own.floor and theirs.bssid not in (None, own.bssid):
                return theirs.bssid
        return None
