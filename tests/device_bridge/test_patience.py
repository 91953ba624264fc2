"""Tablets get the time to come back to us, but not without end."""

from datetime import UTC, datetime, timedelta

import pytest

from device_bridge.patience import Patience

NOON, GRACE = datetime(2026, 11, 23, 12, tzinfo=UTC), timedelta(seconds=60)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize("away", [5, 300], ids=["soon", "later"])
def test_a_link_that_held_for_as_long_as_the_grace_is_given_it_every_time(away: float) -> None:
    patience, at = Patience(), 0.0
    for _ in range(20):
        assert patience.is_granted(after(at), until=after(at - away), grace=GRACE)
        assert not patience.is_over(after(at + 1))
        at += 60 + away


@pytest.mark.parametrize("away", [0, 5, 100])
def test_a_link_that_is_always_lost_too_soon_is_given_it_until_we_have_listened_for_five_minutes(
    away: float,
) -> None:
    patience, at, listened = Patience(), 0.0, 0.0
    while patience.is_granted(after(at), until=after(at - away if listened else at), grace=GRACE):
        assert listened <= 300
        at, listened = at + 50 + away, listened + 50
    assert listened == 350
    assert patience.is_over(after(at + 59))
    assert not patience.is_over(after(at + 60))
    assert patience.is_granted(after(at + 70), until=after(at + 60), grace=GRACE)


def test_a_clock_that_is_set_back_begins_anew() -> None:
    patience = Patience()
    for at in range(0, 400, 50):
        patience.is_granted(after(at), until=after(at), grace=GRACE)
    assert patience.is_over(after(351))
    assert patience.is_granted(after(-1000), until=after(-1000), grace=GRACE)


def test_one_long_outage_soon_after_a_start_is_no_link_that_comes_and_goes() -> None:
    patience = Patience()
    assert patience.is_granted(NOON, until=NOON, grace=GRACE)
    assert patience.is_granted(after(6000), until=after(5), grace=GRACE)
