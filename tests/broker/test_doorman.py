"""Who is let to the door, in which order and at what pace, by a clock that the tests turn."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from broker.doorman import TURN, UNKNOWN, Doorman, network
from broker.pace import NETWORKS, RESERVE, WINDOW, Allowance, FailedLogins, Pace
from broker.settings import BrokerSettings

HERE, THERE = "192.0.2.1", "192.0.2.2"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self._calls: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._calls.append((self.now + seconds, call))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and what was to happen until then happen."""
        until = self.now + seconds
        while due := sorted((at, number) for number, (at, _) in enumerate(self._calls) if at <= until):
            at, number = due[0]
            self.now = at
            self._calls.pop(number)[1]()
        self.now = until


class Guest:
    def __init__(self) -> None:
        self.came_in = False
        self.gave_way = False

    def come_in(self) -> None:
        self.came_in = True

    def give_way(self) -> None:
        self.gave_way = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


def doorman(clock: Clock, **limits: int) -> Doorman:
    return Doorman(BrokerSettings(**limits), seconds=clock, later=clock.later)  # type: ignore[arg-type]


def arrive(door: Doorman, number: int, where: str = HERE) -> list[Guest]:
    guests = [Guest() for _ in range(number)]
    for guest in guests:
        assert door.arrives(guest, where)
    return guests


# Where they come from


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        (("192.0.2.7", 1234), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1234, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:2::1", 99, 0, 0), "2001:db8:1:2::/64"),
        (("::ffff:192.0.2.7", 1234, 0, 0), "192.0.2.7"),
        (("fe80::1%eth0", 1234, 0, 2), "fe80::/64"),
        ("", UNKNOWN),
        (None, UNKNOWN),
        ((), UNKNOWN),
        ((":nonsense:",), UNKNOWN),
    ],
)
def test_a_network_is_an_address_or_the_network_of_one_customer(peer: object, expected: str) -> None:
    assert network(peer) == expected


# How many


def test_an_address_has_so_many_connections_and_another_its_own(clock: Clock) -> None:
    door = doorman(clock, connections_per_address=2)
    for guest in arrive(door, 2):
        door.knows(guest, HERE)

    assert not door.arrives(Guest(), HERE)
    assert door.arrives(Guest(), THERE)


def test_a_place_is_free_again_when_somebody_leaves(clock: Clock) -> None:
    door = doorman(clock, connections_per_address=1)
    (first,) = arrive(door, 1)
    door.knows(first, HERE)
    second = Guest()
    assert not door.arrives(second, HERE)
    door.leaves(second, HERE)
    door.leaves(first, HERE)

    assert door.arrives(Guest(), HERE)


def test_at_a_full_address_a_newcomer_takes_the_place_of_the_one_that_was_silent_longest(clock: Clock) -> None:
    door = doorman(clock, connections_per_address=3)
    known, silent, later = arrive(door, 3)
    (elsewhere,) = arrive(door, 1, THERE)
    door.knows(known, HERE)

    assert door.arrives(Guest(), HERE)
    assert silent.gave_way
    assert not any(guest.gave_way for guest in (known, later, elsewhere))


def test_in_a_full_house_those_give_way_whose_address_has_most(clock: Clock) -> None:
    door = doorman(clock, connections=7)
    few, many = arrive(door, 2, THERE), arrive(door, 4, HERE)
    (known,) = arrive(door, 1, HERE)
    door.knows(known, HERE)
    for number in range(2):
        assert door.arrives(Guest(), f"192.0.2.{100 + number}")

    assert [guest.gave_way for guest in (*few, *many)] == [False, False, True, True, False, False]
    assert not known.gave_way


def test_who_keeps_coming_in_a_full_house_pushes_out_nobody_but_its_own(clock: Clock) -> None:
    door = doorman(clock, connections=20)
    arrive(door, 20, THERE)
    tablets = arrive(door, 3, HERE)
    arrive(door, 500, THERE)

    assert not any(tablet.gave_way for tablet in tablets)


def test_in_a_house_full_of_those_who_were_let_in_a_newcomer_must_go(clock: Clock) -> None:
    door = doorman(clock, connections=2)
    for guest in arrive(door, 2):
        door.knows(guest, HERE)

    assert not door.arrives(Guest(), THERE)


def test_no_limit_an_address_means_none(clock: Clock) -> None:
    arrive(doorman(clock, connections_per_address=0), 500)


def test_nothing_is_kept_of_those_who_left(clock: Clock) -> None:
    door = doorman(clock, connect_rate=25)
    for number in range(200):
        where = f"192.0.2.{number}"
        (guest,) = arrive(door, 1, where)
        door.lets_pass(guest, where)
        door.leaves(guest, where)

    assert not door._line
    assert not door._from
    assert not door._strangers._from
    assert not door._strangers._having
    assert not door._line._from


# How fast


def test_newcomers_pass_at_once_while_there_are_few(clock: Clock) -> None:
    door = doorman(clock, connect_rate=50)

    for _ in range(100):
        clock.pass_time(0.02)
        assert door.lets_pass(Guest(), HERE)


def test_those_that_come_too_fast_wait_and_come_in_in_order_at_the_pace(clock: Clock) -> None:
    door = doorman(clock, connect_rate=100)
    guests = [Guest() for _ in range(300)]
    passed = sum(door.lets_pass(guest, HERE) for guest in guests)
    assert passed <= 100 * 2 * TURN
    clock.pass_time(1.0)

    came = [guest.came_in for guest in guests[passed:]]
    assert 95 <= sum(came) <= 105
    assert came == sorted(came, reverse=True)
    clock.pass_time(2.5)
    assert all(guest.came_in for guest in guests[passed:])
    assert door.lets_pass(Guest(), HERE)


def test_a_crowd_from_one_address_does_not_keep_another_waiting(clock: Clock) -> None:
    door = doorman(clock, connect_rate=100)
    for _ in range(1000):
        door.lets_pass(Guest(), HERE)
    tablet = Guest()
    assert not door.lets_pass(tablet, THERE)
    clock.pass_time(4 * TURN)

    assert tablet.came_in


def test_who_leaves_the_line_is_not_called(clock: Clock) -> None:
    door = doorman(clock, connect_rate=25)
    arrive(door, 1)
    first, second, third = arrive(door, 3)
    assert door.lets_pass(first, HERE)
    assert not door.lets_pass(second, HERE)
    assert not door.lets_pass(third, HERE)
    door.leaves(second, HERE)
    clock.pass_time(10.0)

    assert not second.came_in
    assert third.came_in


def test_a_pace_gives_no_more_than_its_rate_however_it_is_asked(clock: Clock) -> None:
    pace = Pace(10, reserve=0.5, seconds=clock)
    taken = 0
    for _ in range(1000):
        clock.pass_time(0.01)
        taken += pace.take(3)

    assert 99 <= taken <= 105
    clock.pass_time(3600)
    assert pace.take(1_000_000) == 5


def test_a_pace_of_nought_has_no_limit(clock: Clock) -> None:
    assert Pace(0, reserve=1, seconds=clock).take(10**9) == 10**9


# Refusals


def test_many_failed_logins_from_an_address_are_told_late_for_the_rest_of_the_minute(clock: Clock) -> None:
    failures = FailedLogins(3, seconds=clock)

    assert [failures.count(HERE) for _ in range(5)] == [False, False, False, True, True]
    assert not failures.count(THERE)
    clock.pass_time(WINDOW)
    assert not failures.count(HERE)


def test_failed_logins_of_any_number_of_addresses_take_bounded_memory(clock: Clock) -> None:
    failures = FailedLogins(1, seconds=clock)
    for number in range(3 * NETWORKS):
        failures.count(str(number))

    assert len(failures._failed) <= NETWORKS


def test_no_limit_of_failed_logins_means_none(clock: Clock) -> None:
    failures = FailedLogins(0, seconds=clock)

    assert not any(failures.count(HERE) for _ in range(1000))


def test_only_so_many_are_kept_waiting_for_their_refusal(clock: Clock) -> None:
    door = doorman(clock, late_refusals=2)
    assert [door.keeps_waiting() for _ in range(3)] == [True, True, False]
    door.told()

    assert door.keeps_waiting()


# A client's packets


def test_a_client_sends_at_its_rate_and_a_reserve_at_once() -> None:
    allowance = Allowance(BrokerSettings(message_rate=100, sweep=timedelta(seconds=0.5)))
    left = allowance.at_first
    assert left == 100 * RESERVE
    left = allowance.refilled(0, ticks=1)
    assert left == 50
    assert allowance.refilled(0, ticks=1_000_000) == 100 * RESERVE


def test_a_rate_below_one_a_tick_is_kept_too() -> None:
    allowance = Allowance(BrokerSettings(message_rate=1, sweep=timedelta(seconds=0.5)))
    left, sent = allowance.at_first, 0
    for _ in range(100):
        left = allowance.refilled(left, ticks=1)
        while left >= 1:
            left -= 1
            sent += 1

    assert sent == RESERVE + 49  # at the first of the hundred ticks nothing was missing


def test_a_message_rate_of_nought_has_no_limit() -> None:
    allowance = Allowance(BrokerSettings(message_rate=0))

    assert allowance.at_first - 10**12 > 0
    assert allowance.refilled(allowance.at_first, ticks=1) == allowance.at_first
