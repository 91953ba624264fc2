"""What came of the tries of one round."""

from collections import Counter
from enum import StrEnum


class Door(StrEnum):
    MQTT = "mqtt"
    HTTP = "http"


class Outcome(StrEnum):
    HELD = "held"
    BROKEN = "broken"  # one hotel got through to the other
    MISSED = "missed"  # it could not be tried


class Tries:
    """Counts, and says in a line each what got through and what could not be tried."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[Door, Outcome]] = Counter()
        self.broken: list[str] = []
        self.missed: list[str] = []
        self.absent: list[str] = []

    def held(self, door: Door) -> None:
        self.counts[door, Outcome.HELD] += 1

    def broke(self, door: Door, what: str, *, first: bool = False) -> None:
        """`what` has names and fixed words in it, and nothing that was read."""
        self.counts[door, Outcome.BROKEN] += 1
        self.broken.insert(0 if first else len(self.broken), f"{door}: {what}")

    def miss(self, door: Door, why: str) -> None:
        self.counts[door, Outcome.MISSED] += 1
        self.missed.append(f"{door}: {why}")

    def lack(self, door: Door, why: str) -> None:
        """There is no such door that we know, now or later."""
        self.counts[door, Outcome.MISSED] += 1
        self.absent.append(f"{door}: {why}")

    def judge(self, door: Door, what: str, *, got_through: bool, read: bool = False) -> None:
        """`read`: it is about what was really read or heard, which is told before what was only allowed."""
        if got_through:
            self.broke(door, what, first=read)
        else:
            self.held(door)
