"""The HTTP server towards strangers: what they may send, hold open and leave unread."""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from litestar import Litestar, Request, get, post
from litestar.params import FromPath
from litestar.types import Receive, Scope, Send

from api.streams import HANG_UP
from config.errors import StartRefused
from config.web import WebServer, WebServerEnded, bind
from config.web_line import Limits
from tests.support import eventually, free_port

Asked = Request[Any, Any, Any]
HELLO = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
MUCH = b"a" * 65_536
QUICK = Limits(arrival=0.3, patience=0.3)


@get("/hello", sync_to_thread=False)
def hello() -> str:
    return "hello"


@get("/address", sync_to_thread=False)
def address(request: Asked) -> str:
    return request.client.host if request.client else "?"


@post("/length", status_code=200)
async def length(request: Asked) -> int:
    return len(await request.body())


@get("/trailer")
async def trailer(request: Asked) -> str:
    await request.body()
    return repr(request.scope["headers"])


@get("/bytes/{count:int}", sync_to_thread=False)
def much(count: FromPath[int]) -> bytes:
    return b"x" * count


class Endless:
    """An answer that never ends; notes that its reader has left."""

    def __init__(self) -> None:
        self.begun = 0
        self.left = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left += 1


class Farewell:
    """An answer whose reader is given 0.1 s to take it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": b"x" * 20_000_000, "more_body": False})
        extensions: Any = scope.get("extensions")
        extensions[HANG_UP]["call"](0.1)


class Served:
    """A server, and the connections that a test opens to it."""

    def __init__(self, server: WebServer, port: int, endless: Endless) -> None:
        self.server = server
        self.port = port
        self.endless = endless

    @asynccontextmanager
    async def connected(self, *, first: bytes = b"") -> AsyncIterator["Peer"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        peer = Peer(reader, writer)
        try:
            await peer.send(first)
            yield peer
        finally:
            writer.transport.abort()

    async def answer(self, request: bytes) -> bytes:
        """Send a request on a connection of its own; the whole answer, once the server has closed."""
        async with self.connected(first=request) as peer:
            return await peer.rest()

    async def says_hello(self) -> bool:
        return b"hello" in await self.answer(HELLO.replace(b"Host", b"Connection: close\r\nHost"))


class Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def flood(self, data: bytes, *, times: int = 100) -> bool:
        """Send it again and again; whether the server closed meanwhile."""
        try:
            for _ in range(times):
                await self.send(data)
        except ConnectionError:
            return True
        return await self.closed()

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """What comes until the server closes, however it does so."""
        received = b""
        try:
            async with asyncio.timeout(5):
                while part := await self.reader.read(65_536):
                    received += part
        except ConnectionError:
            pass
        return received

    async def closed(self) -> bool:
        await self.rest()
        return True


@asynccontextmanager
async def serving(*, limits: Limits | None = None) -> AsyncIterator[Served]:
    """Serve while the context lasts; on leaving the server must stop in a second, whatever is open."""
    endless = Endless()

    @get("/endless", sync_to_thread=False)
    def follow() -> Endless:
        return endless

    @get("/farewell", sync_to_thread=False)
    def part() -> Farewell:
        return Farewell()

    port = free_port()
    app = Litestar([hello, address, length, trailer, much, follow, part], logging_config=None, openapi_config=None)
    server = WebServer(app, bind("127.0.0.1", port), limits=limits)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        await server.serving()
        try:
            yield Served(server, port, endless)
        finally:
            server.stop()
            async with asyncio.timeout(1.5):
                await running


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as server:
        yield server


@pytest.fixture
async def quick() -> AsyncIterator[Served]:
    async with serving(limits=QUICK) as server:
        yield server


def status(answer: bytes) -> int:
    return int(answer.split()[1]) if answer else 0


ENDLESS = {
    "a header": (b"GET / HTTP/1.1\r\nX: ", MUCH),
    "an address": (b"GET /", MUCH),
    "headers": (b"GET / HTTP/1.1\r\n", b"X: y\r\n" * 10_000),
    "empty lines": (b"", b"\r\n" * 32_768),
    "a chunk's extension": (CHUNKED + b"1;", MUCH),
    "chunks of one byte": (CHUNKED, b"1\r\na\r\n" * 10_000),
    "trailers": (CHUNKED + b"0\r\nX: ", MUCH),
    "requests behind an answer": (b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n", HELLO * 2_000),
    "a body": (CHUNKED, b"10000\r\n" + MUCH + b"\r\n"),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_a_request_without_an_end_ends_the_connection(served: Served, what: str) -> None:
    start, more = ENDLESS[what]
    async with served.connected(first=start) as stranger:
        assert await stranger.flood(more)

    assert await served.says_hello()


async def test_a_head_that_is_too_large_is_answered_with_a_problem(served: Served) -> None:
    answer = await served.answer(b"GET / HTTP/1.1\r\nX: " + b"a" * 60_000)

    assert status(answer) == 431
    assert b"content-type: application/problem+json" in answer
    assert msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])["type"] == "urn:innwatch:problem:head-too-large"


async def test_a_head_of_30_kib_is_read(served: Served) -> None:
    answer = await served.answer(
        b"GET /hello HTTP/1.1\r\nConnection: close\r\nHost: x\r\nX: " + b"a" * 30_000 + b"\r\n\r\n"
    )

    assert status(answer) == 200


async def test_many_requests_on_one_connection_are_answered(served: Served) -> None:
    async with served.connected() as peer:
        for _ in range(2_000):
            await peer.send(HELLO)
            assert status(await peer.head()) == 200
            await peer.reader.readexactly(5)


async def test_bodies_of_either_framing_arrive_whole(served: Served) -> None:
    plain = await served.answer(POST + b"Connection: close\r\nContent-Length: 65536\r\n\r\n" + MUCH)
    chunked = await served.answer(
        CHUNKED.replace(b"Host", b"Connection: close\r\nHost") + b"a\r\n0123456789\r\n" * 4 + b"0\r\n\r\n"
    )

    assert plain.endswith(b"\r\n\r\n65536")
    assert chunked.endswith(b"\r\n\r\n40")


async def test_a_trailer_is_no_header(served: Served) -> None:
    head = b"GET /trailer HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await served.answer(head + b"0\r\nAuthorization: me\r\n\r\n")

    assert b"transfer-encoding" in answer
    assert b"authorization" not in answer


async def test_a_request_behind_another_is_not_answered_and_the_connection_closed(served: Served) -> None:
    answer = await served.answer(HELLO * 3)

    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"connection: close" in answer


async def test_a_request_to_change_the_protocol_is_answered_as_if_it_had_not_been_made(served: Served) -> None:
    answer = await served.answer(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")

    assert status(answer) == 200
    assert answer.endswith(b"hello")


UNFINISHED = {
    b"": 0,
    b"GET / HT": 408,
    b"GET / HTTP/1.1\r\nHost: x\r\n": 408,
    POST + b"Content-Length: 100\r\n\r\n{": 408,
    CHUNKED + b"1\r\n{\r\n": 408,
}


@pytest.mark.parametrize("start", UNFINISHED)
async def test_a_request_that_is_never_finished_is_given_up(quick: Served, start: bytes) -> None:
    assert status(await quick.answer(start)) == UNFINISHED[start]


async def test_a_request_that_comes_byte_by_byte_is_given_up_too(quick: Served) -> None:
    async with quick.connected(first=b"GET / HTTP/1.1\r\nX: ") as slow, asyncio.TaskGroup() as group:
        answer = group.create_task(slow.rest())
        while not answer.done():
            await slow.send(b"a")
            await asyncio.sleep(0.02)

    assert status(answer.result()) == 408


async def test_an_answer_that_takes_its_time_is_not_given_up(quick: Served) -> None:
    async with quick.connected(first=b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n") as follower:
        await follower.head()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await follower.reader.read(1)


async def test_an_answer_that_is_not_taken_is_given_up(quick: Served) -> None:
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        idle.connect(("127.0.0.1", quick.port))
        idle.sendall(b"GET /bytes/20000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: not quick.server.connections)


async def test_an_answer_may_end_with_the_connection_whether_or_not_it_is_taken(served: Served) -> None:
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        idle.connect(("127.0.0.1", served.port))
        idle.sendall(b"GET /farewell HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: served.server.connections)
        await eventually(lambda: not served.server.connections)


async def test_whoever_waits_longest_gives_way_when_there_are_too_many() -> None:
    async with serving(limits=Limits(connections=10)) as served, asyncio.TaskGroup() as group:
        silent = [await _connect(served.port) for _ in range(30)]

        assert await served.says_hello()
        assert served.server.connections <= 10
        closed = [group.create_task(reader.read()) for reader, _ in silent[:20]]
        await asyncio.wait(closed)
        for _, writer in silent:
            writer.transport.abort()


async def test_those_who_are_being_answered_keep_their_place() -> None:
    async with serving(limits=Limits(connections=2)) as served:
        async with (
            served.connected(first=b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n") as first,
            served.connected(first=b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n") as second,
        ):
            await first.head()
            await second.head()
            assert status(await served.answer(HELLO)) == 503
        await eventually(lambda: served.endless.left == 2)
        assert await served.says_hello()


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


async def test_the_address_is_that_of_the_connection_whatever_a_header_claims(served: Served) -> None:
    answer = await served.answer(
        b"GET /address HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n"
    )

    assert answer.endswith(b"127.0.0.1")


NONSENSE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    POST + b"Content-Length: 100\r\n\r\n{",
]


async def test_strangers_write_nothing_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with serving(limits=QUICK) as served:
            for each in NONSENSE:
                await served.answer(each)
            async with served.connected(first=b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"):
                await eventually(lambda: served.endless.begun)
            await eventually(lambda: served.endless.left)

    assert caplog.records == []


async def test_whatever_is_open_does_not_hold_up_the_stop_and_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    opened = [b"", b"GET / HT", POST + b"Content-Length: 100\r\n\r\n{", b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"]
    with caplog.at_level(logging.WARNING):
        async with serving() as served:  # Fails unless it stops within a second and a half.
            peers = [await _connect(served.port) for _ in opened]
            for (_, writer), start in zip(peers, opened, strict=True):
                writer.write(start)
            await eventually(lambda: served.endless.begun)
    for _, writer in peers:
        writer.transport.abort()

    assert caplog.records == []


async def test_the_answer_under_way_is_finished_when_the_server_stops() -> None:
    async with serving() as served, served.connected(first=b"GET /bytes/4000000 HTTP/1.1\r\nHost: x\r\n\r\n") as peer:
        await peer.head()
        served.server.stop()
        assert len(await peer.rest()) == 4_000_000


def test_a_port_is_taken_from_the_moment_it_is_bound() -> None:
    with bind("127.0.0.1", free_port()) as taken, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use") as refused:
            other.bind(taken.getsockname())
        with pytest.raises(StartRefused, match="--http-port"):
            bind(*taken.getsockname())

    assert refused.value.errno == errno.EADDRINUSE


async def test_a_server_that_ends_before_it_was_asked_to_says_so() -> None:
    def broken() -> None:
        raise RuntimeError("no")

    app = Litestar([hello], on_startup=[broken], logging_config=None, openapi_config=None)
    with bind("127.0.0.1", free_port()) as listener, pytest.raises(WebServerEnded, match="did not start"):
        await WebServer(app, listener).run()
