"""The head of every answer, whoever made it: what browsers must not do with it, and that it was counted."""

import time
from collections.abc import Awaitable, Callable

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import ApiMetrics

BEGAN = "innwatch_began"

DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Set where the answer says nothing itself; the page has a policy of its own."""


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
        for name, value in DEFAULTS.items():
            headers.setdefault(name, value)
        route = scope.get("path_template", "none")
        metrics.requests.labels(scope.get("method", "none"), route, message["status"]).inc()
        if BEGAN in scope["state"]:
            metrics.seconds.labels(route).observe(time.perf_counter() - scope["state"][BEGAN])

    return hook
