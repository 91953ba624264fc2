"""Passwords of people: argon2id, computed off the event loop and never many at once.

One computation takes 64 MiB and some 50 ms of processor time, so strangers who log in must queue, and the queue ends.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

STAND_IN = "$argon2id$v=19$m=65536,t=3,p=4$5dI9lFuc81KB3N07lddJ1Q$+Lu46PcJ3GkAe1LKPsAKtdMC3GEpvTVvPHFfB3AWfmw"
"""Verified where there is no account, so that a name that does not exist takes as long as a wrong password."""


class PasswordsBusy(Exception):
    """So many log-ins wait already that another one should come back later."""


class Passwords:
    """Verifies and hashes in threads, `at_once` of them; raises PasswordsBusy when `waiting` more wait."""

    def __init__(self, *, at_once: int = 2, waiting: int = 32) -> None:
        self._turn = asyncio.Semaphore(at_once)
        self._room = at_once + waiting

    async def match(self, password: str, password_hash: str | None) -> bool:
        """Return whether the password has this hash; None, for no account or no password, matches nothing."""
        async with self._seat():
            right = await asyncio.to_thread(_matches, password_hash or STAND_IN, password)
        return right and password_hash is not None

    async def hash(self, password: str) -> str:
        """Return the argon2id hash to store (RFC 9106, second recommended parameters)."""
        async with self._seat():
            return await asyncio.to_thread(PasswordHasher().hash, password)

    @asynccontextmanager
    async def _seat(self) -> AsyncIterator[None]:
        if not self._room:
            raise PasswordsBusy
        self._room -= 1
        try:
            async with self._turn:
                yield
        finally:
            self._room += 1


def _matches(password_hash: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
