"""The processes that run here, by their own health pages; and the address that people use."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec
from msgspec import Struct

from config.doctor.database import apart
from config.doctor.findings import Finding, look, well, wrong
from config.settings import Settings

_PATIENCE_S = 3.0


class _Ready(Struct):
    status: object
    missing: tuple[str, ...] = ()


async def examine_pages(settings: Settings, *, clock: Callable[[], datetime]) -> list[Finding]:
    """Everything of ours that answers here. What is not running here is somebody's choice, unless nothing is."""
    pages = {
        "up, or api": settings.http_port,
        "broker": settings.broker_health_port,
        "bridge": settings.bridge_health_port,
        "worker": settings.worker_health_port,
    }
    async with httpx.AsyncClient(timeout=_PATIENCE_S, trust_env=False) as client:
        here = [_page(client, settings, process, port, clock=clock) for process, port in pages.items() if port]
        found = [finding for findings in await asyncio.gather(*here) for finding in findings]
        if not found:
            remedy = (
                f"start it; on another machine run this there (looked at port {', '.join(map(str, pages.values()))})"
            )
            found = [look("processes", "none of Innwatch's runs here", remedy)]
        if settings.public_url is not None:
            found.append(await _public(client, settings.public_url))
    return found


async def _page(
    client: httpx.AsyncClient, settings: Settings, process: str, port: int, *, clock: Callable[[], datetime]
) -> list[Finding]:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104, where others listen
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/health/ready"
    try:
        answer = await client.get(url)
        page = msgspec.json.decode(answer.content, type=_Ready)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return []
    except (httpx.HTTPError, msgspec.DecodeError):
        remedy = "is it another program's port? Give Innwatch one of its own"
        return [wrong(process, f"what answers at {url} is no health page of ours, or hangs", remedy)]
    found = [wrong(process, line, "this is its own word; its log says more") for line in page.missing]
    if answer.status_code == httpx.codes.OK:
        found = [well(process, f"ready at port {port}")]
    if "date" in answer.headers:
        # A second's grain: the page was made within the last one.
        found.append(apart(f"the clock of {process}", parsedate_to_datetime(answer.headers["date"]) - _second(clock())))
    return found


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


async def _public(client: httpx.AsyncClient, address: str) -> Finding:
    try:
        answer = await client.get(f"{address.rstrip('/')}/health/live")
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as failure:
        why = str(failure).partition("\n")[0] or type(failure).__name__
        return look(
            "public address",
            f"{address} does not lead to the console from here: {why}",
            "see INNWATCH_PUBLIC_URL, the proxy and its certificate",
        )
    return well("public address", f"{address} leads to the console")
