"""Tablets that send until their messages are acknowledged, whatever becomes of the broker."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt

from tests.system.installation import tablets_clock


class Tablet:
    """Sends heartbeats, and now and then a report or its recovery; sends again what was not acknowledged."""

    def __init__(self, port: int, name: str, *, token: str, bssid: str, every: float = 0.1, reports: int = 25) -> None:
        """`every`: seconds between two messages; each so manieth of them (`reports`) is a report or its recovery."""
        self.port, self.name, self.token, self.bssid = port, name, token, bssid
        self.every, self.reports = every, reports
        self.acknowledged: list[str] = []
        self._numbers = itertools.count(1)

    async def run(self, done: asyncio.Event) -> None:
        unsent: tuple[str, str, str] | None = None
        while not done.is_set():
            try:
                async with connection(self.port, self.name, password=self.token) as client:
                    while not done.is_set():
                        unsent = unsent or self._next()
                        topic, message_id, payload = unsent
                        await client.publish(f"hotels/grand/devices/{self.name}/{topic}", payload, qos=1)
                        self.acknowledged.append(message_id)
                        unsent = None
                        await asyncio.sleep(self.every)
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)

    def _next(self) -> tuple[str, str, str]:
        number = next(self._numbers)
        body: dict[str, object] = {"id": f"{self.name}-{number}", "ts": tablets_clock.now().isoformat()}
        if number % self.reports == 0:
            kind = "breach" if number % (2 * self.reports) else "recovery"
            return "alert", f"{self.name}-{number}", json.dumps(body | {"kind": kind, "rssi": -90})
        return "heartbeat", f"{self.name}-{number}", json.dumps(body | {"wifiBssid": self.bssid, "rssi": -50})


@asynccontextmanager
async def connection(port: int, name: str, *, password: str) -> AsyncIterator[aiomqtt.Client]:
    client = aiomqtt.Client(
        "127.0.0.1",
        port,
        identifier=f"grand/{name}",
        username=f"grand/{name}",
        password=password,
        timeout=5,
    )
    try:
        async with client:
            yield client
    finally:
        ended = client._disconnected
        if ended.done() and not ended.cancelled():
            ended.exception()  # asked for, or it is told in another test that nobody did


def read_tablets(text: str, *, port: int, every: float = 0.1, reports: int = 25) -> list[Tablet]:
    """The tablets that `innwatch device add --count N --tokens --csv` printed."""
    tablets = []
    for row in text.splitlines():
        _, _, token, _, device, _, bssid = row.split(",")
        tablets.append(Tablet(port, device, token=token, bssid=bssid, every=every, reports=reports))
    return tablets
