"""The hotel's events as they happen (Server-Sent Events)."""

from typing import Annotated

from litestar import get
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter

from api.gate import Caller, needs_token_or_ticket
from api.problems import problems
from api.streams import EventStream, Streams
from broker.tokens import Role

_InHeader = Annotated[str | None, HeaderParameter(name="Last-Event-ID", description="Go on after this event.")]
_InQuery = Annotated[str | None, QueryParameter(name="lastEventId", description="The same, for those without headers.")]
_Ticket = Annotated[
    str | None, QueryParameter(name="ticket", description="Instead of a token, of `POST /api/auth/ticket`; once.")
]


@get(
    "/events",
    opt=needs_token_or_ticket(Role.VIEWER, scope="events"),
    tags=["events"],
    media_type="text/event-stream",
    response_headers=[
        ResponseHeader(
            name="Innwatch-Event-Id", documentation_only=True, description="The id after which the stream begins."
        )
    ],
    responses=problems(400, 401, 403, 404, 429, 503),
)
async def follow_events(
    streams: NamedDependency[Streams],
    caller: NamedDependency[Caller],
    in_header: _InHeader = None,
    in_query: _InQuery = None,
    ticket: _Ticket = None,
) -> EventStream:
    """Events in order, each with the hotel's id for it; from now on, or after `Last-Event-ID` without gap or repeat.

    `data` is the event as JSON, the same as on MQTT. An id that is too old, of another hotel or in the future gets an
    event `reset` that carries the current id: fetch everything anew, the stream goes on from there. A comment comes
    every 15 s. The stream ends when the token does.
    """
    del ticket  # The guard has taken it.
    return await streams.open(caller, last_event_id=in_header or in_query)
