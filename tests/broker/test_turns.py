"""Everybody has a turn, and a round is bounded, however many have a lot to be done."""

import asyncio
from itertools import product

import pytest

from broker.turns import LEAST, ROUND, SHARE, Turns
from tests.broker.house import House
from tests.broker.raw import publish_packet
from tests.support import eventually


class Peer:
    """Someone with packets to be handled."""

    def __init__(self, turns: Turns, packets: int) -> None:
        self.turns = turns
        self.packets = packets

    def take_turn(self) -> None:
        share = self.turns.share
        done = min(share, self.packets)
        self.packets -= done
        self.turns.took(done)
        if self.packets or not share:
            self.turns.wait(self)


@pytest.fixture
async def turns() -> Turns:
    return Turns(asyncio.get_running_loop())


async def a_round() -> None:
    await asyncio.sleep(0)


async def test_one_peer_does_a_share_at_a_time(turns: Turns) -> None:
    peer = Peer(turns, 3 * SHARE)
    peer.take_turn()
    assert peer.packets == 2 * SHARE
    await a_round()
    assert peer.packets == SHARE


async def test_a_round_is_bounded_and_goes_on_where_it_stopped(turns: Turns) -> None:
    peers = [Peer(turns, 10 * SHARE) for _ in range(1000)]
    for peer in peers:
        peer.take_turn()
    left = sum(peer.packets for peer in peers)
    assert 1000 * 10 * SHARE - left <= ROUND + SHARE
    served: set[int] = set()
    for _ in range(10):
        before = [peer.packets for peer in peers]
        await a_round()
        done = [was - peer.packets for was, peer in zip(before, peers, strict=True)]
        assert 0 < sum(done) <= ROUND + LEAST
        assert max(done) <= SHARE
        served |= {number for number, some in enumerate(done) if some}
    assert len(served) == 1000


async def test_who_has_little_to_do_is_served_within_the_round_of_many_who_have_a_lot(turns: Turns) -> None:
    for peer in [Peer(turns, 100 * SHARE) for _ in range(100)]:
        peer.take_turn()
    tablet = Peer(turns, 1)
    tablet.take_turn()
    for _ in range(2):
        await a_round()

    assert tablet.packets == 0


async def test_those_who_go_on_later_are_let_go_a_few_at_a_time_too(turns: Turns) -> None:
    class Later(Peer):
        def take_turn(self) -> None:
            asyncio.get_running_loop().call_soon(self.go_on)

        def go_on(self) -> None:
            done = min(self.turns.share or LEAST, self.packets)
            self.packets -= done
            self.turns.took(done)
            if self.packets:
                self.turns.wait(self)

    peers = [Later(turns, 100) for _ in range(1000)]
    hog = Peer(turns, 10**9)
    hog.take_turn()
    for peer in peers:
        turns.wait(peer)
    for _ in range(20):
        before = sum(peer.packets for peer in peers)
        await a_round()
        assert before - sum(peer.packets for peer in peers) <= 2 * ROUND

    await eventually(lambda: not any(peer.packets for peer in peers), every=0)


async def test_one_who_does_nothing_with_its_turn_does_not_end_everybodys(turns: Turns) -> None:
    class Gone(Peer):
        def take_turn(self) -> None:
            pass

    for _ in range(100):
        turns.wait(Gone(turns, 1))
    tablet = Peer(turns, 1)
    turns.wait(tablet)
    await eventually(lambda: tablet.packets == 0, every=0)


async def test_when_nobody_waits_shares_are_whole_again(turns: Turns) -> None:
    for peer in [Peer(turns, SHARE) for _ in range(100)]:
        peer.take_turn()
    assert turns.share < SHARE
    for _ in range(100):
        await a_round()

    assert turns.share == SHARE
    assert not turns._line


async def test_who_went_has_no_turn(turns: Turns) -> None:
    peer = Peer(turns, 2 * SHARE)
    peer.take_turn()
    turns.forget(peer)
    await a_round()

    assert peer.packets == SHARE


async def test_many_who_send_without_pause_keep_nobody_waiting(house: House) -> None:
    clients = [await house.connect(house.device(f"d{number}")) for number in range(100)]
    for number, client in enumerate(clients):
        beat = publish_packet(f"hotels/h1/devices/d{number}/heartbeat", b"x", qos=0)
        client.writer.write(beat * 2000)
    await eventually(lambda: house.counts.messages_in > 1000, every=0)
    before = house.counts.messages_in
    canary = await house.connect(house.device("canary"))
    await canary.publish("hotels/h1/devices/canary/heartbeat", b"chirp")
    await canary.expect_puback(1)

    assert house.counts.messages_in - before < 100_000, "the canary waited for all of them"
    await eventually(lambda: house.counts.messages_in == 200_001, within=30)
    assert house.counts.holds["turn"] > 100


async def test_subscribing_to_every_combination_of_wildcards_takes_nobodys_turn_away(house: House) -> None:
    space = "hotels/h1/ext/opera"
    subscriber = await house.connect(house.integrator())
    await subscriber.subscribe(*((f"{space}/{'/'.join(levels)}/#", 0) for levels in product("a+", repeat=7)))
    publisher = await house.connect(house.integrator(app="2"))
    burst = 100
    await publisher.send(b"".join(publish_packet(f"{space}{7 * '/a'}/{number}", b"", qos=0) for number in range(burst)))
    for _ in range(burst):
        await subscriber.expect_publish()

    assert house.counts.holds["turn"] >= 5  # Beside the receivers, one for each, there were 25,000 places to look at.
