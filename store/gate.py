"""Who writes next: one at a time, people before batches."""

import asyncio
from collections import deque

Waiters = deque[asyncio.Future[None]]


IN_A_ROW = 8
"""Urgent writers that may pass a patient one: a storm of notices must not keep tablets waiting for their PUBACK."""


class Gate:
    """A lock with two queues, each in order of arrival. Whoever waits in `urgent` goes before those in `patient`,
    `IN_A_ROW` times.

    A person's acknowledgment thus waits for at most the batch that is being written, however many are behind it.
    """

    def __init__(self) -> None:
        self._held = False
        self._in_a_row = 0
        self.urgent: Waiters = deque()
        self.patient: Waiters = deque()

    async def enter(self, queue: Waiters) -> None:
        if not self._held:
            self._held = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # Its turn had come in the same moment: pass it on.
            raise

    def leave(self) -> None:
        """Let the next one in."""
        patience_ends = self._in_a_row >= IN_A_ROW
        if self._call(self.patient if patience_ends else self.urgent):
            self._in_a_row = 0 if patience_ends else self._in_a_row + 1
        elif self._call(self.urgent if patience_ends else self.patient):
            self._in_a_row = 0
        else:
            self._held = False

    @staticmethod
    def _call(queue: Waiters) -> bool:
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return True
        return False
