"""A reader of a hotel's events that goes on at the next API where one fails."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.support.http import plain


class Follower:
    """Reads a hotel's events from either of two APIs, and goes on at the other where one fails."""

    def __init__(self, urls: list[str], token: str) -> None:
        self.ids: list[int] = []
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        self._done = threading.Event()

    def run(self) -> None:
        turn = 0
        while not self._done.is_set():
            turn += 1
            last = {"Last-Event-ID": str(self.ids[-1])} if self.ids else {}
            try:
                with plain.stream(
                    "GET",
                    f"{self._urls[turn % len(self._urls)]}/api/events",
                    headers=self._headers | last,
                    timeout=httpx.Timeout(5, read=20),
                ) as reply:
                    self._read(reply.iter_lines())
            except httpx.HTTPError:
                self._done.wait(0.1)

    def _read(self, lines: Iterator[str]) -> None:
        for line in lines:
            assert line != "event: reset"
            if line.startswith("id: "):
                self.ids.append(int(line[4:]))
            if self._done.is_set():
                return

    @contextmanager
    def following(self) -> Iterator["Follower"]:
        thread = threading.Thread(target=self.run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
