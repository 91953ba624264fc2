"""What machines ask: is it alive, is it ready, how does it do?"""

import hmac
import ipaddress
from typing import Any, Protocol

from litestar import Request, Response, Router, get
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from api.gate import Gate
from api.problems import Refused, Trouble, problems, unauthorized
from broker.tokens import Role


class Alive(Struct, frozen=True):
    status: str


class Health(Protocol):
    """What the wiring knows of its parts."""

    def problems(self) -> list[str]:
        """Return what is missing before requests and tablets can be served, a line each; empty when ready."""


def operations(*, health: Health, registry: CollectorRegistry, gate: Gate | None, metrics_token: str | None) -> Router:
    """Return /health, /health/live, /health/ready and /metrics. Without a gate no admin's token opens /metrics."""

    @get("/health/live", tags=["operations"], sync_to_thread=False)
    def live() -> Alive:
        """The process answers."""
        return Alive("alive")

    @get("/health", include_in_schema=False, sync_to_thread=False)
    def ready_as_ever() -> Alive:
        """The address of the old system."""
        return _answer(health)

    @get("/health/ready", tags=["operations"], responses=problems(503), sync_to_thread=False)
    def ready() -> Alive:
        """Everything that is needed works; otherwise `missing` says what does not."""
        return _answer(health)

    @get("/metrics", tags=["operations"], media_type="text/plain", responses=problems(401))
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Prometheus text: for this machine, for the metrics token, or for an admin's token."""
        if not _from_here(request):
            await _let_in(request, gate=gate, metrics_token=metrics_token)
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Router("/", route_handlers=[live, ready, ready_as_ever, metrics])


def _answer(health: Health) -> Alive:
    missing = tuple(health.problems())
    if missing:
        raise Refused(Trouble.NOT_READY, missing=missing)
    return Alive("ready")


def _from_here(request: Request[Any, Any, Any]) -> bool:
    """Whether the request was made on this machine, and not by a proxy here on behalf of somebody elsewhere."""
    if any(header in request.headers for header in ("forwarded", "x-forwarded-for", "x-real-ip")):
        return False
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _let_in(request: Request[Any, Any, Any], *, gate: Gate | None, metrics_token: str | None) -> None:
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    if metrics_token and hmac.compare_digest(token.encode(), metrics_token.encode()):
        return
    if gate is None or (await gate.identify(request)).role is not Role.ADMIN:
        raise unauthorized(Trouble.TOKEN_INVALID)
