"""Who is looked at when."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from broker.deadlines import FURTHEST, REMEMBERED, Deadlines

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Guest:
    def __init__(self, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        self.due = 0
        self.looks: list[int] = []
        self.expired = 0

    def look(self) -> None:
        self.looks.append(self.deadlines.tick)

    def expire(self) -> None:
        self.expired += 1


def pass_ticks(deadlines: Deadlines, number: int, *, now: datetime = NOON) -> None:
    for _ in range(number):
        deadlines.pass_tick(now)


@given(ticks=st.integers(-5, 2 * FURTHEST))
def test_it_is_looked_at_once_in_its_time_at_the_latest(ticks: int) -> None:
    deadlines = Deadlines()
    guest = Guest(deadlines)
    deadlines.watch(guest, ticks=ticks)
    pass_ticks(deadlines, 2 * FURTHEST)
    assert guest.looks == [min(max(1, ticks), FURTHEST)]


def test_the_last_word_counts() -> None:
    deadlines = Deadlines()
    guest = Guest(deadlines)
    deadlines.watch(guest, ticks=3)
    deadlines.watch(guest, ticks=5)
    pass_ticks(deadlines, 10)
    assert guest.looks == [5]


def test_who_has_gone_is_forgotten() -> None:
    deadlines = Deadlines()
    guest = Guest(deadlines)
    deadlines.watch(guest, ticks=3)
    deadlines.forget(guest)
    deadlines.expires(guest, NOON)
    deadlines.leaves(guest, NOON)
    pass_ticks(deadlines, 10)
    assert (guest.looks, guest.expired) == ([], 0)


def test_expiry_goes_by_the_clock_and_not_by_ticks() -> None:
    deadlines = Deadlines()
    guests = [Guest(deadlines) for _ in range(3)]
    for at, guest in enumerate(guests):
        deadlines.expires(guest, NOON + timedelta(seconds=at))
    pass_ticks(deadlines, 1000, now=NOON - timedelta(seconds=1))
    assert [guest.expired for guest in guests] == [0, 0, 0]
    deadlines.pass_tick(NOON + timedelta(seconds=1))
    assert [guest.expired for guest in guests] == [1, 1, 0]


def test_those_who_come_and_go_leave_nothing_behind() -> None:
    deadlines = Deadlines()
    stays = Guest(deadlines)
    deadlines.expires(stays, NOON + timedelta(seconds=500))
    for second in range(1000):
        guest = Guest(deadlines)
        deadlines.watch(guest, ticks=100)
        deadlines.expires(guest, NOON + timedelta(seconds=second))
        deadlines.forget(guest)
        deadlines.leaves(guest, NOON + timedelta(seconds=second))
    assert (len(deadlines._due), len(deadlines._expiring)) == (1, 1)
    assert len(deadlines._expiries) < 100
    deadlines.pass_tick(NOON + timedelta(seconds=1000))
    assert stays.expired == 1


def test_a_fault_with_one_takes_no_deadline_from_the_others() -> None:
    class Broken(Guest):
        def look(self) -> None:
            super().look()
            raise ZeroDivisionError

        def expire(self) -> None:
            super().expire()
            raise ZeroDivisionError

    deadlines = Deadlines()
    guests = [Broken(deadlines) if number % 2 else Guest(deadlines) for number in range(10)]
    for guest in guests:
        deadlines.watch(guest, ticks=1)
        deadlines.expires(guest, NOON)
    faults = 0
    for _ in range(20):
        try:
            deadlines.pass_tick(NOON)
        except ZeroDivisionError:
            faults += 1
    assert [(len(guest.looks), guest.expired) for guest in guests] == [(1, 1)] * 10
    assert faults == 10


def test_the_time_of_a_tick_is_known_for_a_while() -> None:
    deadlines = Deadlines()
    assert deadlines.time_of(0) is None
    for second in range(1, REMEMBERED + 3):
        deadlines.pass_tick(NOON + timedelta(seconds=second))
    assert deadlines.time_of(deadlines.tick) == NOON + timedelta(seconds=REMEMBERED + 2)
    assert deadlines.time_of(3) == NOON + timedelta(seconds=3)
    assert deadlines.time_of(2) is None
    assert deadlines.time_of(deadlines.tick + 1) is None
