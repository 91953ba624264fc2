"""What came over HTTP is stored once, in order, like everything else; and its row is gone with it."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from broker.topics import Kind
from device_bridge.queue import InputQueue
from rules.alerts import AlertStatus
from rules.ids import DeviceId
from store.records import InboxKind, MemberRole
from tests.device_bridge.given import FOREIGN, HOTEL, TABLET, House, Post, beside, heartbeat, report
from tests.support import eventually, person


async def leave(
    house: House, body: dict[str, object] | bytes, kind: InboxKind = InboxKind.HEARTBEAT, *, device: str = TABLET
) -> None:
    payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
    await house.store.leave(HOTEL, DeviceId(device), kind, payload, now=house.clock.at)


async def is_drained(house: House) -> bool:
    return await house.store.left(limit=1) == []


async def test_what_was_left_is_stored_in_its_order_and_its_rows_are_gone(house: House) -> None:
    for number in range(5):
        await leave(house, heartbeat(id=f"m-{number}"), device=f"tab-10{number % 3 + 1}")

    await eventually(lambda: is_drained(house))

    assert await house.stored() == [f"m-{number}" for number in range(5)]


async def test_the_doorbell_brings_it_before_the_next_look(house: House) -> None:
    await leave(house, heartbeat(id="m-first"))
    await eventually(lambda: is_drained(house))

    await leave(house, heartbeat(id="m-second"))
    await eventually(lambda: is_drained(house), within=0.7)

    assert await house.stored() == ["m-first", "m-second"]


async def test_it_is_judged_by_the_rules_like_what_came_over_mqtt(house: House) -> None:
    for _ in range(4):
        await leave(house, heartbeat(FOREIGN))
        await eventually(lambda: is_drained(house))
        house.clock.advance(5)

    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert (alert.rule, alert.device_id) == ("breach.access-point", TABLET)


async def test_a_report_opens_its_alert(house: House) -> None:
    await leave(house, report(cause="foreign-ap"), InboxKind.ALERT)

    await eventually(lambda: is_drained(house))

    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert alert.rule == "breach.reported"


async def test_what_a_person_resolved_is_an_input_of_the_rules(house: House) -> None:
    await leave(house, report(id="m-1", cause="foreign-ap"), InboxKind.ALERT)
    await eventually(lambda: is_drained(house))
    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    now = house.clock.at

    await house.store.resolve_alert(HOTEL, alert.id, by=person("ann"), role=MemberRole.MANAGER, note=None, now=now)
    await eventually(lambda: is_drained(house))

    with closing(sqlite3.connect(house.path)) as connection, connection:
        deeds = connection.execute("SELECT message_id, received_at FROM message WHERE kind = 'deed'").fetchall()
    at = int(now.timestamp() * 1e6)
    assert deeds == [(f"deed:resolved:{alert.id}:{at}", at)]
    assert (await house.store.open_alerts(HOTEL)) == []


async def test_the_same_message_by_both_ways_is_stored_once(house: House) -> None:
    post = Post(Kind.HEARTBEAT, heartbeat(id="m-twin"))
    house.queue.offer(post)
    await eventually(lambda: post.settled)

    await leave(house, heartbeat(id="m-twin"))
    await leave(house, heartbeat(id="m-twin"))
    await eventually(lambda: is_drained(house))

    assert await house.stored() == ["m-twin"]


async def test_what_is_refused_is_quarantined_and_its_row_is_gone_too(house: House) -> None:
    await leave(house, b"\xff\x00")
    await leave(house, heartbeat(rssi=12))
    await leave(house, heartbeat(deviceId="tab-102"))
    await leave(house, heartbeat(id="m-good"))

    await eventually(lambda: is_drained(house))

    reasons = [row.reason for row in (await house.store.quarantine(HOTEL)).items]
    assert reasons == ["spoofed", "invalid", "malformed"]
    assert await house.stored() == ["m-good"]


async def test_what_the_database_refuses_is_set_aside_and_nobody_waits_for_it(house: House) -> None:
    house.execute(
        "create trigger poison before insert on message when new.message_id = 'm-poison' "
        "begin select raise(abort, 'no'); end"
    )
    for name in ("m-1", "m-poison", "m-2"):
        await leave(house, heartbeat(id=name))

    await eventually(lambda: is_drained(house))

    assert await house.stored() == ["m-1", "m-2"]
    assert [row.reason for row in (await house.store.quarantine(HOTEL)).items] == ["store-refused"]


async def test_a_bridge_that_ends_before_the_commit_leaves_the_row_to_the_next_one(tmp_path: Path) -> None:
    house = House(tmp_path / "innwatch.db")
    await house.open()
    await leave(house, heartbeat(id="m-1"))
    lock = sqlite3.connect(house.path, isolation_level=None)
    lock.execute("begin immediate")
    async with beside(house.bridge.run()):
        await eventually(lambda: "the database does not answer" in house.bridge.problems())
    lock.execute("rollback")
    lock.close()
    assert await house.stored() == []

    house.bridge = house.new_bridge()
    await house.bridge.start()
    async with beside(house.bridge.run()):
        await eventually(lambda: is_drained(house))

    assert await house.stored() == ["m-1"]
    await house.store.close()


async def test_a_row_that_cannot_even_be_quarantined_goes_all_the_same(house: House) -> None:
    house.execute("create trigger never before insert on quarantine begin select raise(abort, 'no'); end")
    await leave(house, b"rubbish")
    await leave(house, heartbeat(id="m-good"))

    await eventually(lambda: is_drained(house))

    assert await house.stored() == ["m-good"]


async def test_more_than_the_queue_holds_waits_in_the_database(tmp_path: Path) -> None:
    house = House(tmp_path / "innwatch.db")
    house.queue = InputQueue(now=house.clock.now, limit=10)
    await house.open()
    for number in range(60):
        await leave(house, heartbeat(id=f"m-{number}"))
    longest = 0

    async def watch() -> None:
        nonlocal longest
        while True:
            longest = max(longest, len(house.queue))
            await asyncio.sleep(0)

    async with beside(house.bridge.run()), beside(watch()):
        await eventually(lambda: is_drained(house))

    assert await house.stored() == [f"m-{number}" for number in range(60)]
    assert 0 < longest <= 15  # a few inputs of the bridge's own come past the bound
    await house.store.close()
