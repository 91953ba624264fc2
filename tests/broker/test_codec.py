"""The codec by itself: what one side writes the other reads, and what is cut in pieces comes out whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import codec
from broker.framer import Framer
from broker.message import Message
from broker.packets import Connect, ConnectAnswer, Fault, Publish, Subscribe, UnsupportedProtocol, Violation, Will
from broker.topics import is_filter, is_name
from tests.broker.raw import Ticket, connect_packet, packet, publish_packet, subscribe_packet, text
from tests.broker.raw import Will as RawWill

LARGEST = 300_000
CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
# What MQTT lets a string be, without the characters that it lets us refuse.
strings = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=30
).filter(lambda value: codec._UNWANTED.search(value) is None)  # fmt: skip
names = strings.filter(is_name)
filters = st.one_of(names, st.sampled_from(["#", "+", "a/#", "+/b/+", "/"])).filter(is_filter)
packet_ids = st.integers(1, 65_535)
payloads = st.binary(max_size=300)


def only(data: bytes) -> tuple[int, bytes]:
    """Return the one packet that `data` is."""
    framer = Framer(largest=LARGEST)
    framer.feed(data)
    taken = framer.take()
    assert taken is not None
    assert framer.take() is None
    assert framer.waiting == 0
    return taken


@given(
    client_id=strings,
    username=strings,
    token=st.text("abc.-_", max_size=40),
    will=st.none() | st.builds(RawWill, names, payloads, st.integers(0, 2), st.booleans()),
    keep_alive=st.integers(0, 65_535),
    clean=st.booleans(),
)
@pytest.mark.mqtt("3.1.3-1")
def test_a_connect_is_read_as_it_was_meant(
    client_id: str, username: str, token: str, will: RawWill | None, keep_alive: int, clean: bool
) -> None:
    data = connect_packet(Ticket(client_id, username, token), will=will, keep_alive=keep_alive, clean=clean)
    assert codec.read_connect(only(data)[1]) == Connect(
        client_id=client_id,
        clean_session=clean,
        keep_alive=keep_alive,
        username=username,
        password=token.encode(),
        will=Will(*will) if will else None,
    )


@given(
    topic=names,
    payload=payloads,
    qos=st.integers(0, 2),
    packet_id=packet_ids,
    retain=st.booleans(),
    again=st.booleans(),
)
def test_a_publish_survives_both_ways(
    topic: str, payload: bytes, qos: int, packet_id: int, retain: bool, again: bool
) -> None:
    dup = again and qos > 0
    written = Message(topic, payload, qos).packet(dup << 3 | qos << 1 | retain, packet_id)
    assert written == publish_packet(topic, payload, qos=qos, packet_id=packet_id, retain=retain, dup=dup)
    expected = Publish(topic.encode(), payload, qos, retain, packet_id if qos else 0)
    assert codec.read_publish(*only(written)) == expected
    assert codec.read_topic(expected.topic) == topic


@given(
    wanted=st.lists(st.tuples(filters, st.integers(0, 2)), min_size=1, max_size=5),
    packet_id=packet_ids,
)
def test_a_subscribe_is_read_as_it_was_meant(wanted: list[tuple[str, int]], packet_id: int) -> None:
    _, body = only(subscribe_packet(*wanted, packet_id=packet_id))
    assert codec.read_subscribe(body) == Subscribe(packet_id, tuple(wanted))


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 16_382, 16_383, 16_384, 200_000])
def test_lengths_around_the_steps_of_their_encoding(size: int) -> None:
    assert only(b"\x30" + codec._varint(size) + b"x" * size) == (0x30, b"x" * size)
    assert codec._varint(size) == packet(0, b"x" * size)[1 : -size or None]


@given(data=st.data())
def test_packets_come_out_whole_however_they_were_cut(data: st.DataObject) -> None:
    bodies = data.draw(st.lists(st.binary(max_size=400), min_size=1, max_size=8))
    stream = b"".join(packet(0x30, body) for body in bodies)
    framer, got = Framer(largest=LARGEST), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        framer.feed(stream[:size])
        stream = stream[size:]
        # Sometimes the connection is held and takes nothing, or not everything.
        for _ in range(data.draw(st.integers(0, 10))):
            taken = framer.take()
            if taken is None:
                break
            got.append(taken)
    while (taken := framer.take()) is not None:
        got.append(taken)
    assert got == [(0x30, body) for body in bodies]
    assert framer.waiting == 0


@given(stream=st.binary(max_size=200))
def test_no_bytes_make_the_framer_stumble(stream: bytes) -> None:
    framer = Framer(largest=100)
    framer.feed(stream)
    try:
        while framer.take() is not None:
            pass
    except Violation:
        return
    assert framer.waiting <= len(stream)


@given(body=st.binary(max_size=100))
@pytest.mark.parametrize(
    "read", [codec.read_connect, codec.read_subscribe, codec.read_unsubscribe, codec.read_packet_id, codec.read_nothing]
)
def test_no_body_makes_a_reader_stumble(read: object, body: bytes) -> None:
    assert callable(read)
    try:
        read(body)
    except (Violation, UnsupportedProtocol):
        return


@given(first=st.sampled_from([0x30, 0x31, 0x32, 0x33, 0x34, 0x38, 0x3A, 0x3B]), body=st.binary(max_size=60))
def test_no_body_makes_the_reader_of_publishes_stumble(first: int, body: bytes) -> None:
    try:
        codec.read_publish(first, body)
    except Violation:
        return


def test_a_packet_above_the_limit_is_refused_at_its_head() -> None:
    framer = Framer(largest=100)
    framer.feed(b"\x30\x65")
    with pytest.raises(Violation) as broken:
        framer.take()
    assert broken.value.fault is Fault.TOO_LARGE


@pytest.mark.parametrize("point", [*CONTROLS, 0xFDD0, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF])
@pytest.mark.mqtt("1.5.3-2")
def test_characters_that_no_name_needs_are_refused(point: int) -> None:
    with pytest.raises(Violation):
        codec.read_text(f"a{chr(point)}b".encode())


@pytest.mark.mqtt("1.5.3-3")
def test_a_byte_order_mark_is_a_character_like_any_other() -> None:
    assert codec.read_text(b"\xef\xbb\xbfx") == "\ufeffx"


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xe2\x82"]
)
@pytest.mark.mqtt("1.5.3-1")
def test_what_is_no_utf_8_is_refused(raw: bytes) -> None:
    with pytest.raises(Violation):
        codec.read_text(raw)


def test_answers_are_as_the_standard_has_them() -> None:
    assert codec.connack(ConnectAnswer.NOT_AUTHORIZED) == b"\x20\x02\x00\x05"
    assert codec.puback(0x1234) == b"\x40\x02\x12\x34"
    assert codec.suback(1, [0, None]) == b"\x90\x04\x00\x01\x00\x80"
    assert codec.unsuback(1) == b"\xb0\x02\x00\x01"
    assert codec.suback(1, [1] * 200)[:3] == b"\x90\xca\x01"


def test_a_connect_never_shows_its_password() -> None:
    connect = codec.read_connect(only(connect_packet(Ticket("h1/d1", "h1/d1", "secret-token")))[1])
    assert "secret-token" not in repr(connect)
    assert connect.password == b"secret-token"


def test_a_connect_with_only_what_it_must_have() -> None:
    connect = codec.read_connect(text("MQTT") + b"\x04\x02\x00\x0a" + text("id"))
    assert (connect.client_id, connect.keep_alive, connect.username, connect.password) == ("id", 10, None, None)
