"""From the parameters of the verbs to those of PostgreSQL."""

import pytest

from store.statements import numbered


@pytest.mark.parametrize(
    ("written", "sent", "names"),
    [
        ("SELECT 1", "SELECT 1", ()),
        ("WHERE a = :a AND b = :b AND c = :a", "WHERE a = $1 AND b = $2 AND c = $1", ("a", "b")),
        ("VALUES (?, ?, ?)", "VALUES ($1, $2, $3)", ()),
        ("VALUES (?2, ?1, ?2)", "VALUES ($2, $1, $2)", ()),
        ("a::bigint = :a::bigint[]", "a::bigint = $1::bigint[]", ("a",)),
        ("a = ':b' OR a = 'it''s :c?' OR a = :d", "a = ':b' OR a = 'it''s :c?' OR a = $1", ("d",)),
    ],
)
def test_parameters_are_numbered_and_what_only_looks_like_one_is_left(
    written: str, sent: str, names: tuple[str, ...]
) -> None:
    assert (numbered(written).sql, numbered(written).names) == (sent, names)
