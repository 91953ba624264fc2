"""A lint for SQL: every text in `store/` that touches what a hotel owns is bound to a hotel, or to a key found in one.

`texts` finds the statements in the source, `statements` reads one and says which tables of it nothing binds.
"""

from tests.store.scoping.statements import unscoped
from tests.store.scoping.texts import SqlText, sql_texts

__all__ = ["SqlText", "sql_texts", "unscoped"]
