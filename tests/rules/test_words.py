"""What was measured is told so that somebody understands it who was asleep a moment ago."""

from datetime import UTC, datetime

import pytest

from rules.alerts import Because, Reason
from rules.figures import duration
from rules.words import explain

START = datetime(2026, 11, 23, 3, 12, 5, tzinfo=UTC)

DURATIONS = [
    (-3, "0 s"),
    (0.9, "0 s"),
    (33.2129, "33 s"),
    (60, "1 min"),
    (90, "1 min 30 s"),
    (601.703, "10 min"),
    (2700, "45 min"),
    (3600, "1 h"),
    (11_100, "3 h 5 min"),
    (187_200, "2 d 4 h"),
]
"""Seconds, and what people are told; the console says the same."""


@pytest.mark.parametrize(("seconds", "words"), DURATIONS)
def test_a_duration_takes_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            Reason(Because.TOO_SHORT, observed=601.703, limit=1800.0),
            "it lasted for too short a time (10 min, it takes 30 min)",
        ),
        (Reason(Because.TOO_SHORT, observed=0.0, limit=10.0), "it lasted for too short a time (0 s, it takes 10 s)"),
        (
            Reason(Because.CHECKED_OUT, observed=0.0, limit=2700.0, since=START),
            "the guest has checked out (since 03:12:05)",
        ),
        (Reason(Because.STILL_FIRING, observed=33.2129, limit=30.0), "it has not ended (33 s)"),
        (
            Reason(Because.NOTHING_HEARD, observed=40.02, limit=40.0),
            "no heartbeat arrives any more (40 s, allowed 40 s)",
        ),
        (Reason(Because.TOO_FEW_SAMPLES, observed=2, limit=3), "too few samples in a row said so (2, it takes 3)"),
        (
            Reason(Because.HOTEL_SILENT, observed=8.0, limit=8.0),
            "most tablets of the hotel fell silent at once (8 tablets, 8 tablets are enough)",
        ),
        (
            Reason(Because.MAINTENANCE, limit=5400.0, since=START),
            (
                "somebody works there, so nobody is told until the maintenance window is over"
                " (for 1 h 30 min, since 03:12:05)"
            ),
        ),
        (
            Reason(Because.CLOCK_WRONG, observed=-200.4, limit=120.0),
            "its clock differs from ours, set it to automatic (3 min 20 s slow, threshold 2 min)",
        ),
        (
            Reason(Because.DRAINING, observed=16.666, limit=15.0),
            "it loses its charge faster than it should (16.7 % an hour, threshold 15 % an hour)",
        ),
        (Reason(Because.BACKLOG_EMPTY, observed=1), "nothing waits in it (1 message)"),
        (
            Reason(Because.CARRIED_OFF, observed=-84.0, limit=-50.0),
            "it was taken off its dock and its signal fell at once (-84 dBm, -50 dBm before)",
        ),
        (Reason(Because.DEPARTING, observed=1800.0, limit=3600.0), "the guest is about to leave (in 30 min)"),
    ],
    ids=lambda value: str(value.because.value) if isinstance(value, Reason) else "",
)
def test_a_reason_says_what_was_measured_and_against_what(reason: Reason, words: str) -> None:
    assert explain(reason, UTC) == words
