"""A batch goes in whole or not at all, and a message only once."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from rules.ids import DeviceId, HotelId, MessageId
from rules.state import DeviceState
from store import Batch, DataRefused, Duplicate, InputKind, Store, StoredMessage
from store.audit import Deed
from store.batch import Orphan, Quarantined, TokenGiven
from store.records import DeviceKey
from tests.store.given import HOTEL, NOW, ON_SQLITE, add_hotel, batch, heartbeat, later, online, opened


async def stored_ids(store: Store, hotel_id: HotelId = HOTEL) -> list[str]:
    return [row.id async for row in store.messages(hotel_id)]


async def test_messages_are_listed_in_the_order_in_which_they_were_stored(store: Store) -> None:
    first, second = await add_hotel(store)

    await store.apply(batch(heartbeat(first, "z"), heartbeat(second, "a")))
    await store.apply(batch(heartbeat(first, "m", at=later(4))))

    rows = [row async for row in store.messages(HOTEL)]
    assert [(row.device_id, row.id, row.received_at) for row in rows] == [
        ("tab-0", "z", NOW),
        ("tab-1", "a", NOW),
        ("tab-0", "m", later(4)),
    ]
    assert rows[0].ts == NOW - timedelta(milliseconds=150)
    assert await store.count_messages(HOTEL) == 3
    assert await store.count_messages(HOTEL, DeviceId("tab-1")) == 1


@pytest.mark.parametrize("count", [1, 15, 16, 17, 250])
async def test_a_batch_of_any_size_is_stored_whole(store: Store, count: int) -> None:
    (device, _) = await add_hotel(store)

    await store.apply(batch(*(heartbeat(device, f"m-{number}") for number in range(count))))

    assert await stored_ids(store) == [f"m-{number}" for number in range(count)]


async def test_the_store_knows_what_it_has_of_which_device(store: Store) -> None:
    first, second = await add_hotel(store)
    await store.apply(batch(heartbeat(first, "m-1"), heartbeat(second, "m-2")))

    asked = [(device.key, MessageId(name)) for device in (first, second) for name in ("m-1", "m-2", "m-3")]

    assert await store.known(asked) == {(first.key, "m-1"), (second.key, "m-2")}
    assert await store.known([]) == set()


async def test_the_same_id_of_two_devices_is_two_messages(store: Store) -> None:
    first, second = await add_hotel(store)

    await store.apply(batch(heartbeat(first, "m-1"), heartbeat(second, "m-1")))

    assert await store.count_messages(HOTEL) == 2


@pytest.mark.parametrize("together", [True, False])
async def test_a_message_that_comes_twice_takes_its_batch_with_it(store: Store, together: bool) -> None:
    first, second = await add_hotel(store)
    if not together:
        await store.apply(batch(heartbeat(first, "m-1")))
    messages = [heartbeat(second, "m-2"), heartbeat(first, "m-1"), heartbeat(first, "m-1" if together else "m-3")]

    with pytest.raises(Duplicate):
        await store.apply(batch(*messages))

    assert await stored_ids(store) == ([] if together else ["m-1"])


@ON_SQLITE
async def test_a_message_that_the_database_refuses_takes_nothing_of_its_batch_in(store: Store, tmp_path: Path) -> None:
    first, second = await add_hotel(store)
    with closing(sqlite3.connect(tmp_path / "innwatch.db")) as other, other:
        other.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON message WHEN NEW.message_id = 'poison'"
            " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    whole = batch(
        heartbeat(first, "m-1"),
        heartbeat(second, "poison"),
        changes=[opened(first)],
        states={first.key: online()},
    )

    with pytest.raises(DataRefused, match="not this one"):
        await store.apply(whole)

    assert await stored_ids(store) == []
    assert await store.open_alerts(HOTEL) == []
    assert (await store.event_bounds(HOTEL)).newest == 2  # the two tablets that were added
    await store.apply(batch(heartbeat(first, "m-1")))
    assert await stored_ids(store) == ["m-1"]


@ON_SQLITE
@pytest.mark.parametrize("raising", ["FAIL", "ROLLBACK"])
async def test_a_refusal_that_ends_the_transaction_by_itself_leaves_the_store_usable(
    store: Store, tmp_path: Path, raising: str
) -> None:
    (device, _) = await add_hotel(store)
    with closing(sqlite3.connect(tmp_path / "innwatch.db")) as other, other:
        other.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON message WHEN NEW.message_id = 'poison'"
            f" BEGIN SELECT RAISE({raising}, 'not this one'); END"
        )

    with pytest.raises(DataRefused):
        await store.apply(batch(heartbeat(device, "m-1"), heartbeat(device, "poison")))
    await store.apply(batch(heartbeat(device, "m-2")))

    assert await stored_ids(store) == ["m-2"]


def unstorable(key: DeviceKey) -> dict[str, StoredMessage]:
    def message(**with_: object) -> StoredMessage:
        values = {
            "hotel_id": HOTEL,
            "device_key": key,
            "kind": InputKind.HEARTBEAT,
            "message_id": "m-1",
            "received_at": NOW,
            "body": b"{}",
        }
        return StoredMessage(**(values | with_))  # type: ignore[arg-type]

    return {
        "half a character": message(bssid="\ud800"),
        "an id with half a character": message(message_id="\ud800"),
        "a number beyond 64 bits": message(device_key=DeviceKey(2**70)),
        "no such hotel": message(hotel_id=HotelId("nowhere")),
    }


async def test_a_message_of_no_device_is_refused(store: Store) -> None:
    (device, _) = await add_hotel(store)

    with pytest.raises(DataRefused):
        await store.apply(batch(heartbeat(device, "m-0"), replace(heartbeat(device, "m-1"), device_key=DeviceKey(99))))

    assert await stored_ids(store) == []


@pytest.mark.parametrize("what", unstorable(DeviceKey(1)))
async def test_a_value_that_cannot_be_stored_is_refused_and_the_next_batch_is_not(store: Store, what: str) -> None:
    (device, _) = await add_hotel(store)

    with pytest.raises(DataRefused):
        await store.apply(batch(heartbeat(device, "m-0"), unstorable(device.key)[what]))
    await store.apply(batch(heartbeat(device, "m-2")))

    assert await stored_ids(store) == ["m-2"]


async def test_a_state_that_cannot_be_written_is_refused(store: Store) -> None:
    (device, _) = await add_hotel(store)

    with pytest.raises(DataRefused):
        await store.apply(batch(states={device.key: DeviceState(agent="\ud800")}))


async def test_the_state_of_a_device_is_read_back_as_it_was_written(store: Store) -> None:
    first, second = await add_hotel(store)

    await store.apply(batch(states={first.key: online(battery=50.0)}))
    await store.apply(batch(states={first.key: online(battery=49.0)}))

    rows = {row.device.id: row.state for row in (await store.load_hotel(HOTEL)).devices}
    assert rows == {first.id: online(battery=49.0), second.id: DeviceState()}


async def test_inputs_that_no_tablet_sent_are_stored_and_not_counted_as_messages(store: Store) -> None:
    (device, _) = await add_hotel(store)
    started = StoredMessage(
        hotel_id=HOTEL,
        device_key=None,
        kind=InputKind.WATCHING,
        message_id=MessageId("watching-1"),
        received_at=NOW,
        body=b"{}",
    )
    will = StoredMessage(
        hotel_id=HOTEL,
        device_key=device.key,
        kind=InputKind.LOST,
        message_id=MessageId("lost-7-1"),
        received_at=NOW,
        body=b'{"state":"lost","sid":"7-1"}',
    )

    await store.apply(batch(started, will))

    assert await store.count_messages(HOTEL) == 0
    assert await store.known([(device.key, MessageId("lost-7-1"))]) == {(device.key, "lost-7-1")}


async def test_a_refused_message_is_kept_with_its_first_kibibyte(store: Store) -> None:
    await add_hotel(store)
    refused = Quarantined(
        hotel_id=HOTEL,
        device_id=DeviceId("tab-0"),
        topic="hotels/seaview/devices/tab-0/heartbeat",
        reason="not-json",
        detail="at byte 0",
        head=b"\xff{" * 600,
        at=NOW,
    )

    await store.apply(Batch(received_at=NOW, quarantined=[refused]))

    (row,) = (await store.quarantine(HOTEL)).items
    assert (row.device_id, row.reason, row.at) == ("tab-0", "not-json", NOW)
    assert row.head == "\\xff{" * 512


async def test_an_orphan_is_one_line_however_often_it_speaks(store: Store) -> None:
    await add_hotel(store)

    for second in (0, 5, 9):
        await store.apply(Batch(received_at=NOW, orphans=[Orphan(HOTEL, DeviceId("stranger"), later(second))]))

    (row,) = await store.orphans(HOTEL)
    assert (row.device_id, row.first_at, row.last_at, row.count) == ("stranger", NOW, later(9), 3)


async def test_of_a_senders_rubbish_the_newest_is_kept_and_others_lose_nothing(store: Store) -> None:
    await add_hotel(store)

    def rubbish(device: str, number: int) -> Quarantined:
        return Quarantined(
            hotel_id=HOTEL,
            device_id=DeviceId(device),
            topic="t",
            reason="malformed",
            detail=f"{device} {number}",
            head=b"x",
            at=NOW,
        )

    await store.apply(Batch(received_at=NOW, quarantined=[rubbish("quiet", 0)]))
    for start in range(0, 500, 100):
        noise = [rubbish("noisy", start + one) for one in range(100)]
        await store.apply(Batch(received_at=NOW, quarantined=noise))

    kept = (await store.quarantine(HOTEL, limit=1000)).items
    assert [row.detail for row in kept] == [*[f"noisy {n}" for n in range(499, 299, -1)], "quiet 0"]


@pytest.mark.parametrize(("gen", "noted"), [(1, True), (2, False)])
async def test_a_token_is_noted_with_the_batch_unless_it_is_void_by_then(
    store: Store, gen: int, *, noted: bool
) -> None:
    (device, _) = await add_hotel(store)
    token = TokenGiven(
        hotel_id=HOTEL, device_key=device.key, device_id=device.id, gen=gen, issued_at=NOW, expires_at=later(600)
    )
    before = await store.revisions()

    await store.apply(replace(batch(heartbeat(device, "m-1")), tokens=[token]))

    found = await store.find_device(HOTEL, device.id)
    assert found is not None
    assert (found.token_issued_at, found.token_expires_at) == ((NOW, later(600)) if noted else (None, None))
    lines = (await store.audit(HOTEL, deed=Deed.TOKEN_MINTED)).items
    assert [(line.actor, line.subject) for line in lines] == [(device.id, device.id)] * noted
    assert await store.revisions() == before  # whoever gave it need not be told
