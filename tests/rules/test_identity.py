"""identity.conflict: two pieces of hardware speak by one name."""

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from tests.rules.given import Tablet, because


def conflicting() -> Tablet:
    tablet = Tablet()
    for second, sid in enumerate(["a-1", "b-1", "a-2"]):
        assert tablet.beat(10 * second, sid=sid) == ()
    tablet.beat(30, sid="b-2")
    return tablet


def test_three_take_overs_between_boots_of_which_one_comes_back_open_it() -> None:
    tablet = conflicting()
    (opened,) = tablet.changes
    assert (opened.alert.rule, opened.alert.severity) == (Rule.IDENTITY_CONFLICT, Severity.HIGH)
    assert (opened.why[0].because, opened.why[0].observed) == (Because.TAKEN_OVER, 3)


def test_a_tablet_that_keeps_starting_anew_is_one_tablet() -> None:
    tablet = Tablet()
    for second, boot in enumerate("abcdefgh"):
        assert tablet.beat(10 * second, sid=f"{boot}-1") == ()


def test_nor_is_one_that_reconnects_within_its_boot() -> None:
    tablet = Tablet()
    for number in range(8):
        assert tablet.beat(10 * number, sid=f"a-{number}") == ()


def test_take_overs_that_are_further_apart_are_none() -> None:
    tablet = Tablet()
    for number, sid in enumerate(["a-1", "b-1", "a-2", "b-2", "a-3"]):
        tablet.beat(160 * number, sid=sid)
    assert Family.IDENTITY not in {change.alert.family for change in tablet.changes}


def test_the_condition_lasts_until_it_has_not_happened_for_half_an_hour() -> None:
    tablet = conflicting()
    tablet.beat(40, sid="b-2")
    tablet.beat(1830, sid="b-2")
    assert Family.IDENTITY in tablet.state.alerts
    tablet.beat(1831, sid="b-2")
    (cleared,) = (
        change
        for change in tablet.changes
        if change.kind is ChangeKind.SUBSIDED and change.alert.family is Family.IDENTITY
    )
    assert because(cleared) == [Because.NOT_TAKEN_OVER]
