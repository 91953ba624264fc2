"""Tablets that are retired, replaced or moved while the bridge watches."""

from typing import Any

from broker.topics import Kind
from rules.alerts import AlertStatus
from rules.ids import DeviceId, RoomId
from rules.state import LinkState
from store import INNWATCH
from tests.device_bridge.given import FOREIGN, HOTEL, OWN, TABLET, House, Post, beside, heartbeat
from tests.device_bridge.test_intake import send
from tests.support import eventually

NEW = DeviceId("tab-new")


async def beat(house: House, bssid: str | None = None, device: DeviceId = TABLET) -> None:
    await send(house, Post(Kind.HEARTBEAT, heartbeat(bssid or OWN, ts=house.clock.at), device=device))


def retained(house: House, device: DeviceId, what: str) -> Any:  # noqa: ANN401, whatever was published
    """The last that was retained of a tablet; False where nothing ever was."""
    topic = f"hotels/{HOTEL}/devices/{device}/{what}"
    return next((body for name, body, kept in reversed(house.published.messages) if name == topic and kept), False)


def is_forgotten(house: House, device: DeviceId) -> bool:
    return retained(house, device, "config") is None and retained(house, device, "status") is None


async def open_alerts(house: House) -> int:
    return len((await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items)


async def test_nothing_is_left_of_a_retired_tablet_and_what_it_sends_revives_nothing(house: House) -> None:
    await beat(house)
    assert retained(house, TABLET, "status")["link"] == "online"

    await house.store.retire_device(HOTEL, TABLET, by=INNWATCH, now=house.clock.at)
    await eventually(lambda: is_forgotten(house, TABLET))
    await beat(house)
    house.clock.advance(3600)
    await beat(house, device=DeviceId("tab-102"))

    assert is_forgotten(house, TABLET)
    assert await house.store.device(HOTEL, TABLET) is None
    assert await open_alerts(house) == 0
    assert [orphan.device_id for orphan in await house.store.orphans(HOTEL)] == [TABLET]
    assert [row.reason for row in (await house.store.quarantine(HOTEL)).items] == ["unknown-device"]


async def test_an_alert_ends_with_its_tablet_on_mqtt_too(house: House) -> None:
    for _ in range(5):
        house.clock.advance(4)
        await beat(house, FOREIGN)
    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    topic = f"/alerts/{alert.id}"

    await house.store.retire_device(HOTEL, TABLET, by=INNWATCH, now=house.clock.at)

    await eventually(lambda: house.published.on(topic)[-1] is None)
    assert house.published.on(topic)[-2]["status"] == "resolved"
    assert await open_alerts(house) == 0


async def test_new_hardware_goes_on_where_the_old_one_was(house: House) -> None:
    await beat(house)
    house.clock.advance(1)

    await house.store.replace_device(HOTEL, TABLET, new_id=NEW, by=INNWATCH, now=house.clock.at)
    await eventually(lambda: is_forgotten(house, TABLET))
    await eventually(lambda: retained(house, NEW, "config"))
    house.clock.advance(3600)
    await beat(house, device=DeviceId("tab-102"))
    assert await open_alerts(house) == 0
    await beat(house, device=NEW)

    row = await house.store.device(HOTEL, NEW)
    assert row is not None
    assert (row.state.link, row.device.room_id) == (LinkState.ONLINE, "101")


async def test_a_tablet_that_moves_is_told_so_and_is_judged_by_its_new_room(house: House) -> None:
    await beat(house)

    await house.store.move_device(HOTEL, TABLET, room_id=RoomId("102"), by=INNWATCH, now=house.clock.at)

    await eventually(lambda: retained(house, TABLET, "config")["roomId"] == "102")
    assert retained(house, TABLET, "config")["accessPoints"] == ["aa:bb:cc:dd:ee:02"]
    assert retained(house, TABLET, "status")["roomId"] == "102"


async def test_what_was_judged_while_the_bridge_was_away_is_put_in_order_at_its_start(house: House) -> None:
    for _ in range(5):
        house.clock.advance(4)
        await beat(house, FOREIGN)
    house.execute("UPDATE device SET retired_at = 1 WHERE id = 'tab-101'")
    restarted = House(house.path)
    await restarted.open()

    async with beside(restarted.bridge.run()):
        await eventually(lambda: is_over(restarted))
    await restarted.store.close()


async def is_over(house: House) -> bool:
    return await open_alerts(house) == 0
