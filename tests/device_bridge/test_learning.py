"""Access points that no room lists: learned from two tablets that are in their rooms, and never from one."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import msgspec

from broker.topics import Kind
from device_bridge.learning import AT_MOST, Learning
from device_bridge.tablet import Tablet
from rules.ids import DeviceId, HotelId, MessageId, RoomId
from rules.memory import Astray
from rules.messages import Heartbeat
from rules.policy import Assignment, Place, Policy
from store import INNWATCH, Store
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

    await house.store.confirm_access_point(HOTEL, NEW, by=INNWATCH, now=datetime(2026, 11, 22, tzinfo=UTC))
    await eventually(lambda: not tablet.assignment.place.is_incomplete)
    assert NEW in tablet.assignment.place.hotel_access_points
    await house.store.forget_access_point(HOTEL, NEW, by=INNWATCH, now=datetime(2026, 11, 22, tzinfo=UTC))
    await eventually(lambda: NEW not in tablet.assignment.place.hotel_access_points)
    assert not tablet.assignment.place.is_incomplete


class Taught:
    """A store that remembers what it was taught."""

    def __init__(self) -> None:
        self.learned: list[tuple[HotelId, str]] = []

    async def learn_access_point(self, hotel_id: HotelId, bssid: str, **_: object) -> None:
        self.learned.append((hotel_id, bssid))


def strange(hotel: str, room: str, bssid: str) -> tuple[Tablet, Heartbeat]:
    own = f"aa:00:00:00:00:{room[-2:]}"
    place = Place(room_id=RoomId(room), access_points=frozenset({own}))
    assignment = Assignment(hotel_id=HotelId(hotel), device_id=DeviceId("tab"), place=place, policy=Policy())
    tablet = SimpleNamespace(hotel_id=HotelId(hotel), room_id=RoomId(room), assignment=assignment)
    body = {"id": MessageId("m"), "ts": datetime(2026, 11, 22, tzinfo=UTC), "wifiBssid": bssid}
    return cast("Tablet", tablet), msgspec.convert(body | {"aps": [{"bssid": own, "rssi": -60}]}, Heartbeat)


async def test_one_that_makes_up_names_keeps_no_hotel_from_learning() -> None:
    taught = Taught()
    learning = Learning(store=cast("Store", taught), now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    learning.take([strange("grand", "101", NEW), strange("other", "101", NEW)])
    for number in range(2 * AT_MOST):
        learning.take([strange("grand", "102", f"0a:00:00:00:{number // 256:02x}:{number % 256:02x}")])
        learning.take([strange("grand", "101", NEW)])

    learning.take([strange("grand", "103", NEW), strange("other", "103", NEW)])
    await learning.write()

    assert taught.learned == [("grand", NEW), ("other", NEW)]
    assert len(learning._heard[HotelId("grand")]) == AT_MOST - 1
