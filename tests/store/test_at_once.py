"""A batch in one statement writes what the same batch writes as a transaction, or nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from rules.alerts import Family
from rules.ids import AlertId, DeviceId
from rules.state import LinkState, Posture, Power, StatusSnapshot
from store import Batch, DataRefused, Duplicate, LeaseLost, Store, at_once, schema
from store.batch import Orphan, StatusChange
from store.postgres import dsn_of
from store.records import Device
from tests.store.given import (
    HOTEL,
    MAIL,
    NOW,
    ON_POSTGRESQL,
    OTHER,
    SLACK,
    add_hotel,
    batch,
    cleared,
    heartbeat,
    later,
    online,
    open_at,
    opened,
)
from tests.support import PostgreSQL, eventually, person

pytestmark = ON_POSTGRESQL


@pytest.fixture
def other_url(postgresql: PostgreSQL) -> Iterator[str]:
    made = postgresql.database(postgresql.template("store", schema.move_to))
    yield made
    postgresql.drop(made)


def status(device: Device) -> StatusChange:
    snapshot = StatusSnapshot(
        device_id=device.id,
        room_id=device.room_id,
        link=LinkState.ONLINE,
        posture=Posture.FOREIGN,
        power=Power.OK,
        since=NOW,
        last_heard=NOW,
        battery=80.0,
        charging=False,
        rssi=-60.0,
    )
    return StatusChange(device.hotel_id, snapshot)


def told(devices: Sequence[Device], **also: Any) -> Batch:  # noqa: ANN401 - whatever a batch has
    """Two alerts that open, one of them with three reports behind it, and how two tablets stand."""
    first, second = devices
    return Batch(
        received_at=later(1),
        messages=[heartbeat(first, "m-1"), heartbeat(second, "m-2"), heartbeat(second, "m-3")],
        changes=[opened(second, "B1", count=3), opened(first, "A1")],
        states={device.key: online() for device in devices},
        statuses=[status(device) for device in devices],
        **also,
    )


async def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows that a batch may leave, without those of `orphan`."""
    connection = await asyncpg.connect(dsn_of(url))
    found = {
        table: [tuple(row) for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY {order}")]  # noqa: S608
        for table, order in (
            ("message", "message_id"),
            ("device_state", "device_key"),
            ("alert", "id"),
            ("event", "hotel_key, id"),
            ("notification", "id"),
            ("hotel", "key"),
        )
    }
    await connection.close()
    return found


async def written_by(url: str, *, in_one: bool) -> dict[str, list[tuple[object, ...]]]:
    store = await open_at(url)
    devices = await add_hotel(store, channels=(MAIL, SLACK))
    sent = told(devices) if in_one else told(devices, orphans=[Orphan(HOTEL, DeviceId("tab-9"), NOW)])
    assert at_once.fits(sent) == in_one

    recorded = await store.apply(sent)

    assert [one.event for one in recorded] == (await store.events_after(HOTEL, 2, limit=100))
    assert store.newest_events_here() == {HOTEL: recorded[-1].event.id}
    found = await everything(url)
    await store.close()
    return found


async def test_it_writes_what_the_transaction_writes(url: str, other_url: str) -> None:
    assert await written_by(url, in_one=True) == await written_by(other_url, in_one=False)


@pytest.mark.parametrize(
    ("sent", "fits"),
    [
        ("opened", True),
        ("cleared", False),
        ("two hotels", False),
        ("no message", False),
        ("the same message on two days", True),
    ],
)
async def test_what_does_not_fit_goes_another_way(store: Store, sent: str, fits: bool) -> None:
    (device, _), (foreign, _) = await add_hotel(store), await add_hotel(store, OTHER)
    await store.apply(batch(heartbeat(device, "m-0"), changes=[opened(device, "A0")]))
    changes = {
        "opened": [opened(foreign)],
        "cleared": [cleared(device, "A0")],
        "two hotels": [cleared(device, "A0"), opened(foreign)],
        "no message": [opened(foreign)],
    }.get(sent, [])
    messages = [] if sent == "no message" else [heartbeat(device, "m-1"), heartbeat(device, "m-2", at=later(86_400))]
    whole = batch(*messages, changes=changes)
    assert at_once.fits(whole) == fits

    await store.apply(whole)

    assert await store.count_messages(HOTEL) == 1 + len(messages)
    assert len(await store.open_alerts(OTHER)) == sum(change.hotel_id == OTHER for change in changes)


async def test_nothing_is_written_with_a_message_of_another_day(store: Store, url: str) -> None:
    devices = await add_hotel(store, channels=(MAIL,))
    await store.apply(batch(heartbeat(devices[0], "m-1", at=later(-86_400))))
    before = await everything(url)

    with pytest.raises(Duplicate):
        await store.apply(told(devices))

    assert await everything(url) == before


async def test_nothing_is_written_with_a_second_open_alert_of_a_family(store: Store, url: str) -> None:
    devices = await add_hotel(store, channels=(MAIL,))
    await store.apply(batch(heartbeat(devices[0], "m-0"), changes=[opened(devices[0], "A0")]))
    before = await everything(url)

    with pytest.raises(DataRefused):
        await store.apply(told(devices))

    assert await everything(url) == before


async def test_nothing_is_written_once_the_lease_is_lost(store: Store, second: Store, url: str) -> None:
    devices = await add_hotel(store, channels=(MAIL,))
    await store.apply(batch(*(heartbeat(device, "m-0") for device in devices)))
    lease = await store.take_lease("bridge", holder="a", ttl=timedelta())
    assert lease is not None
    store.fence(lease)
    await store.apply(batch(heartbeat(devices[0], "m"), changes=[opened(devices[0], "A0", family=Family.BATTERY)]))
    assert await second.take_lease("bridge", holder="b", ttl=timedelta(minutes=1)) is not None
    before = await everything(url)

    with pytest.raises(LeaseLost):
        await store.apply(told(devices))

    assert await everything(url) == before


async def test_ids_stay_gapless_while_others_acknowledge(store: Store, second: Store) -> None:
    """Whoever opens waits for the hotel's row, which somebody who acknowledges has changed meanwhile."""
    number = 40
    devices = await add_hotel(store, tablets=number)

    async def acknowledge(at: int) -> None:
        alert_id = AlertId(f"A{at}")
        await eventually(lambda: second.alert(HOTEL, alert_id))
        await second.acknowledge(HOTEL, alert_id, by=person("anna"), note=None, now=NOW)

    async with asyncio.TaskGroup() as group:
        for at in range(number):
            group.create_task(acknowledge(at))
        for at, device in enumerate(devices):
            await store.apply(batch(heartbeat(device, "m-1"), changes=[opened(device, f"A{at}")]))

    events = await store.events_after(HOTEL, 0, limit=1000)
    assert [event.id for event in events] == list(range(1, 3 * number + 1))
    assert all(alert.acknowledged for alert in await store.open_alerts(HOTEL))


async def test_who_opens_waits_for_the_row_of_the_hotel_and_counts_on_from_it(store: Store, url: str) -> None:
    device, _ = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m-0")))
    by_side = await asyncpg.connect(dsn_of(url))
    async with by_side.transaction():
        await by_side.execute("UPDATE hotel SET last_event_id = last_event_id + 5")
        opening = asyncio.ensure_future(store.apply(batch(heartbeat(device, "m-1"), changes=[opened(device)])))
        await eventually(
            lambda: by_side.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"),
        )
    await by_side.close()

    assert [one.event.id for one in await opening] == [8]
