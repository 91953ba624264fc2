"""Who may use each route: a row for each, tried by everybody. A route without a row fails.

What a row may say: the lowest role of people; a scope, for integrators (alone: nobody else); that no
hotel is needed; or `device`.
"""

from pathlib import Path

import pytest

from broker.tokens import Role, mint_enrol, mint_service
from tests.api.support import INN, World
from tests.api.test_every_route import ELSEWHERE, PUBLIC, ask, routes

WHO = {
    "POST /api/auth/renew": "viewer, no hotel",
    "POST /api/auth/switch": "viewer, no hotel",
    "POST /api/auth/password": "viewer, no hotel",
    "GET /api/session": "viewer, no hotel",
    "POST /api/auth/ticket": "viewer, scope events",
    "GET /api/alerts": "viewer, scope alerts",
    "GET /api/alerts/recent": "viewer, scope alerts",
    "GET /api/alerts/{alert_id:str}": "viewer, scope alerts",
    "GET /api/alerts/{alert_id:str}/why": "viewer, scope alerts",
    "GET /api/devices/{device_id:str}/why": "viewer, scope alerts",
    "POST /api/alerts/{alert_id:str}/acknowledge": "staff",
    "POST /api/alerts/{alert_id:str}/unacknowledge": "staff",
    "POST /api/alerts/{alert_id:str}/assign": "staff",
    "POST /api/alerts/{alert_id:str}/note": "staff",
    "POST /api/alerts/{alert_id:str}/snooze": "staff",
    "POST /api/alerts/{alert_id:str}/resolve": "staff",
    "POST /api/alerts/{alert_id:str}/fix": "manager",
    "GET /api/round": "viewer",
    "POST /api/alerts/acknowledge": "staff",
    "GET /api/access-points": "viewer, scope rooms",
    "POST /api/access-points/{bssid:str}/confirm": "manager",
    "POST /api/access-points/{bssid:str}/forget": "manager",
    "GET /api/incidents": "viewer, scope alerts",
    "GET /api/incidents/{incident_id:str}": "viewer, scope alerts",
    "POST /api/incidents/{incident_id:str}/acknowledge": "staff",
    "GET /api/events": "viewer, scope events",
    "GET /api/devices": "viewer, scope rooms",
    "GET /api/devices/{device_id:str}": "viewer, scope rooms",
    "GET /api/devices/{device_id:str}/history": "viewer, scope rooms",
    "POST /api/devices": "manager",
    "POST /api/devices/quick-add": "manager",
    "PATCH /api/devices/{device_id:str}": "manager",
    "DELETE /api/devices/{device_id:str}": "manager",
    "POST /api/devices/{device_id:str}/move": "manager",
    "POST /api/devices/{device_id:str}/replace": "manager",
    "POST /api/devices/{device_id:str}/revoke": "manager",
    "POST /api/devices/{device_id:str}/commands": "staff",
    "GET /api/devices/{device_id:str}/commands": "staff",
    "GET /api/commands/{command_id:str}": "staff",
    "GET /api/rooms": "viewer, scope rooms",
    "GET /api/rooms/{room_id:str}": "viewer, scope rooms",
    "GET /api/jobs": "admin, no hotel",
    "GET /api/maintenance": "viewer",
    "POST /api/maintenance": "manager",
    "POST /api/maintenance/{window_id:str}/end": "manager",
    "GET /api/calibration": "viewer",
    "POST /api/calibration/{room_id:str}/apply": "manager",
    "GET /api/replay": "viewer",
    "GET /api/replay/{replay_id:str}": "viewer",
    "POST /api/replay": "manager",
    "GET /api/policy": "viewer",
    "GET /api/policy/exceptions": "viewer",
    "PUT /api/policy": "manager",
    "PATCH /api/policy": "manager",
    "GET /api/rooms/{room_id:str}/policy": "viewer",
    "PUT /api/rooms/{room_id:str}/policy": "manager",
    "PATCH /api/rooms/{room_id:str}/policy": "manager",
    "GET /api/devices/{device_id:str}/policy": "viewer",
    "PUT /api/devices/{device_id:str}/policy": "manager",
    "PATCH /api/devices/{device_id:str}/policy": "manager",
    "POST /api/rooms": "manager",
    "POST /api/rooms/upsert": "manager",
    "PATCH /api/rooms/{room_id:str}": "manager",
    "POST /api/enrolments": "manager",
    "GET /api/enrolments": "manager",
    "GET /api/enrolments/{enrolment_id:str}": "manager",
    "POST /api/enrolments/{enrolment_id:str}/approve": "manager",
    "POST /api/enrolments/{enrolment_id:str}/withdraw": "manager",
    "POST /api/pms/{kind:str}": "scope pms",
    "GET /api/rooms/{room_id:str}/status": "viewer, scope rooms",
    "GET /api/rooms/{room_id:str}/clearance": "staff, scope pms",
    "GET /api/clearances": "staff, scope pms",
    "GET /api/users": "viewer",
    "GET /api/users/{name:str}": "viewer",
    "POST /api/users": "manager",
    "PATCH /api/users/{name:str}": "manager",
    "DELETE /api/users/{name:str}": "manager",
    "POST /api/users/{name:str}/disable": "manager",
    "POST /api/users/{name:str}/enable": "manager",
    "POST /api/users/{name:str}/password-link": "manager",
    "GET /api/integrators": "manager",
    "POST /api/integrators": "manager",
    "PATCH /api/integrators/{integrator:str}": "manager",
    "DELETE /api/integrators/{integrator:str}": "manager",
    "POST /api/integrators/{integrator:str}/rotate": "manager",
    "POST /api/integrators/{integrator:str}/revoke": "manager",
    "GET /api/channels": "viewer",
    "POST /api/channels": "manager",
    "DELETE /api/channels/{channel_id:int}": "manager",
    "GET /api/notifications": "viewer",
    "GET /api/quarantine": "manager",
    "GET /api/audit": "manager, no hotel",
    "GET /api/migration": "viewer",
    "PUT /api/migration/{device_id:str}": "manager",
    "POST /api/heartbeat": "device",
    "POST /api/alert/breach": "device",
    "POST /api/alert/battery": "device",
    "POST /api/alert/tamper": "device",
    "GET /api/config/{device_id:str}": "device",
    "POST /api/auth/device-token": "device",
}

ENDLESS = {"GET /api/events"}
"""Who may read it reads for ever; tests/api/test_events.py does."""

PAGES = {"GET /", "HEAD /", "GET /console/{path:path}", "HEAD /console/{path:path}"}
"""The console's."""

CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"

SCOPES = ("alerts", "events", "rooms", "pms")


def everybody(world: World) -> dict[str, str]:
    """The token of each sort of identity there is, all of one hotel where they have one."""
    roles = {role.value: world.user(INN, f"inn-{role}", role=role) for role in Role if role is not Role.ADMIN}
    scopes = {f"scope {scope}": world.integrator(INN, "pms", scope) for scope in SCOPES}
    return {
        **roles,
        **scopes,
        "admin": world.user(INN, "root", role=Role.ADMIN),
        "admin, no hotel": world.user(None, "root", role=Role.ADMIN),
        "no scope": world.integrator(INN, "pms"),
        "device": world.device(INN),
        "service": mint_service(world.keys, name="bridge", gen=1, now=world.clock()),
        "enrol": mint_enrol(world.keys, hotel_id=INN, gen=1, now=world.clock()),
    }


def allowed(row: str) -> set[str]:
    """Whom a row lets in."""
    first, *more = row.split(", ")
    if first == "device" or first.startswith("scope "):
        return {first}
    order = [role.value for role in (Role.VIEWER, Role.STAFF, Role.MANAGER, Role.ADMIN)]
    people = set(order[order.index(first) :])
    return (
        people
        | {word for word in more if word.startswith("scope ")}
        | ({"admin, no hotel"} if "no hotel" in more else set())
    )


def test_every_route_says_who_may_use_it(world: World) -> None:
    assert WHO.keys() == routes(world.app) - PUBLIC - ELSEWHERE, "a new route needs a row in WHO above"


@pytest.mark.parametrize("route", sorted({*WHO, *PUBLIC} - PAGES))
def test_every_route_stands_in_the_contract(route: str) -> None:
    """By the last word of its address: the contract says some addresses together."""
    word = [part for part in route.split("/") if part and not part.startswith("{")][-1]

    assert f"/{word}" in CONTRACT.read_text().partition("## 5. Identity")[2]


async def answers(world: World, route: str, names: set[str]) -> dict[str, int]:
    """The status that each of these gets."""
    given = {}
    for name, token in everybody(world).items():
        if name in names:
            async with world.client(token) as client:
                given[name] = (await ask(client, route)).status_code
    return given


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("route", WHO)
async def test_a_route_is_closed_to_everybody_else(same_world: World, route: str) -> None:
    others = everybody(same_world).keys() - allowed(WHO[route])
    given = await answers(same_world, route, others)

    assert {name: status for name, status in given.items() if status not in {401, 403}} == {}


@pytest.mark.parametrize("route", WHO.keys() - ENDLESS)
async def test_a_route_is_open_to_whom_it_serves(world: World, route: str) -> None:
    given = await answers(world, route, allowed(WHO[route]))

    assert {name: status for name, status in given.items() if status in {401, 403} or status >= 500} == {}
