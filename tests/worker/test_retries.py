"""What follows a failed attempt."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.worker.support import START
from worker.channels import DeliveryFailed
from worker.retries import GiveUp, Retries, TryAgain, after, backoff

RETRIES = Retries()
MIDDLE = 0.5


def failed(*, permanent: bool = False, retry_after: timedelta | None = None) -> DeliveryFailed:
    return DeliveryFailed("no", permanent=permanent, retry_after=retry_after)


def test_the_waits_double_from_five_seconds_to_ten_minutes() -> None:
    waits = [backoff(attempt, chance=MIDDLE, retries=RETRIES).total_seconds() for attempt in range(1, 11)]

    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]


@given(attempt=st.integers(1, 10_000), chance=st.floats(0, 1))
def test_jitter_moves_a_wait_by_a_fifth_at_most(attempt: int, chance: float) -> None:
    wait = backoff(attempt, chance=chance, retries=RETRIES)
    middle = backoff(attempt, chance=MIDDLE, retries=RETRIES)

    assert middle * 0.799 <= wait <= middle * 1.201


@given(chances=st.lists(st.floats(0, 1), min_size=19, max_size=19))
def test_an_outage_of_an_hour_is_survived_whatever_chance_says(chances: list[float]) -> None:
    at = START
    for attempt, chance in enumerate(chances, start=1):
        step = after(failed(), attempt, now=at, chance=chance, retries=RETRIES)
        assert isinstance(step, TryAgain)
        at = step.at

    assert at - START > timedelta(hours=1, minutes=10)


def test_the_last_attempt_is_followed_by_nothing() -> None:
    step = after(failed(), 20, now=START, chance=MIDDLE, retries=RETRIES)

    assert step == GiveUp("given up after 20 attempts; the last: no")


def test_a_permanent_failure_is_not_tried_again() -> None:
    assert after(failed(permanent=True), 1, now=START, chance=MIDDLE, retries=RETRIES) == GiveUp("no")


def test_the_other_side_may_ask_for_a_longer_wait() -> None:
    asked = failed(retry_after=timedelta(seconds=90))

    assert after(asked, 1, now=START, chance=MIDDLE, retries=RETRIES) == TryAgain(START + timedelta(seconds=90), "no")


def test_the_other_side_cannot_ask_for_a_shorter_wait() -> None:
    asked = failed(retry_after=timedelta(seconds=1))

    assert after(asked, 5, now=START, chance=MIDDLE, retries=RETRIES) == TryAgain(START + timedelta(seconds=80), "no")


def test_the_other_side_cannot_silence_us_for_a_day() -> None:
    asked = failed(retry_after=timedelta(days=1))

    assert after(asked, 1, now=START, chance=MIDDLE, retries=RETRIES) == TryAgain(START + timedelta(hours=1), "no")
