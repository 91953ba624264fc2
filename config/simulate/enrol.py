"""A tablet's way in: from the picture on somebody's screen to a token of its own (`POST /api/devices/register`).

The link of the picture is `https://HOST/enrol#CODE`. What stands after `#` goes to the server as a bearer token and
never in an address.
"""

import ssl
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct

from config.errors import StartRefused
from config.simulate.home import Enrolled
from config.simulate.identity import TabletIdentity
from rules.ids import DeviceId, HotelId, RoomId
from rules.room_config import RoomConfig

_TIMEOUT = 10.0
_LONGEST_WAIT = 60.0
_LARGEST = 64 * 1024


class Ticket(Struct, frozen=True):
    """Where to enrol, and the code."""

    server: str
    code: str

    def __repr__(self) -> str:
        return f"Ticket({self.server!r})"


class _Broker(Struct, frozen=True, rename="camel"):
    url: str | None = None


class _Registered(Struct, frozen=True, rename="camel", kw_only=True):
    token: str
    hotel_id: HotelId
    device_id: DeviceId
    room_id: RoomId
    broker: _Broker
    config: RoomConfig


class _Problem(Struct, frozen=True):
    type: str = ""
    title: str = "the server says no more"
    detail: str | None = None


def read_ticket(text: str, *, server: str | None) -> Ticket:
    """Read a link, or a code with the `server` to take it to. Raises StartRefused, without the code."""
    where, hash_, code = text.partition("#")
    if not hash_:
        where, code = server or "", text
    where = where.rstrip("/").removesuffix("/enrol")
    parts = urlsplit(where)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise StartRefused("give the whole link, http…/enrol#CODE, or the code with --server http…")
    if not code.strip() or not code.isascii():
        raise StartRefused("the link has no code after its #")
    return Ticket(where, code.strip())


def enrol(
    ticket: Ticket,
    device_id: DeviceId,
    *,
    tls: ssl.SSLContext,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None],
) -> Enrolled:
    """Trade the code for a token, and wait where somebody has to say yes first. Raises StartRefused, which says why."""
    url = f"{ticket.server}/api/devices/register"
    headers = {"Authorization": f"Bearer {ticket.code}"}
    waits = False
    with httpx.Client(verify=tls, timeout=_TIMEOUT, trust_env=False) as client:
        while True:
            try:
                reply = client.post(url, json={"deviceId": device_id}, headers=headers)
            except httpx.HTTPError as error:
                raise StartRefused(f"cannot reach {ticket.server}: {str(error) or type(error).__name__}") from None
            if reply.status_code == httpx.codes.OK:
                return _enrolled(ticket.server, reply.content, now=clock())
            problem = _problem(reply.content)
            if not problem.type.endswith(":enrolment-waits"):
                raise StartRefused(f"{ticket.server} refuses {device_id}: {problem.detail or problem.title}")
            if not waits:
                say(f"{device_id} is known already: it waits for somebody at the hotel to say yes")
                waits = True
            sleep(_pause(reply.headers.get("Retry-After", "")))


def _enrolled(server: str, body: bytes, *, now: datetime) -> Enrolled:
    try:
        said = msgspec.json.decode(body, type=_Registered)
    except msgspec.DecodeError as error:
        raise StartRefused(f"{server} answers something else than an enrolment: {error}") from None
    if said.broker.url is None:
        raise StartRefused(f"{server} has no address for MQTT without websocket, which this agent needs")
    access_points = said.config.access_points
    identity = TabletIdentity(
        hotel_id=said.hotel_id,
        device_id=said.device_id,
        room_id=said.room_id,
        floor=None,
        bssid=access_points[0] if access_points else None,
        token=said.token,
        interval=said.config.heartbeat_interval_s,
        received_at=now,
    )
    return Enrolled(server=server, broker=said.broker.url, identity=identity)


def _problem(body: bytes) -> _Problem:
    try:
        return msgspec.json.decode(body[:_LARGEST], type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Problem()


def _pause(retry_after: str) -> float:
    return min(max(float(retry_after), 1.0), _LONGEST_WAIT) if retry_after.isdecimal() else _TIMEOUT
