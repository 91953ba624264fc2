"""What people decide is felt by alerts that are open though no tablet says anything, and again from the rows."""

from datetime import timedelta

from broker.topics import Kind
from device_bridge.fleet import Fleet
from rules.alerts import AlertSnapshot, AlertStatus, Because, Severity
from rules.ids import RoomId, WindowId
from rules.inputs import ReviewRecord
from store import INNWATCH
from store.records import NewWindow, RoomChanges
from tests.device_bridge.given import HOTEL, TABLET, House, Post, heartbeat
from tests.device_bridge.test_intake import send
from tests.device_bridge.test_replayed import OWN, SECOND, inputs, replayed
from tests.support import eventually
from tests.support.told import lived

ROOM = RoomId("101")


async def open_one(house: House) -> AlertSnapshot | None:
    items = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    return items[0] if items else None


async def has_severity(house: House, severity: Severity) -> bool:
    alert = await open_one(house)
    return alert is not None and alert.severity is severity


async def test_an_alert_that_was_being_opened_meanwhile_follows_too(house: House) -> None:
    """Judged by what held before, and stored after what holds now was read."""
    fleet = Fleet(house.store)
    await fleet.load()
    fleet.tidings.decided(house.clock.at)
    tablet = fleet.find(HOTEL, TABLET)
    assert tablet is not None
    was = tablet.assignment.policy
    for _ in range(4):
        house.clock.advance(4)
        beat = heartbeat(OWN[TABLET], rssi=-84, ts=house.clock.at, sid="boot-1")
        await send(house, Post(Kind.HEARTBEAT, beat, device=TABLET))
    stored = Fleet(house.store)
    await stored.load()
    judged = stored.find(HOTEL, TABLET)
    assert judged is not None

    await house.store.change_room(HOTEL, ROOM, RoomChanges(rssi_floor=-85), by=INNWATCH, now=house.clock.at)
    await fleet.refresh()
    tablet.state = judged.state

    (decided,) = fleet.tidings.decided(house.clock.at)
    assert (decided.device_id, decided.record.was, decided.record.moved) == (TABLET, was, True)
    assert fleet.tidings.decided(house.clock.at) == []


async def test_an_open_alert_follows_its_room_its_policy_and_its_windows_in_silence(house: House) -> None:
    for _ in range(4):
        house.clock.advance(4)
        beat = heartbeat(OWN[TABLET], rssi=-84, ts=house.clock.at, sid="boot-1")
        await send(house, Post(Kind.HEARTBEAT, beat, device=TABLET))
    assert await has_severity(house, Severity.HIGH)

    async def change(floor: float | None) -> None:
        await house.store.change_room(HOTEL, ROOM, RoomChanges(rssi_floor=floor), by=INNWATCH, now=house.clock.at)

    await change(None)
    await eventually(lambda: has_severity(house, Severity.INFO))  # -80 dBm is a hint, where nobody has calibrated
    await change(-75)
    await eventually(lambda: has_severity(house, Severity.HIGH))
    window = NewWindow(room_id=ROOM, ends_at=house.clock.at + timedelta(hours=1))
    await house.store.add_window(HOTEL, WindowId("w1"), window, by=INNWATCH, now=house.clock.at)
    await eventually(lambda: has_severity(house, Severity.INFO))
    alert = await open_one(house)
    assert alert is not None
    assert alert.suppressed_by == Because.MAINTENANCE
    await house.store.end_window(HOTEL, WindowId("w1"), by=INNWATCH, now=house.clock.at)
    await eventually(lambda: has_severity(house, Severity.HIGH))

    again, revision = Fleet(house.store), (await house.store.revisions())[HOTEL]
    await again.load()
    assert [one.record for one in again.tidings.decided(house.clock.at)] == [ReviewRecord(revision, None, moved=False)]

    async def is_over() -> bool:
        return await open_one(house) is None

    await change(-85)
    await eventually(is_over)

    house.clock.advance(1)
    await send(house, Post(Kind.HEARTBEAT, heartbeat(OWN[SECOND], ts=house.clock.at, sid="boot-1"), device=SECOND))
    _, changes = replayed(await inputs(house))
    told = await lived(house.store, HOTEL)
    assert changes == told
    assert [one.kind for one in told] == ["opened", "changed", "changed", "suppressed", "changed", "cleared"]
    assert told[-1].why[-1] == Because.HELD_OTHERWISE
