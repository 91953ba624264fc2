"""A line to the database that breaks when a test wants it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from tests.support import free_port


class Line:
    """Carries everything, until `break_at(word)`: then the connection that says `word` to the server ends for both.

    With `delivered` the server still hears the word and does as it says; only its answer is lost.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._server_port = parts.hostname, parts.port
        self.port = free_port()
        self.url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{self.port}").geturl()
        self._word: bytes | None = None
        self._delivered = False

    def break_at(self, word: bytes, *, delivered: bool) -> None:
        self._word, self._delivered = word, delivered

    async def carry(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, forth = await asyncio.open_connection(self._host, self._server_port)
        answers = asyncio.ensure_future(_copy(server, back))
        try:
            while said := await client.read(65536):
                if self._word is not None and self._word in said:
                    self._word = None
                    answers.cancel()
                    await asyncio.wait([answers])
                    if self._delivered:
                        forth.write(said)
                        await server.read(1)  # It has done as it was told.
                    return
                forth.write(said)
        except ConnectionError:
            return  # as it is with lines
        finally:
            answers.cancel()
            forth.close()
            back.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while heard := await source.read(65536):
            target.write(heard)
    target.close()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    line = Line(url)
    server = await asyncio.start_server(line.carry, "127.0.0.1", line.port)
    try:
        yield line
    finally:
        server.close()
        await server.wait_closed()
