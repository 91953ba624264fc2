"""What a fuzzer begins with: inputs made by the test client's own encoder, so that there are no blobs to keep."""

import json
from collections.abc import Callable

from tests.broker.raw import Ticket, Will, connect_packet, packet, publish_packet, subscribe_packet, text
from tests.fuzz.clients import DEVICE, INTEGRATOR, PERSON, STRANGER, Deed, Event, How, step
from tests.fuzz.frames import frame
from tests.fuzz.tokens import NOON, RING

BEAT = "hotels/h1/devices/d1/heartbeat"
EXT = "hotels/h1/ext/opera/door"
SIMPLE = [packet(0xC0), packet(0xE0), *(packet(first, b"\0\1") for first in (0x40, 0x50, 0x62, 0x70))]


def packets() -> list[bytes]:
    ticket = Ticket("h1/d1", "h1/d1", "a.b.c")
    said = [
        connect_packet(ticket),
        connect_packet(ticket, will=Will(BEAT, b"x", 2, True), keep_alive=60, clean=False),
        connect_packet(ticket, level=5),
        packet(0x10, text("MQIsdp") + b"\3\2\0\0" + text("x")),
        *(publish_packet(BEAT, b"{}", qos=qos, retain=qos == 1, dup=qos == 2) for qos in range(3)),
        publish_packet(BEAT, b"x" * 200),
        subscribe_packet(("hotels/+/events", 1), ("a/#", 2), ("$SYS/#", 0)),
        packet(0xA2, b"\0\1" + text("a/#") + text("+")),
        *SIMPLE,
    ]
    return [b"\0" + b"".join(said), *(bytes((at,)) + one for at, one in enumerate(said))]


def frames() -> list[bytes]:
    said = [
        frame(b"x"),
        frame(b"x" * 130),
        frame(b"?", first=0x89),
        frame(b"a", first=0x02) + frame(b"?", first=0x89) + frame(b"b", first=0x80),
        frame("é".encode(), first=0x81),
        frame(b"\x03\xe8", first=0x88),
        b"\x82\x01x",
        b"\x82\xff" + b"\xff" * 8 + bytes(4),
    ]
    return [b"\x0f" + b"".join(said[:4]), *(bytes((at,)) + one for at, one in enumerate(said))]


def tokens() -> list[bytes]:
    at = int(NOON.timestamp())
    claims: dict[str, object] = {
        "iss": "innwatch", "aud": ["mqtt", "api"], "sub": "h1/d1", "iat": at, "exp": at + 60, "jti": "j", "gen": 0,
        "type": "device", "hotel_id": "h1", "device_id": "d1",
    }  # fmt: skip
    ann = {**claims, "sub": "h1/user/ann", "type": "user", "role": "staff"}
    del ann["device_id"]
    signed = [json.dumps(one, separators=(",", ":")).encode() for one in (claims, ann)]
    key = RING.signing(NOON)
    foreign = RING._jws.encode(signed[0], key.signer, headers={"kid": key.kid, "x": 1})
    return [
        *(b"\1" + one for one in signed),
        *(b"\0" + RING._sign(one, key).encode() for one in signed),
        b"\0" + foreign.encode(),
    ]


def clients() -> list[bytes]:
    def said(who: int, *packets: bytes, deed: Deed = Deed.SAY) -> bytes:
        return b"".join(step(who, deed, one) for one in packets)

    def world(event: Event, much: int = 0) -> bytes:
        return step(0, Deed.WORLD, event | much << 3)

    tablet = step(DEVICE, Deed.CONNECT)
    kept = step(PERSON, Deed.CONNECT, How.KEPT)
    ours = step(INTEGRATOR, Deed.CONNECT)
    beats = [publish_packet(BEAT, b"{}", packet_id=number, qos=number % 3) for number in range(1, 7)]
    doors = [publish_packet(EXT, b"x" * 40, packet_id=number, qos=2, retain=number == 3) for number in range(1, 5)]
    all_of = packet(0x82, b"\0\1" + text("hotels/h1/ext/#") + b"\2")
    events = subscribe_packet(("hotels/h1/events", 2), ("hotels/h1/alerts/+", 1))
    answers = [packet(first, b"\0" + bytes((one,))) for one in (1, 2, 3) for first in (0x50, 0x70, 0x40)]
    releases = [packet(0x62, b"\0" + bytes((one,))) for one in (1, 2, 3, 4)]
    bridge = step(STRANGER, Deed.CONNECT, How.KEPT | How.OTHER)
    restart = world(Event.LATER, 1)
    published = [world(Event.PUBLISH, much) for much in range(9)]
    plays = [
        tablet + said(DEVICE, *beats, *SIMPLE),
        tablet + said(DEVICE, b"".join(beats)) + said(DEVICE, *beats, deed=Deed.SAY_SLOWLY),
        step(DEVICE, Deed.CONNECT, How.WEBSOCKET | How.WILL) + said(DEVICE, *beats) + step(DEVICE, Deed.CUT),
        step(DEVICE, Deed.CONNECT, How.WEBSOCKET) + said(DEVICE, frame(b"?", first=0x89), deed=Deed.SAY_RAW),
        ours + kept + said(PERSON, all_of) + said(INTEGRATOR, *doors, *releases) + said(PERSON, *answers),
        kept + said(PERSON, all_of) + step(PERSON, Deed.CUT) + ours + said(INTEGRATOR, *doors)
        + world(Event.DISK) + kept + said(PERSON, *answers) + world(Event.LATER),
        kept + said(PERSON, events) + step(PERSON, Deed.STOP_READING) + b"".join(published * 3)
        + step(PERSON, Deed.READ) + said(PERSON, *answers),
        tablet + world(Event.SETTLE_LATER) + said(DEVICE, *beats) + world(Event.FILL) + said(DEVICE, *beats)
        + world(Event.ROOM) + world(Event.SETTLE),
        tablet + tablet + step(PERSON, Deed.CONNECT, How.OTHER | How.KEPT) * 3 + said(STRANGER, b"GET / HTTP"),
        tablet + said(DEVICE, *[packet(0xC0) * 100] * 4) + world(Event.TICK) * 5,
        ours + kept + said(PERSON, all_of) + step(PERSON, Deed.CUT) + said(INTEGRATOR, *doors) + restart
        + kept + said(PERSON, *answers) + restart,
        bridge + tablet + said(DEVICE, *beats) + said(STRANGER, *answers) + step(STRANGER, Deed.CUT)
        + said(DEVICE, *beats * 3) + restart + bridge + said(STRANGER, *answers),
    ]  # fmt: skip
    return [bytes((alone,)) + play for play in plays for alone in (0, 1)]


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "packets": packets, "frames": frames, "tokens": tokens, "clients": clients,
}  # fmt: skip
