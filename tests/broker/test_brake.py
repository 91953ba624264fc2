"""Clients that send too much are read later: what each may send, over ticks and connections."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from broker.brake import AT_ONCE, REMEMBERED, Brake
from broker.claims import Claims, TokenType
from broker.pace import RESERVE
from broker.settings import BrokerSettings

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def claims(sub: str, kind: TokenType = TokenType.DEVICE) -> Claims:
    return Claims(type=kind, sub=sub, aud=("mqtt",), iat=NOON, exp=NOON, jti="j", gen=0)


class Turns:
    """What is to be done when others had a turn."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def soon(self, call: Callable[[], None]) -> None:
        self.waiting.append(call)

    def take(self) -> None:
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            call()


class Sender:
    allowed = 0.0
    filled = 0
    is_held = False

    def __init__(self, brake: Brake) -> None:
        self.brake = brake
        self.ends: list[Sender] = []  # those whose connections end by what it sends when it goes on

    def slow_down(self) -> None:
        self.is_held = True

    def go_on(self) -> None:
        self.is_held = False
        for sender in self.ends:
            sender.brake.ends(sender, "c")

    def send(self, brake: Brake, number: int = 1_000_000) -> int:
        """Send until held, at most a number; return how many were sent."""
        for sent in range(number):
            if self.is_held:
                return sent
            self.allowed -= 1
            if self.allowed < 1:
                brake.check(self)
        return number


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def brake(turns: Turns) -> Brake:
    """A hundred packets a second, two ticks a second."""
    return make(turns, rate=100)


def make(turns: Turns, *, rate: int) -> Brake:
    return Brake(BrokerSettings(message_rate=rate, sweep=timedelta(seconds=0.5)), soon=turns.soon)


def begin(brake: Brake, sub: str = "c", kind: TokenType = TokenType.DEVICE) -> Sender:
    sender = Sender(brake)
    brake.begins(sender, claims(sub, kind))
    return sender


def test_a_client_sends_its_reserve_and_then_at_the_rate(brake: Brake) -> None:
    sender = begin(brake)
    assert sender.send(brake) == 100 * RESERVE
    for _ in range(10):
        assert sender.is_held
        brake.tick()
        assert sender.send(brake) == 50


def test_a_calm_client_is_never_held_and_has_its_reserve_again(brake: Brake) -> None:
    sender = begin(brake)
    for _ in range(200):
        assert sender.send(brake, 40) == 40
        brake.tick()
    for _ in range(2 * RESERVE):
        brake.tick()

    assert sender.send(brake) >= 100 * RESERVE


def test_a_rate_below_one_a_tick_is_kept(turns: Turns) -> None:
    brake = make(turns, rate=1)
    sender = begin(brake)
    sent = sender.send(brake)
    for _ in range(20):
        brake.tick()
        sent += sender.send(brake)

    assert sent == RESERVE + 10


def test_coming_again_does_not_fill_up_what_a_client_may_send(brake: Brake) -> None:
    sent = 0
    for _ in range(10):
        sender = begin(brake)
        sent += sender.send(brake, 300)
        brake.ends(sender, "c")
        brake.tick()

    assert sent <= 100 * RESERVE + 10 * 50
    assert begin(brake, "another").send(brake) == 100 * RESERVE


def test_a_client_that_stays_away_has_all_of_it_again(brake: Brake) -> None:
    sender = begin(brake)
    sender.send(brake)
    brake.ends(sender, "c")
    for _ in range(2 * RESERVE):
        brake.tick()

    assert begin(brake).send(brake) == 100 * RESERVE


def test_what_is_remembered_of_those_who_went_is_bounded(brake: Brake) -> None:
    for number in range(REMEMBERED + 100):
        sender = begin(brake, str(number))
        sender.send(brake, 5)
        brake.ends(sender, str(number))

    assert len(brake._left) == REMEMBERED


def test_services_and_a_rate_of_nought_have_no_limit(brake: Brake, turns: Turns) -> None:
    assert begin(brake, kind=TokenType.SERVICE).send(brake, 100_000) == 100_000
    assert begin(make(turns, rate=0)).send(make(turns, rate=0), 100_000) == 100_000


def test_those_who_were_held_go_on_a_few_at_a_time(brake: Brake, turns: Turns) -> None:
    senders = [begin(brake, str(number)) for number in range(3 * AT_ONCE)]
    for sender in senders:
        sender.send(brake)
    brake.tick()
    assert sum(not sender.is_held for sender in senders) == AT_ONCE
    turns.take()
    assert sum(not sender.is_held for sender in senders) == 2 * AT_ONCE
    brake.tick()
    turns.take()
    assert not any(sender.is_held for sender in senders)
    assert turns.waiting == []


def test_a_client_that_went_while_it_was_held_is_not_called(brake: Brake) -> None:
    sender = begin(brake)
    sender.send(brake)
    brake.ends(sender, "c")
    brake.tick()

    assert sender.is_held
    assert not brake._held
    assert not brake._going


def test_the_first_to_go_on_may_be_the_end_of_the_others(brake: Brake) -> None:
    senders = [begin(brake, str(number)) for number in range(3)]
    for sender in senders:
        sender.send(brake)
    senders[0].ends = senders[1:]
    brake.tick()
    assert [sender.is_held for sender in senders] == [False, True, True]
