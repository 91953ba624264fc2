"""Which retained topics of ours a broker has: asked over a connection and a session of its own, gone afterwards.

The bridge's own session must never be subscribed to what the bridge publishes: a crash between SUBSCRIBE and
UNSUBSCRIBE would leave it so.
"""

import asyncio

from broker.topics import RETAINED, Kind, everybodys
from device_bridge.mqtt_wire import BrokerAddress, Greeting, Wire, WireLost, connected
from device_bridge.uplink import CensusFailed, is_ours

LAST = everybodys(Kind.PLATFORM_MONITOR)
"""Is asked for last, and is there: with it everything else has been sent (a broker sends in order)."""

_QUIET_S = 2.0
_FILTERS = tuple(sorted(everybodys(kind) for kind in RETAINED - {Kind.PLATFORM_MONITOR}))


async def retained_by(address: BrokerAddress, greeting: Greeting) -> frozenset[str]:
    """The names of what is retained there and is the bridge's to publish. Raises CensusFailed."""
    census = _Census()
    try:
        async with connected(address, greeting, census) as wire:
            census.wire = wire
            await wire.subscribe(_FILTERS)
            await wire.subscribe([LAST])
            await census.ended()
    except WireLost as error:
        raise CensusFailed(f"it does not say what is retained: {error}") from error
    if LAST not in census.seen:
        raise CensusFailed(f"it does not give {LAST} back, which was published to it: do its rules allow both?")
    return frozenset(name for name in census.found if is_ours(name))


class _Census:
    def __init__(self) -> None:
        self.wire: Wire | None = None
        self.found: set[str] = set()
        self.seen: set[str] = set()
        self._heard = asyncio.Event()

    def arrived(self, name: str, payload: bytes, *, qos: int, retain: bool, packet_id: int) -> None:
        if qos and self.wire is not None:
            self.wire.acknowledge([packet_id])
        self.seen.add(name)
        if retain:
            self.found.add(name)
        self._heard.set()

    def published(self, packet_id: int) -> None:
        """Nothing is published here."""

    async def ended(self) -> None:
        """Return when the last topic has come, or nothing for two seconds."""
        try:
            while LAST not in self.found:
                self._heard.clear()
                async with asyncio.timeout(_QUIET_S):
                    await self._heard.wait()
        except TimeoutError:
            return
