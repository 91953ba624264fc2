"""Access points that are learned."""

from rules.ids import RoomId
from store import INNWATCH, Store
from store.records import LearnedAccessPoint
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later

BSSID = "aa:bb:cc:00:00:77"


async def test_what_is_learned_once_is_known_to_whoever_reads_the_hotel(store: Store) -> None:
    await add_hotel(store)
    before = (await store.load_hotel(HOTEL)).revision
    rooms = [RoomId("100"), RoomId("101")]

    made = await store.learn_access_point(HOTEL, BSSID, ssid="Guests", rooms=rooms, by=INNWATCH, now=NOW)
    again = await store.learn_access_point(HOTEL, BSSID, ssid="Else", rooms=rooms, by=INNWATCH, now=later(9))

    assert (made, again) == (True, False)
    assert await store.learned_access_points(HOTEL) == [
        LearnedAccessPoint(bssid=BSSID, ssid="Guests", rooms=2, since=NOW)
    ]
    facts = await store.load_hotel(HOTEL)
    assert facts.learned == (BSSID,)
    assert facts.revision > before
    (line,) = [one for one in (await store.audit(HOTEL)).items if one.deed == "access-point.learned"]
    assert (line.subject, line.detail["rooms"]) == (BSSID, "100 101")
    await add_hotel(store, OTHER)
    assert (await store.load_hotel(OTHER)).learned == ()
