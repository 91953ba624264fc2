"""Access points that no room lists: learned from two tablets that are in their rooms, and never from one."""

from broker.topics import Kind
from rules.memory import Astray
from tests.device_bridge.given import HOTEL, House, Post, heartbeat
from tests.support import eventually

NEW = "aa:bb:cc:dd:ee:77"


async def beat(house: House, number: int, *, at_home: bool = True) -> None:
    aps = [{"bssid": f"aa:bb:cc:dd:ee:{number - 100:02}", "rssi": -60}] if at_home else [{"bssid": NEW, "rssi": -60}]
    post = Post(Kind.HEARTBEAT, heartbeat(NEW, wifiSsid="Guests", aps=aps), device=f"tab-{number}")
    house.queue.offer(post)
    await eventually(lambda: post.settled)


async def test_what_two_tablets_are_on_in_their_rooms_is_the_hotels(house: House) -> None:
    await beat(house, 101)
    await beat(house, 101)
    await beat(house, 102, at_home=False)  # wherever it may be
    await house.bridge._learning.write()
    assert await house.store.learned_access_points(HOTEL) == []

    await beat(house, 103)
    await house.bridge._learning.write()
    (learned,) = await house.store.learned_access_points(HOTEL)
    assert (learned.bssid, learned.ssid, learned.rooms) == (NEW, "Guests", 2)
    tablet = house.bridge._fleet.find(HOTEL, "tab-102")
    assert tablet is not None
    await eventually(lambda: NEW in tablet.assignment.place.hotel_access_points)
    assert tablet.assignment.place.is_incomplete
    await beat(house, 102, at_home=False)
    assert tablet.state.access_point.recent[-2:] == (Astray.FOREIGN, Astray.OUT_OF_ZONE)
