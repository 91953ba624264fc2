"""A broker that is somebody else's: its limits, as far as they can be found out from outside by trying.

All is tried on one topic that nobody listens to and by client ids of our own, and taken back at the end.
"""

import asyncio
import re
import secrets
import ssl
from contextlib import suppress
from typing import Final

import aiomqtt

from config.doctor.findings import Finding, look, well, wrong
from config.settings_uplink import BrokerUrl

TRIED: Final = 1500
"""Messages for a client that is away: more than the 1000 that Mosquitto keeps when nobody tells it to keep more."""

OLDEST_MOSQUITTO: Final = (2, 0)
"""Those before let everybody in unless told otherwise."""

_PATIENCE_S: Final = 5.0
_WHOLE_S: Final = 60.0
_AT_ONCE: Final = 20
_QUIET_S: Final = 3.0
_TOLD_WITHIN_S: Final = 1.0
_SECTION = "see Somebody else's broker in docs/operations.md"


class StrangeBroker:
    """`trust` None: plain TCP."""

    def __init__(self, url: BrokerUrl, trust: ssl.SSLContext | None) -> None:
        self._url = url
        self._trust = trust
        self._name = f"innwatch-doctor-{secrets.token_hex(4)}"
        self._topic = f"hotels/innwatch-doctor/{self._name}"

    async def examine(self) -> list[Finding]:
        try:
            async with asyncio.timeout(_WHOLE_S):
                found = [await self._entrance(), await self._own_word(), *await self._queue(), await self._stranger()]
        except (aiomqtt.MqttError, OSError, TimeoutError) as failure:
            remedy = f"is it running, is the address right, are user and password? See INNWATCH_BROKER; {_SECTION}"
            return [wrong("broker", f"{self._url.host}:{self._url.port}: {_words(failure)}", remedy)]
        return found

    async def _entrance(self) -> Finding:
        async with self._client() as client:
            version = await _version(client)
        says = f"{self._url.host}:{self._url.port} lets us in{f', {version}' if version else ''}"
        return entrance(says, version)

    async def _own_word(self) -> Finding:
        """It may grant a subscription, acknowledge a message, and keep them apart all the same."""
        async with self._client() as client:
            await client.subscribe(self._topic, qos=1)
            await client.publish(self._topic, b"x", qos=1, retain=True)
            heard = await _hear(client, 1)
            await client.publish(self._topic, b"", qos=1, retain=True)
        if heard:
            return well("broker's rules", "what we publish under hotels/ comes back to us")
        says = "it takes what we publish under hotels/ and does not deliver it to us"
        return wrong("broker's rules", says, f"let our user read and write hotels/# and platform/monitor; {_SECTION}")

    async def _queue(self) -> list[Finding]:
        """How much it keeps for a client that is away, as the bridge is while it restarts."""
        kept = f"{self._name}-kept"
        try:
            async with self._client(kept, clean=False) as client:
                await client.subscribe(self._topic, qos=1)
            async with self._client() as client:
                for start in range(0, TRIED, _AT_ONCE):
                    batch = range(start, min(start + _AT_ONCE, TRIED))
                    await asyncio.gather(*(client.publish(self._topic, str(each).encode(), qos=1) for each in batch))
            async with self._client(kept, clean=False) as client:
                number = await _hear(client, TRIED)
        finally:
            with suppress(aiomqtt.MqttError):
                async with self._client(kept):
                    pass
        if number == TRIED:
            return [well("broker's queue", f"it kept {TRIED} messages, all we tried, for a client that was away")]
        says = (
            f"of {TRIED} messages for a client that was away it kept {number}: acknowledged ones are lost in a restart"
        )
        return [wrong("broker's queue", says, f"Mosquitto: max_queued_messages 1000000; {_SECTION}")]

    async def _stranger(self) -> Finding:
        try:
            async with self._client(f"{self._name}-nobody", anonymous=True):
                pass
        except (aiomqtt.MqttError, TimeoutError):
            return well("broker's door", "it lets nobody in without a password")
        says = "it lets anybody in: whoever reaches it can speak for any tablet"
        return look("broker's door", says, "Mosquitto: allow_anonymous false, and a password and rules for each tablet")

    def _client(self, name: str | None = None, *, clean: bool = True, anonymous: bool = False) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._url.host,
            self._url.port,
            identifier=name or self._name,
            username=None if anonymous else self._url.username,
            password=None if anonymous else self._url.password,
            clean_session=clean,
            tls_context=self._trust,
            timeout=_PATIENCE_S,
            max_queued_incoming_messages=TRIED,
            max_concurrent_outgoing_calls=_AT_ONCE,
        )


def entrance(says: str, version: str | None) -> Finding:
    """About a broker that lets us in and calls itself that."""
    found = re.match(r"mosquitto version ([0-9]{1,4})\.([0-9]{1,4})", version or "")
    if found is not None and (int(found[1]), int(found[2])) < OLDEST_MOSQUITTO:
        oldest = ".".join(map(str, OLDEST_MOSQUITTO))
        return look("broker", f"{says}; Innwatch was never tried with one so old", f"use Mosquitto {oldest} or newer")
    return well("broker", f"{says}; whether it keeps its word across a crash cannot be seen from outside: {_SECTION}")


async def _version(client: aiomqtt.Client) -> str | None:
    """What it says of itself, if it does."""
    said: list[str] = []
    with suppress(TimeoutError, aiomqtt.MqttError):
        async with asyncio.timeout(_TOLD_WITHIN_S):
            await client.subscribe("$SYS/broker/version")
            said.append(ascii((await anext(aiter(client.messages))).payload)[1:41].strip("'"))
    return said[0] if said else None


async def _hear(client: aiomqtt.Client, most: int) -> int:
    """How many messages come, until there are so many or it is quiet."""
    number = 0
    messages = aiter(client.messages)
    with suppress(TimeoutError):
        while number < most:
            async with asyncio.timeout(_QUIET_S):
                await anext(messages)
            number += 1
    return number


def _words(failure: Exception) -> str:
    return "no answer in time" if isinstance(failure, TimeoutError) else str(failure) or type(failure).__name__
