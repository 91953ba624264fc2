"""Bytes that nobody would send: to the codec, to a hub, and over sockets to a broker with a canary beside it.

`make test ARGS="tests/broker/test_fuzz.py --hypothesis-profile=thorough"` looks fifty times as long. In CI the same
examples are tried each time; elsewhere a failing one is printed as what was said, and kept for the next run.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.broker.cage import Cage
from tests.broker.house import House
from tests.broker.raw import Ticket, Will, connect_packet, packet, publish_packet, subscribe_packet, text
from tests.fuzz import clients, frames, packets, seeds, tokens
from tests.fuzz.clients import Deed, step

EXAMPLES = settings.default.max_examples if settings.default else 100
quick = settings(max_examples=3 * EXAMPLES)

# Words of the protocol, odd ones among them

TOPICS = (
    "hotels/h1/devices/d1/heartbeat", "hotels/h1/devices/d1/state", "hotels/h1/ext/opera/door",
    "hotels/h1/staff/ann/do", "hotels/h2/devices/d1/heartbeat", "hotels/h1/ext/opera",
    "hotels/h1/ext/opera/" + "/" * 40, "hotels/h1/events", "$SYS/x", "/", "é",
)  # fmt: skip
FILTERS = (
    "hotels/h1/ext/#", "hotels/h1/events", "hotels/h1/devices/d1/command", "hotels/+/events", "#", "+/+", "/", "$SYS/#",
)  # fmt: skip

packet_ids = st.integers(1, 4) | st.integers(0, 65_535)
payloads = st.binary(max_size=20) | st.sampled_from([b"x" * 200, b"x" * 5000])
publishes = st.builds(
    publish_packet,
    st.sampled_from(TOPICS) | st.binary(max_size=12),
    payloads,
    qos=st.integers(0, 2),
    packet_id=packet_ids,
    retain=st.booleans(),
    dup=st.booleans(),
)
filters = st.tuples(st.sampled_from(FILTERS) | st.text(max_size=6), st.integers(0, 3))
subscribes = st.lists(filters, max_size=4).flatmap(
    lambda some: packet_ids.map(lambda number: subscribe_packet(*some, packet_id=number))
)
unsubscribes = st.lists(st.sampled_from(FILTERS), max_size=3).map(
    lambda some: packet(0xA2, b"\0\1" + b"".join(map(text, some)))
)
answers = st.builds(
    lambda first, number: packet(first, number.to_bytes(2)), st.sampled_from([0x40, 0x50, 0x62, 0x70]), packet_ids
)
simple = st.sampled_from([packet(0xC0), packet(0xE0)])
whole = publishes | subscribes | unsubscribes | answers | simple


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A packet of which something is changed, missing or doubled."""
    said = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(said) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                said[at : at + 1] = bytes((draw(st.integers(0, 255)),))
            case 1:
                del said[at : at + draw(st.integers(1, 4))]
            case 2:
                said[at:at] = draw(st.binary(min_size=1, max_size=4))
            case _:
                said[at:at] = said[at : at + 20]
    return bytes(said)


speech = st.one_of(whole, whole, whole, mutated(), st.binary(max_size=30))


# The codec by itself


@pytest.mark.parametrize("seed", seeds.packets())
def test_what_the_test_client_writes_is_read_and_written_again(seed: bytes) -> None:
    packets.target(seed)


@quick
@given(size=st.integers(0, 15), said=st.lists(speech, max_size=5))
def test_what_the_codec_understands_is_what_was_there_however_it_was_cut(size: int, said: list[bytes]) -> None:
    packets.target(bytes((size,)) + b"".join(said))


@quick
@given(body=st.binary(max_size=80), first=st.sampled_from([0x10, 0x30, 0x32, 0x82, 0xA2]))
def test_a_body_of_any_bytes_is_refused_or_understood(body: bytes, first: int) -> None:
    head = text("MQTT") + b"\4" if first == 0x10 else b""
    packets.read(first, head + body)


@quick
@given(size=st.integers(0, 15), said=st.lists(st.binary(max_size=20) | st.sampled_from(seeds.frames()), max_size=5))
def test_websocket_frames_are_what_the_library_alone_would_read(size: int, said: list[bytes]) -> None:
    frames.target(bytes((size,)) + b"".join(said))


@quick
@given(said=st.binary(max_size=300) | st.sampled_from(seeds.tokens()), at=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_token_is_claims_or_a_refusal(said: bytes, at: int, byte: int) -> None:
    changed = bytearray(said or b"\0")
    changed[at % len(changed)] = byte
    tokens.target(bytes(changed))


# Several clients on one hub, step by step

anybody = st.integers(0, 3)
short = speech.filter(lambda said: len(said) < 256)
saying = st.sampled_from([Deed.SAY, Deed.SAY, Deed.SAY_SLOWLY, Deed.SAY_RAW])
doing = st.sampled_from([Deed.CONNECT, Deed.CONNECT, Deed.CUT, Deed.STOP_READING, Deed.READ])
step_of = st.one_of(
    st.builds(step, anybody, saying, short),
    st.builds(step, anybody, doing, st.integers(0, 255)),
    st.builds(step, st.just(0), st.just(Deed.WORLD), st.integers(0, 255)),
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[[bytes], None]]:
    opened = clients.Stage(tmp_path)
    yield opened.target
    opened.close()


@pytest.mark.parametrize("seed", seeds.clients())
def test_a_play_that_goes_well_leaves_nothing(stage: Callable[[bytes], None], seed: bytes) -> None:
    stage(seed)


@settings(max_examples=2 * EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(alone=st.booleans(), steps=st.lists(step_of, max_size=25))
def test_whatever_they_play_nothing_is_left_of_it(
    stage: Callable[[bytes], None], alone: bool, steps: list[bytes]
) -> None:
    stage(bytes((alone,)) + b"".join(steps))


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.sampled_from(seeds.clients()), more=st.lists(st.tuples(st.integers(0, 2000), step_of), max_size=6))
def test_a_play_that_is_disturbed_leaves_nothing_either(
    stage: Callable[[bytes], None], seed: bytes, more: list[tuple[int, bytes]]
) -> None:
    disturbed = bytearray(seed)
    for at, one in more:
        disturbed[at % len(disturbed) : at % len(disturbed)] = one
    stage(bytes(disturbed))


# Over sockets, with a canary


def tickets(house: House) -> list[Ticket | None]:
    return [
        house.device(),
        house.person(),
        house.person(app="2"),
        house.integrator("pms", "alerts"),
        house.device("d2", hotel="h2"),
        None,
    ]


class Visit(NamedTuple):
    """What one client does in a burst."""

    who: int
    websocket: bool
    clean: bool
    will: str | None
    said: list[bytes]
    cuts: list[int]  # where what it says is cut in pieces
    reads: bool
    leaves: bool  # else it stays for as long as it may


visits = st.builds(
    Visit,
    who=st.integers(0, 5),
    websocket=st.booleans(),
    clean=st.booleans(),
    will=st.none() | st.sampled_from(TOPICS),
    said=st.lists(speech, max_size=8),
    cuts=st.lists(st.integers(1, 100), max_size=6),
    reads=st.booleans(),
    leaves=st.booleans(),
)


async def visit(house: House, what: Visit) -> None:
    ticket = tickets(house)[what.who]
    client = await (house.dial_websocket_port() if what.websocket else house.dial())
    said = list(what.said)
    if ticket is not None:
        will = None if what.will is None else Will(what.will, b"gone", qos=what.who % 3, retain=what.clean)
        said.insert(0, connect_packet(ticket, clean=what.clean, will=will))
    stream = frames.HANDSHAKE + b"".join(map(frames.frame, said)) if what.websocket else b"".join(said)
    for size in [*what.cuts, len(stream)]:
        if client.writer.is_closing():
            break
        client.writer.write(stream[:size])
        stream = stream[size:]
        await asyncio.sleep(0)
    if not what.reads:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    if what.leaves:
        client.cut()


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(burst=st.lists(visits, min_size=1, max_size=5))
async def test_the_canary_sings_on_whatever_the_others_say(cage: Cage, burst: list[Visit]) -> None:
    async with asyncio.TaskGroup() as all_at_once:
        for what in burst:
            all_at_once.create_task(visit(cage.house, what))
    await cage.sings()
    clients_so_far = cage.house.clients  # the canary first
    for former in clients_so_far[1:-20]:
        former.cut()
    del clients_so_far[1:-20]
