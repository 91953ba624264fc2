"""Access points that are learned."""

from rules.ids import RoomId
from store import INNWATCH, Store
from store.records import LearnedAccessPoint, Ours
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later
from tests.support import person

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


async def test_a_person_says_whether_one_is_the_hotels_and_may_say_otherwise_later(store: Store) -> None:
    await add_hotel(store)
    await store.learn_access_point(HOTEL, BSSID, ssid=None, rooms=[RoomId("100")], by=INNWATCH, now=NOW)

    confirmed = await store.confirm_access_point(HOTEL, BSSID, by=person("ann"), now=later(1))
    known = await store.load_hotel(HOTEL)
    again = await store.confirm_access_point(HOTEL, BSSID, by=person("eve"), now=later(2))
    assert (confirmed.state, confirmed.decided_by, confirmed.decided_at) == (Ours.CONFIRMED, "ann", later(1))
    assert again == confirmed
    assert (known.learned, known.confirmed) == ((BSSID,), (BSSID,))

    forgotten = await store.forget_access_point(HOTEL, BSSID, by=person("eve"), now=later(3))
    facts = await store.load_hotel(HOTEL)
    assert await store.learned_access_points(HOTEL) == [forgotten]
    assert (facts.learned, facts.confirmed) == ((), ())
    assert facts.revision == known.revision + 1
    deeds = [(one.deed, one.by) for one in (await store.audit(HOTEL, subject=BSSID)).items]
    assert deeds[:2] == [("access-point.forgotten", "eve"), ("access-point.confirmed", "ann")]


async def test_what_is_not_the_hotels_is_not_learned_again(store: Store) -> None:
    await add_hotel(store)
    await store.learn_access_point(HOTEL, BSSID, ssid=None, rooms=[RoomId("100")], by=INNWATCH, now=NOW)
    await store.forget_access_point(HOTEL, BSSID, by=INNWATCH, now=NOW)
    before = await store.load_hotel(HOTEL)

    assert not await store.learn_access_point(HOTEL, BSSID, ssid="x", rooms=[RoomId("100")], by=INNWATCH, now=later(9))
    assert await store.load_hotel(HOTEL) == before
