"""Web pages of other hosts that may use the API (CORS): those that the settings name, and by default none.

An origin is compared as a whole with what the browser says. Cookies and the like are never asked for: a page that has
no bearer token gets nothing, wherever it comes from.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_PATHS: Final = "/api/"
_AGREED: Final = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID, X-Request-ID",
    "Access-Control-Max-Age": "600",
}
_EXPOSED: Final = "Date, Retry-After, X-Request-ID"


class Pages:
    """Knows the origins (`https://desk.example`) whose pages may read answers of the API."""

    def __init__(self, origins: Collection[str]) -> None:
        self._allowed = frozenset(origins)

    def asked(self, app: ASGIApp) -> ASGIApp:
        """Middleware: answer a browser that asks whether a page may send what it is about to send."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            headers = Headers.from_scope(scope)
            is_preflight = scope.get("method") == "OPTIONS" and "access-control-request-method" in headers
            if is_preflight and self._origin(scope) is not None:
                said = [(name.lower().encode(), value.encode()) for name, value in _AGREED.items()]
                await send({"type": "http.response.start", "status": 204, "headers": said})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await app(scope, receive, send)

        return answer

    def told(self) -> Callable[[Message, Scope], Awaitable[None]]:
        """Return the hook that has each head say which page may read the answer."""

        async def hook(message: Message, scope: Scope) -> None:
            if message["type"] != "http.response.start" or not scope["path"].startswith(_PATHS):
                return
            headers = MutableScopeHeaders.from_message(message)
            headers.add("Vary", "Origin")
            origin = self._origin(scope)
            if origin is not None:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = _EXPOSED

        return hook

    def _origin(self, scope: Scope) -> str | None:
        """The origin of the page that asks, if it is one of ours to let in."""
        said = Headers.from_scope(scope).getall("origin", [])
        is_ours = scope["path"].startswith(_PATHS) and len(said) == 1 and said[0] in self._allowed
        return said[0] if is_ours else None
