"""How often somebody may try to log in."""

from datetime import UTC, datetime, timedelta

from api.allowances import Allowance
from api.attempts import Attempts

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def attempts(clock: Clock, *, remembered: int = 100) -> Attempts:
    return Attempts(
        clock=clock,
        per_person=Allowance(3, timedelta(seconds=10)),
        per_account=Allowance(20, timedelta(seconds=5)),
        per_network=Allowance(5, timedelta(seconds=2)),
        remembered=remembered,
    )


def tries(counted: Attempts, count: int, *, account: str = "ann", address: str = "10.0.0.1") -> list[timedelta | None]:
    return [counted.begin(account=account, address=address) for _ in range(count)]


def test_an_account_has_its_burst_and_then_one_try_at_a_time() -> None:
    clock = Clock()
    counted = attempts(clock)

    assert tries(counted, 4) == [None, None, None, timedelta(seconds=10)]

    clock.now += timedelta(seconds=10)
    assert tries(counted, 2) == [None, timedelta(seconds=10)]


def guessed_from_everywhere(counted: Attempts, *, account: str = "ann") -> list[timedelta | None]:
    """The answers to two tries from each of 20 networks."""
    return [answer for n in range(20) for answer in tries(counted, 2, account=account, address=f"10.2.0.{n}")]


def test_wrong_tries_from_elsewhere_do_not_lock_a_person_out() -> None:
    counted = attempts(Clock())
    for n in range(4):
        tries(counted, 3, address=f"10.2.0.{n}")

    assert tries(counted, 1, address="10.0.0.1") == [None]


def test_guessing_at_an_account_from_everywhere_is_slowed_down() -> None:
    counted = attempts(Clock())

    answers = guessed_from_everywhere(counted)

    assert answers[:20] == [None] * 20
    assert answers[20:] == [timedelta(seconds=5)] * 20


def test_a_person_comes_in_from_where_they_have_been_however_many_guess_elsewhere() -> None:
    counted = attempts(Clock())
    tries(counted, 1)
    counted.succeeded(account="ann", address="10.0.0.1")
    guessed_from_everywhere(counted)

    assert tries(counted, 1) == [None]
    assert tries(counted, 1, address="10.0.0.9") == [timedelta(seconds=5)]


def test_guesses_from_where_the_person_has_been_are_still_few() -> None:
    counted = attempts(Clock())
    tries(counted, 1)
    counted.succeeded(account="ann", address="10.0.0.1")

    assert tries(counted, 4) == [None, None, None, timedelta(seconds=10)]


def test_another_account_from_another_address_is_not_held_up() -> None:
    counted = attempts(Clock())
    tries(counted, 4)

    assert tries(counted, 1, account="bob", address="10.0.0.2") == [None]


def test_an_address_is_held_up_however_many_accounts_it_tries() -> None:
    counted = attempts(Clock())

    waits = [counted.begin(account=f"user-{n}", address="10.0.0.1") for n in range(6)]

    assert waits[:5] == [None] * 5
    assert waits[5] == timedelta(seconds=2)


def test_a_refused_try_does_not_lengthen_the_wait() -> None:
    counted = attempts(Clock())
    tries(counted, 3)

    assert tries(counted, 3) == [timedelta(seconds=10)] * 3


def test_log_ins_that_succeed_are_never_held_up() -> None:
    counted = attempts(Clock())

    for _ in range(100):
        assert counted.begin(account="ann", address="10.0.0.1") is None
        counted.succeeded(account="ann", address="10.0.0.1")


def test_a_log_in_does_not_forgive_the_address_its_other_tries() -> None:
    counted = attempts(Clock())
    for n in range(4):
        counted.begin(account=f"victim-{n}", address="10.0.0.1")
    counted.begin(account="ann", address="10.0.0.1")
    counted.succeeded(account="ann", address="10.0.0.1")

    assert tries(counted, 2, account="victim-9") == [None, timedelta(seconds=2)]


def test_addresses_of_one_ipv6_network_are_one_address() -> None:
    counted = attempts(Clock())

    waits = [counted.begin(account=f"user-{n}", address=f"2001:db8::{n}") for n in range(6)]

    assert waits[5] == timedelta(seconds=2)


def test_what_is_remembered_stays_bounded() -> None:
    counted = attempts(Clock(), remembered=10)
    tries(counted, 3)

    for n in range(20):
        counted.begin(account=f"user-{n}", address=f"10.1.0.{n}")

    assert tries(counted, 1) == [None]
