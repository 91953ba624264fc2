"""Which tablets speak by MQTT is noted every few minutes, and what came over HTTP is none of it."""

from datetime import timedelta

import msgspec

from broker.topics import Kind
from device_bridge.contacts import NOTED_EVERY, Contacts
from rules.ids import DeviceId
from store.records import Contact, InboxKind
from tests.device_bridge.given import HOTEL, START, TABLET, House, Post, heartbeat
from tests.support import eventually


async def say(house: House) -> None:
    """tab-101 sends a heartbeat, and it is stored."""
    post = Post(Kind.HEARTBEAT, heartbeat())
    house.queue.offer(post)
    await eventually(lambda: post.settled)


async def noted(house: House) -> list[Contact | None]:
    return [row.mqtt for row in (await house.store.migration(HOTEL)).items]


async def test_who_speaks_by_mqtt_is_noted_once_in_a_while(house: House) -> None:
    contacts = Contacts(store=house.store, fleet=house.bridge._fleet, now=house.clock.now)
    seen = []
    for _ in range(3):
        await say(house)
        await contacts.look()
        seen.append((await noted(house))[0])
        house.clock.advance(NOTED_EVERY.total_seconds() / 2)

    later = START + timedelta(seconds=NOTED_EVERY.total_seconds())
    assert seen == [Contact(START, START), Contact(START, START), Contact(START, later)]
    assert (await noted(house))[1:] == [None, None]


async def test_who_was_silent_since_is_not_noted_again(house: House) -> None:
    contacts = Contacts(store=house.store, fleet=house.bridge._fleet, now=house.clock.now)
    await say(house)
    await contacts.look()
    house.clock.advance(2 * NOTED_EVERY.total_seconds())

    await contacts.look()

    assert (await noted(house))[0] == Contact(START, START)


async def test_what_came_over_http_is_not_by_mqtt(house: House) -> None:
    contacts = Contacts(store=house.store, fleet=house.bridge._fleet, now=house.clock.now)
    payload = msgspec.json.encode(heartbeat(id="m-1"))
    await house.store.leave(HOTEL, DeviceId(TABLET), InboxKind.HEARTBEAT, payload, now=house.clock.at)

    async def is_stored() -> bool:
        return "m-1" in await house.stored()

    await eventually(is_stored)
    await contacts.look()

    assert await noted(house) == [None, None, None]
