"""What an operator reads of limits that were crossed."""

import logging

import pytest

from broker.counts import Counts, Drop
from broker.crossed import CrossedLimits
from broker.quiet_log import EVERY
from config.logs import as_text


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [as_text(record) for record in caplog.records]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_crossed_limit_is_told_at_most_once_a_minute_with_all_that_happened_since(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts, clock = Counts(), Clock()
    crossed = CrossedLimits(counts, logging.getLogger("limits"), seconds=clock)
    crossed.look()
    assert caplog.messages == []

    counts.drops[Drop.QUEUE_FULL] += 1
    crossed.look()
    assert lines(caplog) == ["limit crossed: reason=dropped-queue-full times=1"]

    counts.drops[Drop.QUEUE_FULL] += 5
    clock.now += EVERY / 2
    crossed.look()
    counts.drops[Drop.QUEUE_FULL] += 5
    counts.holds["rate"] += 2
    crossed.look()
    assert lines(caplog)[1:] == ["limit crossed: reason=held-rate times=2"]

    clock.now += EVERY / 2
    crossed.look()
    crossed.look()
    assert lines(caplog)[2:] == ["limit crossed: reason=dropped-queue-full times=10"]


def test_what_is_no_limit_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    counts = Counts()
    counts.drops[Drop.CLIENT_GONE] += 1
    counts.holds["turn"] += 1
    counts.holds["intake"] += 1
    CrossedLimits(counts, logging.getLogger("limits")).look()

    assert caplog.messages == []
