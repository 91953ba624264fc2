"""What a hotel's systems say, message by message, and what is known of its rooms after that."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from rules.ids import HotelId, IntegratorName, MessageId, RoomId
from rules.room_status import (
    NOTHING_SAID,
    PmsKind,
    PmsMessage,
    PmsRecord,
    RoomStatus,
    RoomWord,
    is_checked_out,
    news,
    recorded,
    sealed,
    what_is_wrong,
)
from tests.rules.given import NOON, after

HERE, THERE = RoomId("204"), RoomId("205")
KEY = bytes(32)
HOUR = timedelta(hours=1)


class Desk:
    """A hotel's rooms, told by one system. Times are seconds after noon, of receipt; `ts` of the system's clock."""

    def __init__(self) -> None:
        self.rooms: dict[RoomId, RoomStatus] = {}

    def of(self, room: RoomId = HERE) -> RoomStatus:
        return self.rooms.get(room, NOTHING_SAID)

    def tell(
        self, seconds: float, kind: PmsKind, *, by: str = "pms", ts: datetime | None = None, **fields: object
    ) -> Mapping[RoomId, RoomStatus]:
        message = PmsMessage(id=MessageId("m"), room_id=HERE, ts=ts or after(seconds), **fields)  # type: ignore[arg-type]
        assert what_is_wrong(message, kind, at=after(seconds)) is None
        record = recorded(message, kind=kind, by=IntegratorName(by), key=KEY)
        changed = news(record, known=self.of, at=after(seconds))
        self.rooms |= changed
        return changed

    def say(self, seconds: float, word: RoomWord, *, departs_at: datetime | None = None) -> None:
        self.tell(seconds, PmsKind.ROOM_STATUS, status=word, departs_at=departs_at)


def test_a_stay_is_known_from_its_check_in_to_its_check_out() -> None:
    desk = Desk()
    desk.tell(0, PmsKind.CHECKIN, stay_ref="s-1", departs_at=after(86_400))

    assert (desk.of().occupied, desk.of().departs_at) == (True, after(86_400))
    assert desk.of().stay_ref == sealed("s-1", key=KEY)

    desk.tell(3600, PmsKind.CHECKOUT, stay_ref="s-1")
    assert (desk.of().occupied, desk.of().departs_at, desk.of().stay_ref) == (False, None, None)
    assert desk.of().checked_out_at == after(3600)

    desk.tell(7200, PmsKind.CHECKIN)
    assert (desk.of().occupied, desk.of().checked_out_at) == (True, None)


def test_the_check_out_of_another_stay_leaves_the_room_to_whoever_is_in_it_and_yet_asks_for_the_tablet() -> None:
    desk = Desk()
    desk.tell(0, PmsKind.CHECKIN, stay_ref="new")
    desk.tell(60, PmsKind.CHECKOUT, stay_ref="old")

    assert (desk.of().occupied, desk.of().checked_out_at) == (True, after(60))


def test_who_moves_takes_the_stay_along() -> None:
    desk = Desk()
    desk.tell(0, PmsKind.CHECKIN, stay_ref="s-1", departs_at=after(9000))
    changed = desk.tell(60, PmsKind.MOVE, to_room_id=THERE)

    assert set(changed) == {HERE, THERE}
    assert (desk.of().occupied, desk.of().stay_ref, desk.of().checked_out_at) == (False, None, None)
    there = desk.of(THERE)
    assert (there.occupied, there.stay_ref, there.departs_at) == (True, sealed("s-1", key=KEY), after(9000))


def test_the_words_of_a_room_status() -> None:
    desk = Desk()
    desk.say(0, RoomWord.OCCUPIED)
    assert desk.of().occupied is True
    desk.say(1, RoomWord.OUT_OF_ORDER)
    assert (desk.of().service, desk.of().occupied) == (RoomWord.OUT_OF_ORDER, True)
    desk.say(2, RoomWord.IN_SERVICE)
    assert desk.of().service is None
    desk.say(3, RoomWord.HOUSEKEEPING)
    assert desk.of().is_being_cleaned(after(3))
    assert not desk.of().is_being_cleaned(after(3 + 7200))
    desk.say(4, RoomWord.HOUSEKEEPING_DONE)
    assert not desk.of().is_being_cleaned(after(5))
    desk.say(6, RoomWord.VACANT)
    assert desk.of().occupied is False


@pytest.mark.parametrize(
    ("seconds", "departing"), [(0, False), (3599, False), (3600, True), (7200, True), (7200 + 43_200, False)]
)
def test_a_guest_departs_from_an_hour_before_until_half_a_day_after(seconds: float, departing: bool) -> None:
    desk = Desk()
    desk.say(0, RoomWord.DEPARTING, departs_at=after(7200))

    assert desk.of().is_departing(after(seconds), within=HOUR) is departing


def test_departing_without_a_time_is_now() -> None:
    desk = Desk()
    desk.say(0, RoomWord.DEPARTING)

    assert desk.of().is_departing(NOON, within=HOUR)


def test_what_was_held_up_changes_nothing_any_more() -> None:
    desk = Desk()
    desk.tell(600, PmsKind.CHECKOUT)

    assert desk.tell(610, PmsKind.CHECKIN, ts=after(500)) == {}
    assert desk.of().occupied is False


def test_a_check_out_that_comes_behind_a_later_word_of_housekeeping_counts() -> None:
    desk = Desk()
    desk.tell(0, PmsKind.CHECKIN)
    desk.say(105, RoomWord.HOUSEKEEPING)

    assert desk.tell(106, PmsKind.CHECKOUT, ts=after(100))
    assert (desk.of().occupied, desk.of().checked_out_at) == (False, after(106))
    assert (desk.of().housekeeping_since, desk.of().changed_at) == (after(105), after(105))
    assert desk.tell(107, PmsKind.ROOM_STATUS, ts=after(104), status=RoomWord.HOUSEKEEPING_DONE) == {}


@pytest.mark.parametrize("kind", [PmsKind.CHECKIN, PmsKind.CHECKOUT, PmsKind.MOVE])
def test_a_check_out_is_stale_behind_a_later_word_of_a_stay(kind: PmsKind) -> None:
    desk = Desk()
    desk.tell(105, kind, to_room_id=THERE if kind is PmsKind.MOVE else None)
    desk.say(110, RoomWord.HOUSEKEEPING)
    desk.tell(111, PmsKind.ROOM_STATUS, by="other", status=RoomWord.IN_SERVICE)

    assert desk.tell(112, PmsKind.CHECKOUT, ts=after(100)) == {}


def test_clocks_of_two_systems_are_not_compared() -> None:
    desk = Desk()
    desk.tell(600, PmsKind.CHECKOUT)

    assert desk.tell(610, PmsKind.CHECKIN, by="other", ts=after(500))


def test_a_clock_that_was_ahead_for_a_moment_does_not_silence_its_system() -> None:
    desk = Desk()
    desk.tell(0, PmsKind.CHECKIN, ts=after(50_000))

    assert desk.tell(10, PmsKind.CHECKOUT)


def test_only_a_check_out_that_counts_asks_for_clearance() -> None:
    record = PmsRecord(by=IntegratorName("pms"), kind=PmsKind.CHECKOUT, room_id=HERE, ts=NOON)

    assert is_checked_out(record, {HERE: NOTHING_SAID})
    assert not is_checked_out(record, {})


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        (PmsKind.MOVE, {}, "toRoomId is missing"),
        (PmsKind.MOVE, {"to_room_id": HERE}, "toRoomId is roomId"),
        (PmsKind.CHECKIN, {"to_room_id": THERE}, "toRoomId is of a move alone"),
        (PmsKind.CHECKOUT, {"status": "vacant"}, "status is of a room-status alone"),
        (PmsKind.CHECKIN, {"room_id": "Mrs Smith"}, "roomId is no id"),
        (PmsKind.CHECKIN, {"ts": after(-86_401)}, "ts is more than a day from our clock"),
        (PmsKind.CHECKIN, {"departs_at": datetime(9999, 12, 31, tzinfo=UTC)}, "departsAt is years from now"),
        (PmsKind.ROOM_STATUS, {}, "status is none of"),
        (PmsKind.ROOM_STATUS, {"status": "Mrs Smith"}, "status is none of"),
    ],
)
def test_nonsense_is_named_without_repeating_it(kind: PmsKind, fields: dict[str, object], why: str) -> None:
    said = {"id": MessageId("m"), "room_id": HERE, "ts": NOON} | fields
    message = PmsMessage(**said)  # type: ignore[arg-type]
    wrong = what_is_wrong(message, kind, at=NOON)

    assert wrong is not None
    assert str(wrong).startswith(why)
    assert "Smith" not in str(wrong)


def test_a_stay_is_sealed_differently_in_each_hotel() -> None:
    assert sealed("s-1", key=KEY) != sealed("s-1", key=b"\1" * 32)
    assert "s-1" not in repr(PmsMessage(id=MessageId("m"), room_id=HERE, ts=NOON, stay_ref="s-1"))


def test_another_hotels_name_is_no_part_of_the_record() -> None:
    message = PmsMessage(id=MessageId("m"), room_id=HERE, ts=NOON, hotel_id=HotelId("grand"))

    assert "grand" not in str(recorded(message, kind=PmsKind.CHECKIN, by=IntegratorName("pms"), key=KEY))
