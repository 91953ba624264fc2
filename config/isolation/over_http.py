"""One hotel's people and things try the other's routes.

The routes are those of the API's own description, so that a new one is tried from its first day: each that names
something, by the names of the other hotel's things, and each list. What the other hotel can read itself it must: where
it cannot, nothing was tried.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import httpx
import msgspec
from msgspec import Struct

from config.isolation.canaries import Canary
from config.isolation.tries import Door, Tries

WITHIN: Final = httpx.Timeout(5.0)
MOST: Final = 1_000_000
"""Bytes of an answer that are looked through."""

LISTENED: Final = 1.0
"""Seconds for a stream."""

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_TAKING: Final = ("/revoke", "/replace", "/disable", "/rotate", "/withdraw", "/resolve")

_SLOT: Final = re.compile(r"\{([^}]*)\}")


class Try(Struct, frozen=True, kw_only=True):
    """A request. `route` is how it is told, without anybody's names."""

    method: str
    path: str
    route: str
    body: Mapping[str, object] | None = None


class _Description(Struct, frozen=True):
    paths: dict[str, dict[str, Any]]


async def try_http(url: str, us: Canary, them: Canary, tries: Tries) -> None:
    """Let `us` try what is theirs. Raises nothing: an API that is not there is a try that was missed."""
    # A context for TLS takes some 50 ms of the loop to make, and is made whether there is TLS or not.
    async with httpx.AsyncClient(base_url=url, timeout=WITHIN, verify=url.startswith("https:")) as client:
        try:
            if not await _reads_its_own(client, them):
                tries.miss(Door.HTTP, f"{them.hotel_id} cannot read its own")
                return
            asked = sorted(foreign_requests(await _description(client), them), key=_harm)
            for sub in us.tokens:
                for one in asked:
                    await _try(client, one, us.tokens[sub], them, tries)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            tries.miss(Door.HTTP, f"the API does not answer ({type(error).__name__})")


def foreign_requests(description: Mapping[str, Any], them: Canary) -> Iterator[Try]:
    """What the description of the API lets one ask, by the other hotel's names."""
    for path, methods in description.items():
        for method in methods:
            if method.upper() not in _METHODS or not path.startswith("/api/"):
                continue
            route = f"{method.upper()} {path}"
            body = _said(them).get(route)
            names_something = bool(_SLOT.search(path))
            if method != "get" and body is None and not names_something:
                continue  # It makes something of the caller's own.
            yield Try(
                method=method.upper(),
                path=_addressed(path, them),
                route=route,
                body=None if method == "get" else body or {},
            )


def _said(them: Canary) -> dict[str, dict[str, object]]:
    """Bodies that name what is theirs, or without which a route would look no further."""
    device: dict[str, object] = {"deviceId": them.device_id, "roomId": them.room_id, "hotelId": them.hotel_id}
    return {
        "POST /api/auth/switch": {"hotelId": them.hotel_id},
        "POST /api/auth/device-token": device,
        "POST /api/devices/{device_id}/commands": {"name": "ring"},
        "PATCH /api/devices/{device_id}": {"name": "isolation"},
        "POST /api/devices/{device_id}/move": {"roomId": them.room_id},
        "PUT /api/migration/{device_id}": {"sharedToken": True},
        "PATCH /api/users/{name}": {"role": "viewer"},
        "PATCH /api/integrators/{integrator}": {"scopes": []},
        "POST /api/alerts/acknowledge": {"alertId": them.alert_id or "none", "notes": "isolation"},
        "POST /api/alerts/{alert_id}/assign": {"assignee": None},
        "POST /api/alerts/{alert_id}/note": {"note": "isolation"},
        "POST /api/alerts/{alert_id}/snooze": {"until": None},
        "POST /api/heartbeat": device | {"wifiBssid": "02:00:00:00:00:01", "rssi": -60},
        "POST /api/alert/breach": device | {"rssi": -90},
        "POST /api/alert/battery": device | {"level": 9},
        "POST /api/alert/tamper": device | {"threats": ["root"], "descriptions": ["su"]},
    }


def _addressed(path: str, them: Canary) -> str:
    return _SLOT.sub(lambda slot: _named(slot[1], path, them), path)


def _named(slot: str, path: str, them: Canary) -> str:
    """What stands for `{slot}`: the other hotel's thing of that sort."""
    word = slot.partition(":")[0].lower()
    names: dict[str, str] = {
        "device": them.device_id,
        "alert": them.alert_id or "none",
        "command": them.command_id,
        "room": them.room_id,
        "hotel": them.hotel_id,
    }
    for sort, name in names.items():
        if word.startswith(sort):
            return name
    return them.integrator if "/integrators/" in path else them.person


def _harm(one: Try) -> int:
    """What would take away what the next one asks for comes last."""
    return _METHODS.index(one.method) + 2 * one.route.endswith(_TAKING)


async def _reads_its_own(client: httpx.AsyncClient, them: Canary) -> bool:
    head = {"Authorization": f"Bearer {them.tokens[them.manager]}"}
    answer = await client.get(f"/api/devices/{them.device_id}", headers=head)
    return answer.status_code == HTTPStatus.OK and them.mark in answer.text


async def _description(client: httpx.AsyncClient) -> Mapping[str, Any]:
    answer = await client.get("/api/openapi.json")
    return msgspec.json.decode(answer.content, type=_Description).paths


async def _try(client: httpx.AsyncClient, one: Try, token: str, them: Canary, tries: Tries) -> None:
    head = {"Authorization": f"Bearer {token}", "Last-Event-ID": "0"}
    async with client.stream(one.method, one.path, headers=head, json=one.body) as answer:
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error:
            tries.miss(Door.HTTP, f"{one.route} answers {answer.status_code}")
            return
        seen = await _beginning(answer)
    through = answer.is_success and (one.method != "GET" or them.mark.encode() in seen)
    tries.judge(Door.HTTP, one.route, got_through=through, read=one.method == "GET")


async def _beginning(answer: httpx.Response) -> bytes:
    """The answer, or of one that has no end what came in a second."""
    seen = b""
    with suppress(TimeoutError, httpx.ReadTimeout):
        async with asyncio.timeout(LISTENED):
            async for chunk in answer.aiter_bytes():
                seen += chunk
                if len(seen) > MOST:
                    break
    return seen
