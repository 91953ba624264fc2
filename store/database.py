"""The open database, whichever it is: it hands each verb a transaction."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from store.doorbell import Doorbell
from store.known import Known
from store.recent import Recent
from store.transaction import Dialect, Row, Transaction, Value
from store.ungathered import Ungathered

if TYPE_CHECKING:
    from store.lease import Lease

T = TypeVar("T")
Work = Callable[[Transaction], T]
"""A verb. It may be called again when the database could not let it finish, so it changes nothing but the database."""


class Database(ABC):
    dialect: ClassVar[Dialect]

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self.recent = Recent()
        self.known = Known()
        self.ungathered = Ungathered()
        self.guard: Work[None] | None = None
        """Done first in every transaction that writes: what it raises keeps anything from being written."""
        self.lease: Lease | None = None
        """The one that the guard looks at; a statement that is a transaction by itself looks at it by itself."""

    @abstractmethod
    async def read(self, work: Work[T]) -> T:
        """Do `work` on a snapshot. Raises StoreUnavailable and what `work` raises."""

    @abstractmethod
    async def ask(self, sql: str, **values: Value) -> list[Row]:
        """Read with one statement, which sees one moment by itself: PostgreSQL is spared the transaction around it."""

    @abstractmethod
    async def write(self, work: Work[T]) -> T:
        """Do `work` before any batch that waits. Raises DataRefused, StoreUnavailable and what `work` raises."""

    @abstractmethod
    async def write_batch(self, work: Work[T]) -> T:
        """Do `work` when nobody is in a hurry; else as `write`."""

    @abstractmethod
    async def write_alone(self, work: Work[T]) -> T:
        """As `write_batch`, for work that writes with one statement: PostgreSQL is spared the transaction around it."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was begun, then close."""

    def _guarded(self, work: Work[T]) -> Work[T]:
        guard = self.guard
        if guard is None:
            return work

        def guarded(transaction: Transaction) -> T:
            guard(transaction)
            return work(transaction)

        return guarded

    def _committed(self, transaction: Transaction) -> None:
        if transaction.recorded:
            self.recent.add(transaction.recorded)  # Before the bell: who hears it finds them.
        if transaction.news:
            self._doorbell.ring()
