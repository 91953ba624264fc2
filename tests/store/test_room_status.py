"""What a hotel's systems said is stored with the message that said it, and the desk's clearance with both."""

import msgspec
import pytest
from msgspec.structs import replace

from rules.clearance import InRoom, clearance
from rules.ids import DeviceId, HotelId, IntegratorName, MessageId, RoomId
from rules.policy import Policy
from rules.room_status import PmsKind, PmsRecord, RoomStatus, RoomWord
from store import Batch, InboxFull, InputKind, NotFound, Store, StoredMessage, inbox
from store.batch import PmsTaken
from store.foretelling import Foretold
from store.records import EventType, InboxKind, PmsLeft
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later, online

HERE, THERE = RoomId("100"), RoomId("101")
OPERA = IntegratorName("opera")
CHECKED_OUT = PmsRecord(by=OPERA, kind=PmsKind.CHECKOUT, room_id=HERE, ts=NOW, stay_ref="sealed")
STATUS = RoomStatus(
    occupied=False, departs_at=later(60), service=RoomWord.MAINTENANCE, housekeeping_since=NOW, stay_ref="sealed",
    checked_out_at=NOW, changed_at=NOW, changed_by=OPERA, stay_at=later(-60), stay_by=OPERA,
)  # fmt: skip


def taken(
    rooms: dict[RoomId, RoomStatus],
    *,
    record: PmsRecord = CHECKED_OUT,
    hotel: HotelId = HOTEL,
    name: str = "pms:opera:1",
) -> Batch:
    told = clearance(record.room_id, [InRoom(DeviceId("tab-0"), online(), Policy())], at=NOW)
    row = StoredMessage(
        hotel_id=hotel,
        device_key=None,
        kind=InputKind.PMS,
        message_id=MessageId(name),
        received_at=NOW,
        ts=record.ts,
        body=msgspec.json.encode(record),
    )
    one = PmsTaken(hotel_id=hotel, record=record, rooms=rooms, clearance=told, at=NOW)
    return Batch(received_at=NOW, messages=[row], pms=[one])


async def test_what_is_known_of_a_room_is_read_as_it_was_written(store: Store) -> None:
    await add_hotel(store)
    await store.apply(taken({HERE: STATUS}))
    await store.apply(taken({HERE: replace(STATUS, service=None, occupied=True)}, name="pms:opera:2"))

    facts = await store.load_hotel(HOTEL)
    assert facts.statuses == {HERE: replace(STATUS, service=None, occupied=True)}
    said = await store.room_status(HOTEL, HERE)
    assert (said.occupied, said.changed_by, said.checked_out_at) == (True, OPERA, NOW)
    assert (await store.room_status(HOTEL, THERE)).changed_at is None
    with pytest.raises(NotFound):
        await store.room_status(HOTEL, RoomId("999"))


async def test_a_word_that_is_left_is_held_against_what_is_stored_and_what_waits(store: Store) -> None:
    await add_hotel(store)
    await store.apply(taken({HERE: STATUS}))
    earlier = replace(CHECKED_OUT, ts=later(-61))

    async def leave(id_: str, record: PmsRecord = CHECKED_OUT) -> Foretold:
        return await store.leave_word(HOTEL, PmsLeft(MessageId(id_), record), now=later(1))

    assert await leave("1") is Foretold.DUPLICATE
    assert await leave("2", earlier) is Foretold.STALE
    assert await leave("3") is Foretold.NEWS
    assert await leave("3") is Foretold.DUPLICATE
    assert await leave("4", replace(CHECKED_OUT, ts=later(-30))) is Foretold.STALE  # than what waits
    assert await leave("2", replace(earlier, by=IntegratorName("desk"))) is Foretold.NEWS
    assert len(await store.left(limit=9)) == 4


async def test_it_is_an_event_that_tells_nobody_what_was_said(store: Store) -> None:
    await add_hotel(store)
    (recorded,) = await store.apply(taken({HERE: STATUS}))

    assert (recorded.event.type, recorded.event.subject) == (EventType.PMS_RECEIVED, HERE)
    assert msgspec.json.decode(recorded.event.data) == {"roomId": HERE, "by": OPERA}
    given = await store.clearance_told(HOTEL, HERE, at=recorded.event.at)
    assert given is not None
    assert (given.room_id, given.at) == (HERE, NOW)
    assert await store.clearance_told(HOTEL, HERE, at=later(1)) is None


async def test_what_the_desk_was_told_is_remembered(store: Store) -> None:
    await add_hotel(store)
    await store.apply(taken({HERE: STATUS}))

    (given,) = (await store.clearances(HOTEL, HERE)).items
    assert (given.asked_by, given.clearance.room_id, given.clearance.at) == (OPERA, HERE, NOW)
    assert (await store.clearances(HOTEL, THERE)).items == ()
    assert (await store.clearances(HOTEL)).items == (given,)


async def test_the_tablets_of_a_room_are_as_they_are_now(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(Batch(received_at=NOW, states={device.key: online()}))

    assert await store.tablets_of_room(HOTEL, HERE) == [InRoom(device.id, online(), Policy())]
    with pytest.raises(NotFound):
        await store.tablets_of_room(HOTEL, RoomId("999"))


async def test_a_word_is_known_in_its_own_hotel_and_nowhere_else(store: Store) -> None:
    await add_hotel(store)
    await add_hotel(store, OTHER)
    await store.apply(taken({HERE: STATUS}))
    names = [MessageId("pms:opera:1"), MessageId("pms:opera:2")]

    assert await store.known_words(HOTEL, names) == {"pms:opera:1"}
    assert await store.known_words(OTHER, names) == set()


async def test_a_hotels_key_is_made_once_and_is_its_own(store: Store, second: Store) -> None:
    await add_hotel(store)
    await add_hotel(store, OTHER)
    key = await store.stay_key(HOTEL)

    assert len(key) == 32
    assert await second.stay_key(HOTEL) == key
    assert await store.stay_key(OTHER) != key
    with pytest.raises(NotFound):
        await store.stay_key(HotelId("nowhere"))


async def test_what_came_over_http_waits_without_a_device(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await add_hotel(store)
    word = PmsLeft(MessageId("1"), CHECKED_OUT)
    await store.leave_word(HOTEL, word, now=NOW)

    (row,) = await store.left(limit=10)
    assert (row.hotel_id, row.device_id, row.kind) == (HOTEL, None, InboxKind.PMS)
    assert msgspec.json.decode(row.payload, type=PmsLeft) == word
    await store.apply(Batch(received_at=NOW, drained=[row.key]))
    assert await store.left(limit=10) == []

    monkeypatch.setattr(inbox, "OF_HOTEL", 0)
    with pytest.raises(InboxFull):
        await store.leave_word(HOTEL, word, now=NOW)
