"""The tablet's side of a receipt: what nobody has promised to keep is said again."""

from datetime import UTC, datetime
from random import Random

from config.simulate.connection import Verdict
from config.simulate.kept import ENVELOPE, MOST, Kept
from config.simulate.tablet import Outgoing, Tablet
from tests.config.desk import identities

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TABLET = Tablet(identities(1)[0], chance=Random(7))
SOON, LATER = 9.0, 11.0


def nothing_kept() -> Kept:
    return Kept(receipt_within=10)


def message() -> Outgoing:
    return TABLET.heartbeat(NOW)


def stored(one: Outgoing) -> Verdict:
    return Verdict(one.id, "stored")


def shelved(count: int) -> tuple[Kept, list[Outgoing]]:
    kept, messages = nothing_kept(), [message() for _ in range(count)]
    for one in messages:
        kept.shelve(one)
    return kept, messages


def send_part(kept: Kept, at: float) -> tuple[Outgoing, list[Outgoing]]:
    part = kept.next_part(at)
    envelope = TABLET.backlog(part, NOW)
    kept.sending(envelope, part, at)
    return envelope, part


def test_what_has_no_receipt_in_time_is_said_again() -> None:
    kept, said = nothing_kept(), message()
    kept.hold(said, 0)

    assert kept.overdue(SOON) == []
    assert kept.overdue(LATER) == [said]


def test_what_was_just_said_again_waits_for_its_receipt() -> None:
    kept, said = nothing_kept(), message()
    kept.hold(said, 0)
    kept.overdue(LATER)

    assert kept.overdue(LATER + SOON) == []


def test_a_receipt_ends_the_waiting() -> None:
    kept, said = nothing_kept(), message()
    kept.hold(said, 0)

    kept.judged(stored(said))

    assert kept.promised
    assert kept.overdue(LATER) == []


def test_a_rejected_message_is_not_said_again() -> None:
    kept, said = nothing_kept(), message()
    kept.hold(said, 0)

    kept.judged(Verdict(said.id, "rejected", "invalid"))

    assert kept.overdue(LATER) == []


def test_a_message_to_be_tried_again_is() -> None:
    kept, said = nothing_kept(), message()
    kept.hold(said, 0)

    kept.judged(Verdict(said.id, "retry"))

    assert kept.overdue(LATER) == [said]


def test_a_new_connection_makes_everything_due() -> None:
    kept, said = nothing_kept(), message()
    kept.hold(said, 0)

    kept.start_over()

    assert kept.overdue(1) == [said]


def test_a_backlog_goes_out_in_parts_one_after_the_other() -> None:
    kept, messages = shelved(ENVELOPE + 10)

    _, first = send_part(kept, 0)
    assert first == messages[:ENVELOPE]
    assert kept.next_part(SOON) == []
    for one in first:
        kept.judged(stored(one))

    assert kept.next_part(SOON) == messages[ENVELOPE:]


def test_a_part_without_receipts_goes_out_again() -> None:
    kept, messages = shelved(3)
    send_part(kept, 0)

    assert kept.next_part(LATER) == messages


def test_a_part_that_is_refused_as_a_whole_is_given_up() -> None:
    kept, messages = shelved(ENVELOPE + 10)
    envelope, _ = send_part(kept, 0)

    kept.judged(Verdict(envelope.id, "rejected", "too-large"))

    assert kept.next_part(SOON) == messages[ENVELOPE:]


def test_a_backlog_that_is_too_long_loses_its_oldest() -> None:
    kept, messages = shelved(MOST + 5)

    assert kept.waiting == MOST
    assert kept.next_part(0)[0] == messages[5]
