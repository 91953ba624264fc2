"""Several processes that write at once, as several stores on one PostgreSQL: each verb is as if it were alone."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta

import asyncpg
import pytest

from rules.ids import AlertId, DeviceId, HotelId, IntegratorName, RoomId, UserName
from store import INNWATCH, AlreadyAcknowledged, DataRefused, Exists, Limits, Store, StoreUnavailable
from store.claiming import AT_ONCE
from store.postgres import dsn_of
from store.records import CommandName, EventType, Hotel, MemberRole, NotificationId, Room
from tests.store.given import (
    HOTEL,
    MAIL,
    NOW,
    ON_POSTGRESQL,
    OTHER,
    add_hotel,
    batch,
    cleared,
    heartbeat,
    later,
    new_tablet,
    open_at,
    opened,
)
from tests.support import person

pytestmark = ON_POSTGRESQL

WRITERS = 8
ROUNDS = 100
LEASE = timedelta(seconds=30)


@pytest.fixture
async def stores(url: str) -> AsyncIterator[list[Store]]:
    opened_stores = [await open_at(url, limits=Limits(connections=2)) for _ in range(WRITERS)]
    await asyncio.gather(*(store.hotels() for store in opened_stores))  # connected, so that none is late
    yield opened_stores
    for store in opened_stores:
        await store.close()


async def all_at_once(verbs: Iterable[Awaitable[object]]) -> list[object]:
    """What each returned or raised."""
    return await asyncio.gather(*verbs, return_exceptions=True)


async def cut_somebody(by_side: asyncpg.Connection, chance: random.Random) -> None:
    pids = [
        row["pid"]
        for row in await by_side.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'innwatch' AND datname = current_database()"
        )
    ]
    if pids:
        await by_side.execute("SELECT pg_terminate_backend($1)", chance.choice(pids))


async def write_on(store: Store, writer: int, *, until: asyncio.Event) -> int:
    """Write events into both hotels, one to three at a time, as often as there is time for. Return how often."""
    number = 0
    while not until.is_set():
        number += 1
        tablets = [new_tablet(1000 * (writer + 1) + 10 * number + place) for place in range(1 + number % 3)]
        try:
            await store.add_devices(HOTEL if number % 2 else OTHER, tablets, by=INNWATCH, now=later(number))
        except StoreUnavailable:
            continue
        except Exists:
            pytest.fail("a number is used once")
        await asyncio.sleep(0)
    return number


async def read_on(store: Store, hotel_id: HotelId, seen: list[int], *, limit: int) -> None:
    last = seen[-1] if seen else 0
    seen += [event.id for event in await store.events_after(hotel_id, last, limit=limit)]


async def test_a_reader_gets_every_event_once_and_in_order_while_eight_write_and_lines_are_cut(
    url: str, stores: list[Store]
) -> None:
    chance = random.Random(20)
    for hotel_id in (HOTEL, OTHER):
        await add_hotel(stores[0], hotel_id, tablets=0)
    by_side = await asyncpg.connect(dsn_of(url))
    reader = await open_at(url, limits=Limits(connections=1))
    seen: dict[HotelId, list[int]] = {HOTEL: [], OTHER: []}
    enough = asyncio.Event()

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(write_on(store, number, until=enough)) for number, store in enumerate(stores)]
        rounds = 0
        while rounds < ROUNDS:  # of those that brought something
            before = sum(map(len, seen.values()))
            for hotel_id, ids in seen.items():
                with suppress(StoreUnavailable):  # it was cut itself
                    await read_on(reader, hotel_id, ids, limit=chance.randint(1, 50))
            if sum(map(len, seen.values())) > before:
                rounds += 1
                if chance.random() < 0.3:
                    await cut_somebody(by_side, chance)
        enough.set()

    for hotel_id, ids in seen.items():
        while (await reader.event_bounds(hotel_id)).newest > (ids[-1] if ids else 0):
            await read_on(reader, hotel_id, ids, limit=1000)
        stored = await by_side.fetch(
            "SELECT event.id FROM event JOIN hotel ON hotel.key = hotel_key WHERE hotel.id = $1 ORDER BY event.id",
            hotel_id,
        )
        assert ids == [row["id"] for row in stored] == list(range(1, len(ids) + 1))
    assert all(writer.result() > 3 for writer in writers)
    await reader.close()
    await by_side.close()


async def test_of_several_who_acknowledge_one_is_first(stores: list[Store]) -> None:
    device, _ = await add_hotel(stores[0])
    await stores[0].apply(batch(changes=[opened(device)]))

    outcomes = await all_at_once(
        store.acknowledge(HOTEL, AlertId("A1"), by=person(f"person-{number}"), note=None, now=NOW)
        for number, store in enumerate(stores)
    )

    refused = [outcome for outcome in outcomes if isinstance(outcome, AlreadyAcknowledged)]
    assert len(refused) == WRITERS - 1
    alert = await stores[0].alert(HOTEL, AlertId("A1"))
    assert alert is not None
    assert alert.acknowledged is not None
    assert {one.by for one in refused} == {alert.acknowledged.by}
    types = [event.type for event in await stores[0].events_after(HOTEL, 0, limit=100)]
    assert types.count(EventType.ALERT_ACKNOWLEDGED) == 1


async def test_an_alert_that_is_cleared_and_acknowledged_at_once_ends_as_one_of_the_two_orders(
    stores: list[Store],
) -> None:
    devices = await add_hotel(stores[0], tablets=WRITERS)
    await stores[0].apply(batch(changes=[opened(device, f"A{number}") for number, device in enumerate(devices)]))

    await all_at_once(
        store.acknowledge(HOTEL, AlertId(f"A{number}"), by=person("anna"), note=None, now=NOW)
        if number % 2
        else store.apply(batch(changes=[cleared(device, f"A{place}") for place, device in enumerate(devices)]))
        for number, store in enumerate(stores)
    )

    for number in range(WRITERS):
        timeline = await stores[0].timeline(HOTEL, AlertId(f"A{number}"))
        kinds = [entry.type for entry in timeline]
        assert kinds[0] is EventType.ALERT_OPENED
        assert kinds[-1] is EventType.ALERT_CLEARED
        assert kinds.count(EventType.ALERT_CLEARED) == 1


async def test_no_more_notices_are_under_way_to_a_channel_than_may_be_however_many_claim(stores: list[Store]) -> None:
    devices = await add_hotel(stores[0], tablets=WRITERS, channels=[MAIL])
    await stores[0].apply(batch(changes=[opened(device, f"A{number}") for number, device in enumerate(devices)]))
    ids = [NotificationId(row.id) for row in (await stores[0].notifications(HOTEL)).items]

    claims = await all_at_once(
        store.claim_notification(HOTEL, notice, worker=f"w-{number}", now=NOW, lease=LEASE)
        for number, (store, notice) in enumerate(zip(stores, ids, strict=True))
    )

    assert [claim for claim in claims if isinstance(claim, Exception)] == []
    assert len([claim for claim in claims if claim is not None]) == AT_ONCE


async def test_of_several_who_claim_one_notice_one_gets_it(stores: list[Store]) -> None:
    device, _ = await add_hotel(stores[0], channels=[MAIL])
    await stores[0].apply(batch(changes=[opened(device)]))
    (ref,) = await stores[0].due_notifications(NOW, limit=10)

    claims = await all_at_once(
        store.claim_notification(HOTEL, ref.id, worker=f"w-{number}", now=NOW, lease=LEASE)
        for number, store in enumerate(stores)
    )

    assert Counter(claim is not None for claim in claims) == {True: 1, False: WRITERS - 1}


async def test_what_is_added_by_several_at_once_is_there_once(stores: list[Store]) -> None:
    anna = UserName("anna")
    verbs: list[Callable[[Store], Awaitable[object]]] = [
        lambda store: store.add_hotel(Hotel(id=HOTEL, name="Seaview"), channels=[MAIL], by=INNWATCH, now=NOW),
        lambda store: store.add_room(HOTEL, Room(id=RoomId("1")), by=INNWATCH, now=NOW),
        lambda store: store.add_device(HOTEL, DeviceId("tab"), room_id=RoomId("1"), by=INNWATCH, now=NOW),
        lambda store: store.add_user(HOTEL, anna, role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=NOW),
        lambda store: store.add_integrator(HOTEL, IntegratorName("pms"), scopes=["read"], by=INNWATCH, now=NOW),
    ]
    for verb in verbs:
        outcomes = await all_at_once(verb(store) for store in stores)
        assert Counter(type(outcome) for outcome in outcomes)[Exists] == WRITERS - 1
        assert not [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, Exists)]
    assert len(await stores[0].channels(HOTEL)) == 1
    assert (await stores[0].event_bounds(HOTEL)).newest == 1


async def test_a_person_may_be_added_to_several_hotels_at_once(stores: list[Store]) -> None:
    hotels = [HotelId(f"hotel-{number}") for number in range(WRITERS)]
    for hotel_id in hotels:
        await add_hotel(stores[0], hotel_id, tablets=0)

    outcomes = await all_at_once(
        store.add_user(hotel_id, UserName("anna"), role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=NOW)
        for store, hotel_id in zip(stores, hotels, strict=True)
    )

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    account = await stores[0].find_account(UserName("anna"))
    assert account is not None
    assert {one.hotel_id for one in account.memberships} == set(hotels)


async def test_every_deed_that_voids_tokens_has_a_revision_of_its_own_and_readers_miss_none(
    stores: list[Store],
) -> None:
    devices = await add_hotel(stores[0], tablets=WRITERS)
    await stores[0].add_user(HOTEL, UserName("anna"), role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=NOW)
    seen: list[int] = []
    finished = asyncio.Event()

    async def follow() -> None:
        while not finished.is_set():
            newest, deeds = await stores[0].revoked(seen[-1] if seen else 0)
            seen.extend(deed.revision for deed in deeds)
            assert not deeds or deeds[-1].revision == newest
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        for _ in range(5):
            outcomes = await all_at_once(
                store.set_password(UserName("anna"), "hash", by=INNWATCH, now=NOW)
                if number % 4 == 0
                else store.revoke_device(HOTEL, devices[number].id, by=INNWATCH, now=NOW)
                for number, store in enumerate(stores)
            )
            assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        finished.set()

    newest, _ = await stores[0].revoked(0)
    assert newest == 5 * WRITERS
    assert seen == sorted(set(seen))


async def test_of_several_who_suspend_a_hotel_one_did(stores: list[Store]) -> None:
    await add_hotel(stores[0], tablets=0)
    assert Counter(await all_at_once(store.suspend_hotel(HOTEL, by=INNWATCH, now=NOW) for store in stores))[True] == 1
    assert Counter(await all_at_once(store.resume_hotel(HOTEL, by=INNWATCH, now=NOW) for store in stores))[True] == 1


async def test_a_command_too_many_is_refused_however_many_ask(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.commands.AT_MOST", 3)
    device, _ = await add_hotel(stores[0])

    outcomes = await all_at_once(
        store.add_command(HOTEL, device.id, CommandName.LOCATE, {}, by=person("anna"), now=NOW, expires_at=later(60))
        for store in stores
    )

    assert len([outcome for outcome in outcomes if not isinstance(outcome, Exception)]) == 3


async def test_batches_and_deeds_of_people_never_wait_for_each_other_in_a_circle(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.postgres_database.ATTEMPTS", 1)  # what is broken off is not done again
    hotels = {hotel_id: await add_hotel(stores[0], hotel_id, tablets=4, channels=[MAIL]) for hotel_id in (HOTEL, OTHER)}

    def round_of(number: int, store: Store) -> list[Awaitable[object]]:
        name = f"B{number}"
        here, there = hotels[HOTEL][number % 4], hotels[OTHER][number % 4]
        if number % 2:
            return [
                store.revoke_device(HOTEL, here.id, by=INNWATCH, now=NOW),
                store.add_room(OTHER, Room(id=RoomId(name)), by=INNWATCH, now=NOW),
                store.suspend_hotel(OTHER, by=INNWATCH, now=NOW),
                store.add_command(
                    HOTEL, here.id, CommandName.LOCATE, {}, by=person("a"), now=NOW, expires_at=later(60)
                ),
            ]
        return [
            store.apply(batch(heartbeat(here, name), changes=[opened(here, name), opened(there, name)])),
            store.apply(batch(heartbeat(there, name), changes=[cleared(there, name), cleared(here, name)])),
            store.apply(batch(heartbeat(there, f"{name}-2"), heartbeat(here, f"{name}-2"))),
        ]

    outcomes = await all_at_once(verb for number, store in enumerate(stores) for verb in round_of(number, store))

    # A second open alert of a tablet, or one that is not there yet, is refused; nothing else is.
    assert not [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, DataRefused)]
