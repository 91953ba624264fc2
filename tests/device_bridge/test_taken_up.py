"""What people decide is taken up while the bridge runs: policies and maintenance windows."""

from datetime import timedelta

from rules.alerts import AlertStatus
from rules.ids import DeviceId, RoomId, WindowId
from rules.policy import PolicyChanges
from store import INNWATCH
from store.records import NewWindow
from tests.device_bridge.given import HOTEL, House
from tests.device_bridge.test_silence_and_publishing import beat, open_alerts
from tests.support import eventually


async def test_a_policy_is_in_effect_without_a_restart_and_the_tablet_is_told(house: House) -> None:
    await beat(house)
    tablet = house.bridge._fleet.find(HOTEL, "tab-101")
    assert tablet is not None
    before = tablet.state

    await house.store.put_policy(
        HOTEL, PolicyChanges(battery_low=35), device_id=DeviceId("tab-101"), by=INNWATCH, now=house.clock.at
    )
    await eventually(lambda: [told["batteryLow"] for told in house.published.on("tab-101/config")][-1:] == [35.0])

    assert tablet.state is before
    assert tablet.assignment.policy.battery_low == 35


async def test_in_a_window_silence_waits_for_its_end_and_a_few_seconds_more(house: House) -> None:
    await beat(house)
    await beat(house, "aa:bb:cc:dd:ee:02", device="tab-102")
    window = NewWindow(room_id=RoomId("101"), ends_at=house.clock.at + timedelta(hours=1))
    await house.store.add_window(HOTEL, WindowId("w1"), window, by=INNWATCH, now=house.clock.at)
    await eventually(lambda: any(tablet.assignment.windows for tablet in house.bridge._fleet))

    house.clock.advance(600)
    await eventually(lambda: open_alerts(house))
    assert await open_alerts(house) == ["tab-102 silence"]

    ended = await house.store.end_window(HOTEL, WindowId("w1"), by=INNWATCH, now=house.clock.at)
    house.clock.advance(18)
    await eventually(lambda: _both(house))
    alerts = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert ended.ended_at is not None
    (waited,) = [alert for alert in alerts if alert.device_id == "tab-101"]
    assert waited.opened_at == ended.ended_at + timedelta(seconds=18)


async def _both(house: House) -> bool:
    return len(await open_alerts(house)) == 2
