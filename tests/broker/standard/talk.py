"""What these tests say and expect beside what RawClient has: coming back, leaving, and the packets of QoS 1 and 2.

Two integrators' clients talk in the private space of one integration, where a client may publish, retain and subscribe
as it likes: what the standard says can be seen there without anybody's business in between.
"""

from typing import NamedTuple

from tests.broker.house import House
from tests.broker.raw import Published, RawClient, Ticket, Will, connect_packet, packet, publish_packet
from tests.support import eventually

SPACE = "hotels/h1/ext/opera"
TOPIC = f"{SPACE}/door"
EVERYTHING = f"{SPACE}/#"

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


class Came(NamedTuple):
    client: RawClient
    session_present: bool


def reader(house: House) -> Ticket:
    return house.integrator(app="reader")


def writer(house: House) -> Ticket:
    return house.integrator(app="writer")


async def come(house: House, ticket: Ticket, *, clean: bool = False, will: Will | None = None) -> Came:
    """Be let in, to a session that outlives the connection unless it is `clean`."""
    client = await house.dial()
    await client.send(connect_packet(ticket, clean=clean, will=will))
    first, body = await client.packet()
    assert (first, len(body), body[1]) == (0x20, 2, 0)
    assert body[0] in {0, 1}
    return Came(client, bool(body[0]))


async def listen(house: House, topic_filter: str = EVERYTHING, *, qos: int = 2, clean: bool = False) -> RawClient:
    """Come as the reader and subscribe."""
    client, _ = await come(house, reader(house), clean=clean)
    assert await client.subscribe((topic_filter, qos)) == [qos]
    return client


async def leave(client: RawClient) -> None:
    """Say goodbye, and be sure that the broker heard it."""
    await client.send(b"\xe0\x00")
    await client.rest()
    await client.hang_up()


async def vanish(house: House, client: RawClient) -> None:
    """Break the line, and be sure that the broker noticed."""
    before = house.counts.ends["lost"]
    client.cut()
    await eventually(lambda: house.counts.ends["lost"] > before)


ENDS = ["leave", "vanish", "take over", "restart", "crash"]


async def interrupt(house: House, client: RawClient, end: str) -> None:
    """End a connection in one of the `ENDS`; to be taken over it has to stay."""
    if end == "leave":
        await leave(client)
    elif end == "vanish":
        await vanish(house, client)
    elif end == "restart":
        await house.restart()
    elif end == "crash":
        await house.crash()


async def tell(client: RawClient, kind: int, packet_id: int) -> None:
    """Send one of the acknowledgments above."""
    await client.send(packet(kind, packet_id.to_bytes(2)))


async def hear(client: RawClient, kind: int, packet_id: int) -> None:
    """Make sure that this acknowledgment is the next packet."""
    assert await client.packet() == (kind, packet_id.to_bytes(2))


async def say(client: RawClient, payload: bytes, *, topic: str = TOPIC, qos: int = 1, retain: bool = False) -> None:
    """Publish, and go through all that the QoS asks for."""
    await client.send(publish_packet(topic, payload, qos=qos, packet_id=77, retain=retain))
    if qos == 1:
        await hear(client, PUBACK, 77)
    if qos == 2:
        await hear(client, PUBREC, 77)
        await tell(client, PUBREL, 77)
        await hear(client, PUBCOMP, 77)
    if qos == 0:
        await client.ping()


async def receive(client: RawClient) -> Published:
    """Take the next PUBLISH, and go through all that its QoS asks for."""
    got = await client.expect_publish()
    if got.qos == 1:
        await tell(client, PUBACK, got.packet_id)
    if got.qos == 2:
        await tell(client, PUBREC, got.packet_id)
        await hear(client, PUBREL, got.packet_id)
        await tell(client, PUBCOMP, got.packet_id)
    return got


async def receive_many(client: RawClient, number: int) -> list[bytes]:
    """Take PUBLISHes as they come, with whatever their QoS asks for in between; return their payloads."""
    payloads: list[bytes] = []
    while len(payloads) < number:
        first, body = await client.packet()
        if first == PUBREL:
            await client.send(packet(PUBCOMP, body))
            continue
        qos, end = first >> 1 & 3, 2 + int.from_bytes(body[:2])
        payloads.append(body[end + 2 :] if qos else body[end:])
        if qos:
            await client.send(packet(PUBACK if qos == 1 else PUBREC, body[end : end + 2]))
    return payloads


async def publish_as_writer(house: House, *payloads: bytes, qos: int = 1, topic: str = TOPIC) -> None:
    """Come, publish one after the other, leave."""
    client, _ = await come(house, writer(house), clean=True)
    for payload in payloads:
        await say(client, payload, qos=qos, topic=topic)
    await leave(client)
