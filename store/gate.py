"""Who writes next: one at a time, people before batches."""

import asyncio
from collections import deque

Waiters = deque[asyncio.Future[None]]


class Gate:
    """A lock with two queues. Whoever waits in `urgent` goes before all of `patient`, each in order of arrival.

    A person's acknowledgment thus waits for at most the batch that is being written, however many are behind it.
    """

    def __init__(self) -> None:
        self._held = False
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
        for queue in (self.urgent, self.patient):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._held = False
