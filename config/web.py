"""The HTTP server inside the embedded process: uvicorn without its own ideas about signals and logs."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from litestar import Litestar

from config.errors import StartRefused


def bind(host: str, port: int) -> socket.socket:
    """A bound socket, had before anything else starts, so that a taken port opens nothing. Raises StartRefused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise StartRefused(f"cannot listen for HTTP on {host}:{port} ({reason}); choose another --http-port") from error
    return listener


class WebServer:
    """Serves one application on one bound socket until cancelled."""

    def __init__(self, app: Litestar, listener: socket.socket) -> None:
        self._listener = listener
        self._server = _QuietServer(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="on",
                ws="none",
                http="httptools",
                server_header=False,
                timeout_graceful_shutdown=1,
                timeout_keep_alive=30,
                h11_max_incomplete_event_size=64 * 1024,
            )
        )

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        """Let open requests end, for a second; `run` returns then."""
        self._server.should_exit = True

    @property
    def started(self) -> bool:
        return self._server.started


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, not to one of its parts."""
        yield
