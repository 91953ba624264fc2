"""The HTTP server inside the embedded process: uvicorn without its own ideas about signals, logs and strangers."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec
import uvicorn
from litestar import Litestar
from litestar.types import Receive, Scope, Send

from config.errors import StartRefused
from config.web_line import Limits, Line, Lines

LOOK = 0.25
"""Seconds between two looks at all connections: so late may a deadline be kept."""

GRACE = 0.5
"""Seconds that open requests have to end in when the server stops."""


class WebServerEnded(Exception):
    """The server did not start, or stopped serving though nobody asked it to."""


def bind(host: str, port: int, *, option: str = "--http-port") -> socket.socket:
    """A listening socket, had before anything else starts, so that a taken port opens nothing. Raises StartRefused.

    It listens at once: a socket that is merely bound leaves its port to whoever listens first. `option` sets the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY on these only
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise StartRefused(f"cannot listen for HTTP on {host}:{port} ({reason}); choose another {option}") from error
    return listener


class WebServer:
    """Serves one application on one listening socket until stopped.

    With few file descriptors to be had it takes fewer connections than `limits` say, so that half of the descriptors
    are left to the broker.
    """

    def __init__(self, app: Litestar, listener: socket.socket, *, limits: Limits | None = None) -> None:
        self._listener = listener

        self._app = app

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await self._app(scope, receive, send)
            except asyncio.CancelledError:
                if not self._server.should_exit:  # Else nobody reads the answer any more: nothing to report.
                    raise

        self._server = _Server(
            uvicorn.Config(
                answer,
                log_config=None,
                access_log=False,
                lifespan="on",
                ws="none",
                http=Line,
                server_header=False,
                proxy_headers=False,  # Else whoever is on this machine may claim any address.
                timeout_keep_alive=30,
            ),
            limits=_affordable(limits or Limits()),
        )

    def show(self, app: Litestar) -> None:
        """Let another application answer from now on. It is not told of the start: it must have none to prepare for."""
        self._app = app

    async def run(self) -> None:
        """Serve until `stop`. Raises WebServerEnded when it ends before that."""
        try:
            await self._server.serve(sockets=[self._listener])
        except SystemExit as ended:  # uvicorn's way to say that the application did not start
            raise WebServerEnded("the application did not start") from ended
        if not self._server.should_exit:
            raise WebServerEnded("nobody asked the web server to stop")

    async def serving(self) -> None:
        """Return when requests are being answered."""
        await self._server.serving.wait()

    def stop(self) -> None:
        """Let open requests end, for half a second; `run` returns then."""
        self._server.should_exit = True
        self._server.stopping.set()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._server.server_state.connections)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, limits: Limits) -> None:
        super().__init__(config)
        self._lines = Lines(limits)
        self.server_state = self._lines
        self.serving = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, not to one of its parts."""
        yield

    async def main_loop(self) -> None:
        """Keep the date of the answers, and the deadlines of the connections, until stopped."""
        await self.on_tick(0)
        self.serving.set()
        while not self.should_exit:
            try:
                async with asyncio.timeout(LOOK):
                    await self.stopping.wait()
            except TimeoutError:
                await self.on_tick(0)
                self._look()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, let answers end for a moment, then close whatever is open. Cancels what still answers."""
        for server in self.servers:
            server.close()
        for one in self._open():
            one.shutdown()
        await self._wait_until_empty()
        for one in self._open():
            one.abort()
        await self._end_tasks()
        await self.lifespan.shutdown()

    async def _wait_until_empty(self) -> None:
        if self._lines.connections:
            self._lines.emptied.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lines.emptied.wait(), GRACE)

    async def _end_tasks(self) -> None:
        """Wait for the answers, which know by now that nobody reads them, and cancel those that go on."""
        for _ in range(2):
            if not self._lines.tasks:
                return
            await asyncio.wait(self._lines.tasks, timeout=GRACE / 2)
            for task in list(self._lines.tasks):
                task.cancel()

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for one in self._open():
            one.look(now)

    def _open(self) -> list[Line]:
        return [one for one in self._lines.connections if isinstance(one, Line)]


def _affordable(limits: Limits) -> Limits:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return limits
    return msgspec.structs.replace(limits, connections=min(limits.connections, descriptors // 2))
