"""Tickets: one event stream, once, within a minute, for who cannot send a token in a header."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from broker.tokens import Role
from tests.api.support import INN, World, bearer


async def ticket_of(world: World, token: str) -> str:
    async with world.client(token) as client:
        answer = await client.post("/api/auth/ticket")
    assert (answer.status_code, answer.json()["expiresIn"]) == (201, 60)
    ticket: str = answer.json()["ticket"]
    return ticket


def staff(world: World, *, ttl: timedelta = timedelta(hours=1)) -> str:
    return world.user(INN, "inn-staff", role=Role.STAFF, ttl=ttl)


async def opened(world: World, ticket: str, path: str = "/api/events") -> httpx.Response:
    """The answer to a request that is a stream's where it is let in: those end at once here, the process is closing."""
    world.app.state.streams.closing = True
    async with world.client() as client, asyncio.timeout(5):
        return await client.get(path, params={"ticket": ticket})


def is_let_in(answer: httpx.Response) -> bool:
    """A process that is about to stop takes no more streams, and says so to nobody but who may have one."""
    return answer.status_code == 503


@pytest.mark.parametrize("who", ["person", "integrator"])
async def test_a_ticket_opens_a_stream_once(world: World, who: str) -> None:
    ticket = await ticket_of(world, staff(world) if who == "person" else world.integrator(INN, "pms", "events"))

    first, second = await opened(world, ticket), await opened(world, ticket)

    assert is_let_in(first)
    assert (second.status_code, second.json()["type"]) == (401, "urn:innwatch:problem:ticket-invalid")


async def test_of_two_who_come_by_one_ticket_at_once_one_gets_in(world: World) -> None:
    ticket = await ticket_of(world, staff(world))

    answers = await asyncio.gather(*(opened(world, ticket) for _ in range(5)))

    assert [is_let_in(answer) for answer in answers].count(True) == 1


async def test_a_ticket_is_worth_nothing_after_a_minute(world: World) -> None:
    ticket = await ticket_of(world, staff(world))
    world.clock.pass_(seconds=60)

    assert (await opened(world, ticket)).status_code == 401


async def test_a_ticket_is_worth_no_more_than_its_token(world: World) -> None:
    short = await ticket_of(world, staff(world, ttl=timedelta(seconds=30)))
    world.clock.pass_(seconds=30)
    assert (await opened(world, short)).json()["type"] == "urn:innwatch:problem:token-expired"


async def test_a_ticket_opens_nothing_else(world: World) -> None:
    ticket = await ticket_of(world, staff(world))

    for path in ("/api/alerts", "/api/session", "/api/users"):
        assert (await opened(world, ticket, path)).status_code == 401
    assert is_let_in(await opened(world, ticket))  # and they did not use it up


async def test_whoever_sends_a_token_is_known_by_that(world: World) -> None:
    ticket = await ticket_of(world, staff(world))
    async with world.client() as client:
        answer = await client.get("/api/events", params={"ticket": ticket}, headers=bearer("nonsense"))

    assert answer.json()["type"] == "urn:innwatch:problem:token-invalid"


async def test_no_device_and_no_integrator_without_the_scope_gets_a_ticket(world: World) -> None:
    for token in (world.device(INN), world.integrator(INN, "pms", "alerts")):
        async with world.client(token) as client:
            assert (await client.post("/api/auth/ticket")).status_code == 403
