"""Trading a token for a ticket, which opens one event stream and may stand in its address."""

from collections.abc import Callable
from datetime import datetime

import msgspec
from litestar import post
from litestar.di import NamedDependency

from api.gate import Caller, needs
from api.problems import problems
from api.records import Ticket
from broker.tokens import Role
from store import TICKET_LIFE, Store


@post(
    "/auth/ticket",
    tags=["auth"],
    opt=needs(Role.VIEWER, scope="events"),
    responses=problems(400, 401, 403, 413, 415, 503),
)
async def make_ticket(
    store: NamedDependency[Store], caller: NamedDependency[Caller], clock: NamedDependency[Callable[[], datetime]]
) -> Ticket:
    """For clients that cannot send headers: `GET /api/events?ticket=…`, once, within a minute. No body.

    The stream ends when the token does that the ticket was made by.
    """
    ticket = await store.make_ticket(msgspec.json.encode(caller.claims), now=clock())
    return Ticket(ticket=ticket, expires_in=int(TICKET_LIFE.total_seconds()))
