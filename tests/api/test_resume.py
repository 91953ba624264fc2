"""Whether a reader of the event stream may go on where it left off."""

import pytest

from api.streams import ResetWhy, reset_why
from store.records import EventBounds

KEPT = EventBounds(oldest=100, newest=200)
EMPTY = EventBounds(oldest=1, newest=0)
PRUNED = EventBounds(oldest=201, newest=200)


@pytest.mark.parametrize(
    ("asked", "bounds", "expected"),
    [
        (None, KEPT, None),
        ("", KEPT, None),
        ("150", KEPT, None),
        ("200", KEPT, None),
        ("99", KEPT, None),  # all that comes after it is there
        ("98", KEPT, ResetWhy.TOO_OLD),
        ("0", KEPT, ResetWhy.TOO_OLD),
        ("201", KEPT, ResetWhy.FUTURE),
        ("0", EMPTY, None),
        ("1", EMPTY, ResetWhy.FUTURE),
        ("200", PRUNED, None),
        ("199", PRUNED, ResetWhy.TOO_OLD),
        ("-1", KEPT, ResetWhy.UNREADABLE),
        ("1.5", KEPT, ResetWhy.UNREADABLE),
        ("٣", KEPT, ResetWhy.UNREADABLE),
        ("150\n", KEPT, ResetWhy.UNREADABLE),
        ("9" * 18, KEPT, ResetWhy.FUTURE),
        ("9" * 5000, KEPT, ResetWhy.UNREADABLE),
    ],
)
def test_a_reader_goes_on_after_an_id_whose_successors_are_all_there(
    asked: str | None, bounds: EventBounds, expected: ResetWhy | None
) -> None:
    assert reset_why(asked, bounds) is expected
