"""One hotel's people and things try the other's topics.

Everything that one of them could subscribe to or publish in its own hotel it tries in the other's, and with wildcards
that would cover both. While they listen, the other hotel speaks, so that a message which goes astray is seen too. What
is its own the other hotel must hear: where it does not, nothing was tried.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from typing import Final

import msgspec

from broker.topics import PMS_KINDS, TEMPLATES, Kind, Slot, device_topic, monitor_topic
from config.isolation.canaries import Canary
from config.isolation.tries import Door, Tries
from device_bridge.mqtt_wire import BrokerAddress, Greeting, LogIn, Wire, WireLost, WireRefused, connected

WITHIN: Final = 5.0
"""Seconds that the broker and the bridge have for what a hotel must hear of its own."""

ASTRAY: Final = 0.3
"""Seconds for a message that goes to a wrong hotel, once the right one has it."""

_LOW: Final = 3.0
"""Percent."""


class _Ear:
    """What one connection heard. It acknowledges: the broker counts what a client leaves behind unacknowledged."""

    def __init__(self) -> None:
        self.wire: Wire | None = None
        self.topics: list[str] = []
        self.payloads: list[bytes] = []
        self.taken: set[int] = set()

    def arrived(self, name: str, payload: bytes, *, qos: int, retain: bool, packet_id: int) -> None:
        self.topics.append(name)
        self.payloads.append(payload)
        if qos and self.wire is not None:
            self.wire.acknowledge([packet_id])

    def published(self, packet_id: int) -> None:
        self.taken.add(packet_id)

    def heard_of(self, mark: str) -> bool:
        return any(mark in topic for topic in self.topics) or any(mark.encode() in one for one in self.payloads)


async def try_mqtt(address: BrokerAddress, us: Canary, them: Canary, tries: Tries, *, now: datetime) -> None:
    """Let `us` try what is theirs. Raises nothing: a broker that is not there is a try that was missed."""
    try:
        await _listen(address, us, them, tries, now=now)
        await _speak(address, us, them, tries)
        await _pretend(address, us, them, tries)
    except WireLost as error:
        tries.miss(Door.MQTT, str(error))


async def _listen(address: BrokerAddress, us: Canary, them: Canary, tries: Tries, *, now: datetime) -> None:
    async with AsyncExitStack() as stack:
        ears: dict[str, _Ear] = {}
        for sub in us.tokens:
            wire, ears[sub] = await stack.enter_async_context(_entered(address, us, sub))
            for wanted in foreign_filters(them):
                granted = await _is_granted(wire, wanted)
                tries.judge(Door.MQTT, f"{_sort(us, sub)} subscribes to {wanted}", got_through=granted)
        if not await _their_own_word(address, them, now=now):
            tries.miss(Door.MQTT, f"{them.hotel_id} does not hear its own")
            return
        await asyncio.sleep(ASTRAY)
        for sub, ear in ears.items():
            heard = ear.heard_of(them.mark)
            tries.judge(Door.MQTT, f"{_sort(us, sub)} hears {them.hotel_id}", got_through=heard, read=True)


async def _their_own_word(address: BrokerAddress, them: Canary, *, now: datetime) -> bool:
    """Let the other hotel speak; whether it heard itself, and the bridge's word for it."""
    nonce = secrets.token_hex(8)
    space = f"hotels/{them.hotel_id}/ext/{them.integrator}"
    async with (
        _entered(address, them, them.manager) as (manager, at_desk),
        _entered(address, them, them.system) as (system, at_system),
    ):
        await manager.subscribe([monitor_topic(them.hotel_id)])
        await system.subscribe([f"{space}/#"])
        if them.alert_id is None:
            await _be_missed(address, them, nonce, now=now)
        system.publish(f"{space}/isolation", msgspec.json.encode({"of": them.mark, "nonce": nonce}), retain=False)
        return await _within(WITHIN, lambda: at_desk.heard_of(them.mark) and at_system.heard_of(nonce))


async def _be_missed(address: BrokerAddress, them: Canary, nonce: str, *, now: datetime) -> None:
    """Let the tablet be heard once and never again: its alert stays open, for the other hotel to reach for."""
    beat = {"id": f"isolation-{nonce}", "ts": now, "battery": _LOW, "charging": False}
    async with _entered(address, them, them.tablet) as (tablet, ear):
        tablet.publish(
            device_topic(them.hotel_id, them.device_id, Kind.HEARTBEAT), msgspec.json.encode(beat), retain=False
        )
        await _within(WITHIN, lambda: bool(ear.taken))


async def _speak(address: BrokerAddress, us: Canary, them: Canary, tries: Tries) -> None:
    """Publish to each topic of theirs. A broker of ours ends the connection of whoever may not, unacknowledged."""
    for sub in us.tokens:
        for topic in foreign_topics(them):
            async with _entered(address, us, sub) as (wire, ear):
                accepted = await _is_taken(wire, ear, topic)
            tries.judge(Door.MQTT, f"{_sort(us, sub)} publishes to {topic}", got_through=accepted)


async def _pretend(address: BrokerAddress, us: Canary, them: Canary, tries: Tries) -> None:
    """Connect by our own tokens under their names, and leave them a will."""
    wills = foreign_topics(them)
    for ours, theirs in zip(us.tokens, them.tokens, strict=True):
        own, foreign = _client_id(us, ours), _client_id(them, theirs)
        token = us.tokens[ours]
        for what, greeting in (
            ("another's name", Greeting(client_id=foreign, log_in=LogIn(theirs, token), is_clean=True)),
            ("another's client id", Greeting(client_id=foreign, log_in=LogIn(ours, token), is_clean=True)),
            (
                "a will for another hotel",
                Greeting(client_id=own, log_in=LogIn(ours, token), is_clean=True, will=(wills[0], b"{}")),
            ),
        ):
            is_in = await _is_let_in(address, greeting)
            tries.judge(Door.MQTT, f"{_sort(us, ours)} connects with {what}", got_through=is_in)


def foreign_filters(them: Canary) -> list[str]:
    """Filters that reach into another hotel: each topic there is, all of a kind, all of the hotel, of all hotels."""
    exact = foreign_topics(them)
    of_a_kind = ["/".join(_levels(kind, them, subject="+")) for kind in TEMPLATES if kind is not Kind.PLATFORM_MONITOR]
    anywhere = [f"hotels/+/{one.split('/', 2)[2]}" for one in of_a_kind]
    whole = [f"hotels/{them.hotel_id}/#", f"hotels/{them.hotel_id}/+/+/+", "hotels/+/+/+/+", "hotels/#", "+/#", "#"]
    return list(dict.fromkeys([*exact, *of_a_kind, *anywhere, *whole]))


def foreign_topics(them: Canary) -> list[str]:
    """One topic of each kind, by the names of what is there."""
    return ["/".join(_levels(kind, them)) for kind in TEMPLATES if kind is not Kind.PLATFORM_MONITOR]


def _levels(kind: Kind, them: Canary, *, subject: str | None = None) -> Iterator[str]:
    family = TEMPLATES[kind][2]
    names = {
        "devices": them.device_id,
        "alerts": them.alert_id or "none",
        "rooms": them.room_id,
        "staff": them.person,
        "clearance": them.room_id,
    }
    for level in TEMPLATES[kind]:
        match level:
            case Slot.HOTEL:
                yield them.hotel_id
            case Slot.SUBJECT:
                yield subject or names.get(str(family), them.integrator)
            case Slot.PMS_KIND:
                yield min(PMS_KINDS)
            case Slot.TAIL:
                yield "isolation"
            case _:
                yield str(level)


@asynccontextmanager
async def _entered(address: BrokerAddress, who: Canary, sub: str) -> AsyncIterator[tuple[Wire, _Ear]]:
    ear = _Ear()
    greeting = Greeting(client_id=_client_id(who, sub), log_in=LogIn(sub, who.tokens[sub]), is_clean=True)
    async with connected(address, greeting, ear) as wire:
        ear.wire = wire
        yield wire, ear


def _client_id(who: Canary, sub: str) -> str:
    return sub if sub == who.tablet else f"{sub}/isolation"


def _sort(who: Canary, sub: str) -> str:
    """Who tries, in a word for people."""
    return {who.tablet: "a tablet", who.manager: "a manager", who.system: "an integrator"}[sub]


async def _is_granted(wire: Wire, topic_filter: str) -> bool:
    try:
        await wire.subscribe([topic_filter])
    except WireRefused:
        return False
    return True


async def _is_let_in(address: BrokerAddress, greeting: Greeting) -> bool:
    try:
        async with connected(address, greeting, _Ear()):
            return True
    except WireRefused:
        return False


async def _is_taken(wire: Wire, ear: _Ear, topic: str) -> bool:
    with suppress(WireLost):
        wire.publish(topic, b"{}", retain=False)
    await _within(WITHIN, lambda: bool(ear.taken) or not wire.is_open)
    if not ear.taken and wire.is_open:
        raise WireLost("the broker neither takes nor refuses a message")
    return bool(ear.taken)


async def _within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Look until it has happened, or its time is up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not happened():  # noqa: ASYNC110, nobody is told of a connection that ends
                await asyncio.sleep(0.01)
    return happened()
