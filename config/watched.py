"""Work beside a small page for the machines that watch it: alive from the first moment, ready when nothing is missing.

Its signals end the work first and the page last, so that whoever looks sees the process stop.
"""

import asyncio
import logging
import socket
from collections.abc import Coroutine

from prometheus_client import CollectorRegistry

from api.app import build_health_app
from api.operations import Health
from config.serving import stop_on_signal
from config.web import WebServer

_log = logging.getLogger(__name__)


async def watched(
    work: Coroutine[None, None, None],
    *,
    page: socket.socket,
    health: Health,
    registry: CollectorRegistry,
    metrics_token: str | None,
) -> None:
    """Do `work` until SIGTERM or SIGINT cancels it. Raises what ended it before that."""
    stop = stop_on_signal()
    web = WebServer(build_health_app(registry=registry, health=health, metrics_token=metrics_token), page)
    async with asyncio.TaskGroup() as parts:
        serving = parts.create_task(web.run())
        working = asyncio.create_task(work)  # noqa: TID251, ends with the group, but does not end the page
        working.add_done_callback(lambda _: stop.set())
        try:
            await web.serving()
            await stop.wait()
        finally:
            working.cancel()
            await asyncio.wait([working])
        _log.info("stopping")
        web.stop()
        await serving
    if not working.cancelled():
        working.result()


def page_address(page: socket.socket) -> str:
    """Where the page is, for people."""
    host, port = page.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/health/ready"
