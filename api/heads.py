"""The head of every answer, whoever made it: what browsers must not do with it, its name, and that it was counted."""

import logging
import time
from collections.abc import Awaitable, Callable

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.gate import Caller
from api.metrics import ApiMetrics
from api.request_ids import HEADER, request_id

log = logging.getLogger(__name__)

BEGAN = "innwatch_began"

DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Set where the answer says nothing itself; the page has a policy of its own."""


async def guarded(message: Message, scope: Scope) -> None:
    """The hook that completes each head of a process which serves machines only."""
    del scope
    if message["type"] == "http.response.start":
        _complete(MutableScopeHeaders.from_message(message))


def timed(app: ASGIApp) -> ASGIApp:
    """Note when a request came in."""

    async def begin(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][BEGAN] = time.perf_counter()
        await app(scope, receive, send)

    return begin


def complete(metrics: ApiMetrics) -> Callable[[Message, Scope], Awaitable[None]]:
    """Return the hook that completes and counts each head just before it leaves."""

    async def hook(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders.from_message(message)
        _complete(headers)
        headers[HEADER] = request_id(scope)
        route = scope.get("path_template", "none")
        metrics.requests.labels(scope.get("method", "none"), route, message["status"]).inc()
        if BEGAN in scope["state"]:
            metrics.seconds.labels(route).observe(time.perf_counter() - scope["state"][BEGAN])
        if log.isEnabledFor(logging.DEBUG):
            _note(scope, route, status=message["status"])

    return hook


def _complete(headers: MutableScopeHeaders) -> None:
    for name, value in DEFAULTS.items():
        headers.setdefault(name, value)


def _note(scope: Scope, route: str, *, status: int) -> None:
    """Say of every request, at the level `debug`, what it was: the route and not the path, which a stranger chooses."""
    caller: Caller | None = scope["state"].get("caller")
    log.debug(
        "request answered",
        {
            "method": scope.get("method"),
            "route": route,
            "status": status,
            "hotel": caller.claims.hotel_id if caller else None,
            "user": caller.name if caller else None,
            "request": request_id(scope),
        },
    )
