"""What a hotel's systems say reaches the rules, the desk and its sender; and no guest's name reaches anything."""

from datetime import timedelta
from typing import Any

import pytest

from broker.topics import Kind, Topic
from rules.ids import DeviceId, IntegratorName, MessageId, RoomId
from rules.room_status import PmsKind, PmsRecord
from store import INNWATCH
from store.records import PmsLeft
from tests.device_bridge.given import FOREIGN, HOTEL, OWN, START, House, Post, beside, heartbeat
from tests.device_bridge.test_replayed import beat, inputs, replayed
from tests.support import eventually
from tests.support.told import lived

ROOM = RoomId("101")
OPERA = IntegratorName("opera")


def word(
    kind: str, name: str = "w-1", *, late: timedelta = timedelta(), retain: bool = False, **fields: object
) -> Post:
    post = Post(Kind.PMS_IN, {"id": name, "ts": START + late, "roomId": ROOM} | fields, retain=retain)
    post.topic = Topic(Kind.PMS_IN, HOTEL, OPERA, kind)
    return post


async def say(house: House, *posts: Post) -> None:
    for post in posts:
        house.queue.offer(post)
    await eventually(lambda: all(post.settled for post in posts))


def results(house: House) -> list[Any]:
    return house.published.on("pms/opera/result")


def clearances(house: House) -> list[Any]:
    return house.published.on(f"clearance/{ROOM}")


async def alerts(house: House) -> list[tuple[str, str]]:
    return [(alert.rule, alert.severity) for alert in (await house.store.alerts(HOTEL)).items]


async def has_alerts(house: House, *wanted: tuple[str, str]) -> bool:
    return set(await alerts(house)) == set(wanted)


async def test_a_room_in_order_is_cleared_at_its_check_out_and_everybody_knows(house: House) -> None:
    await say(house, Post(Kind.HEARTBEAT, heartbeat(battery=80, charging=True)))
    house.clock.advance(4)
    await say(house, word("checkout"))

    (told,) = await eventually(lambda: clearances(house))
    assert (told["verdict"], told["reasons"], told["seenAgoS"], told["battery"]) == ("clear", [], 4, 80)
    assert results(house) == [{"id": "w-1", "verdict": "accepted"}]
    (given,) = (await house.store.clearances(HOTEL)).items
    assert (given.clearance.verdict, given.asked_by) == ("clear", OPERA)
    assert await alerts(house) == []
    await eventually(lambda: house.published.on(f"rooms/{ROOM}/state")[-1]["status"]["occupied"] is False)
    events = [event["type"] for event in house.published.on("/events")]
    assert "pms.received" in events


async def test_a_room_whose_tablet_is_gone_is_not_clear_and_that_is_critical(house: House) -> None:
    await say(house, Post(Kind.HEARTBEAT, heartbeat()))
    house.clock.advance(60)
    await eventually(lambda: has_alerts(house, ("silence", "high")))
    await say(house, word("checkout"))

    told = (await eventually(lambda: clearances(house)))[0]
    assert (told["verdict"], told["reasons"]) == ("not-clear", [{"because": "silent", "deviceId": "tab-101"}])
    assert set(await alerts(house)) == {("silence", "high"), ("checkout.guard", "critical")}


async def test_what_the_desk_was_told_is_taken_back_when_the_tablet_walks_after_all(house: House) -> None:
    await say(house, Post(Kind.HEARTBEAT, heartbeat()), word("checkout"))
    for _ in range(4):
        house.clock.advance(5)
        await say(house, Post(Kind.HEARTBEAT, heartbeat(FOREIGN)))

    told = await eventually(lambda: clearances(house)[1:])
    assert [one["verdict"] for one in clearances(house)[:1]] == ["clear"]
    assert (told[0]["verdict"], told[0]["reasons"][0]["because"]) == ("not-clear", "elsewhere")


async def test_a_connection_that_breaks_at_the_check_out_is_a_doubt_until_the_tablet_is_back(house: House) -> None:
    await say(house, Post(Kind.HEARTBEAT, heartbeat(sid="b-1")), Post(Kind.STATE, {"state": "lost", "sid": "b-1"}))
    await say(house, word("checkout"))
    (told,) = await eventually(lambda: clearances(house))
    assert (told["verdict"], [one["because"] for one in told["reasons"]]) == ("unknown", ["connection-lost"])

    await say(house, Post(Kind.HEARTBEAT, heartbeat(sid="b-2")))

    await eventually(lambda: clearances(house)[-1]["verdict"] == "clear")
    assert await alerts(house) == []


async def test_words_are_judged_in_the_order_in_which_they_came_with_what_the_tablets_say(house: House) -> None:
    beats = [Post(Kind.HEARTBEAT, heartbeat(FOREIGN)) for _ in range(6)]
    await say(house, Post(Kind.HEARTBEAT, heartbeat()))
    posts = [word("checkin", "w-0"), word("room-status", "w-1", status="out-of-order"), *beats, word("checkout", "w-2")]
    for post in posts:
        house.clock.advance(5)
        house.queue.offer(post)
    await eventually(lambda: all(post.settled for post in posts))

    assert [one["id"] for one in results(house)] == ["w-0", "w-1", "w-2"]
    assert set(await alerts(house)) == {("breach.access-point", "critical"), ("checkout.guard", "critical")}
    assert (await eventually(lambda: clearances(house)))[0]["verdict"] == "not-clear"


async def test_a_message_counts_once_and_an_older_one_not_at_all(house: House) -> None:
    house.clock.advance(60)
    await say(house, word("checkout", late=timedelta(seconds=30)), word("checkout", late=timedelta(seconds=30)))
    await say(house, word("checkin", "w-2", late=timedelta(seconds=10)))

    assert results(house) == [
        {"id": "w-1", "verdict": "accepted"},
        {"id": "w-1", "verdict": "accepted", "duplicate": True},
        {"id": "w-2", "verdict": "accepted", "stale": True},
    ]
    assert (await house.store.room_status(HOTEL, ROOM)).occupied is False
    names = [MessageId(f"pms:opera:{name}") for name in ("w-1", "w-2", "w-3")]
    assert await house.store.known_words(HOTEL, names) == set(names[:2])


NAME = "Ms Ada Lovelace"


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("checkin", {"roomId": "999"}, "unknown-room"),
        ("move", {"toRoomId": "999"}, "unknown-room"),
        ("checkin", {"roomId": NAME}, "invalid"),
        ("checkin", {"id": NAME}, "invalid"),
        ("room-status", {"status": NAME}, "invalid"),
        ("checkin", {"ts": NAME}, "invalid"),
        ("checkin", {"stayRef": {"name": NAME}}, "invalid"),
        ("checkin", {"hotelId": "other"}, "spoofed"),
        ("checkin", {"notes": NAME * 1000}, "too-large"),
    ],
)
async def test_what_cannot_be_taken_is_answered_and_none_of_it_kept(
    house: House, kind: str, fields: dict[str, object], reason: str
) -> None:
    await say(house, word(kind, **{"guest": NAME, **fields}))  # type: ignore[arg-type]

    (answer,) = results(house)
    assert (answer["verdict"], answer["reason"]) == ("rejected", reason)
    (row,) = (await house.store.quarantine(HOTEL)).items
    assert (row.reason, row.head) == (reason, "")
    assert "Ada" not in str(answer) + str(row)
    assert (await house.store.room_status(HOTEL, ROOM)).changed_at is None


async def test_of_a_message_that_is_taken_only_what_was_named_is_kept(house: House) -> None:
    await say(house, word("checkin", guest=NAME, stayRef="booking-4711", email="ada@example.org"))

    house.execute("VACUUM")
    kept = house.path.read_bytes() + house.path.with_name(house.path.name + "-wal").read_bytes()
    assert [secret for secret in (b"Lovelace", b"booking-4711", b"ada@example") if secret in kept] == []
    assert NAME not in str(house.published.messages)


async def test_a_retained_word_is_refused(house: House) -> None:
    await say(house, word("checkout", retain=True))

    assert results(house)[0]["reason"] == "retained"
    assert clearances(house) == []


async def test_what_came_over_http_goes_the_same_way(house: House) -> None:
    record = PmsRecord(by=OPERA, kind=PmsKind.CHECKOUT, room_id=ROOM, ts=START, stay_ref="sealed")
    await house.store.leave_word(HOTEL, PmsLeft(MessageId("h-1"), record), now=START)

    await eventually(lambda: clearances(house))
    assert results(house) == [{"id": "h-1", "verdict": "accepted"}]
    assert await house.store.left(limit=1) == []


async def test_a_bridge_that_starts_knows_what_was_said_of_its_rooms(house: House) -> None:
    await say(house, word("room-status", status="out-of-order"))
    again = house.new_bridge()
    await again.start()

    assert house.published.on(f"rooms/{ROOM}/state")[-1]["status"]["service"] == "out-of-order"
    async with beside(again.run()):
        await say(house, *(Post(Kind.HEARTBEAT, heartbeat(rssi=-90)) for _ in range(2)))
        house.clock.advance(15)
        await say(house, *(Post(Kind.HEARTBEAT, heartbeat(rssi=-90)) for _ in range(2)))
    assert await alerts(house) == [("breach.signal", "info")]


async def test_the_state_of_a_room_is_retained_and_said_when_it_is_another(house: House) -> None:
    topic = f"hotels/{HOTEL}/rooms/{ROOM}/state"
    await say(house, Post(Kind.HEARTBEAT, heartbeat()))
    await eventually(lambda: house.published.on(f"rooms/{ROOM}/state")[-1]["link"] == "online")
    told = [(body, retained) for name, body, retained in house.published.messages if name == topic]

    assert all(retained for _, retained in told)
    assert [body["link"] for body, _ in told] == ["never-seen", "online"]
    assert told[-1][0]["devices"] == ["tab-101"]


async def test_a_room_that_has_lost_its_tablet_is_emptied(house: House) -> None:
    await house.store.move_device(HOTEL, DeviceId("tab-101"), room_id=RoomId("102"), by=INNWATCH, now=START)

    await eventually(lambda: house.published.on(f"rooms/{ROOM}/state")[-1] is None)
    assert house.published.on("rooms/102/state")[-1]["devices"] == ["tab-101", "tab-102"]


async def test_what_came_of_it_is_had_again_from_the_rows(house: House) -> None:
    for _ in range(2):
        await beat(house, OWN, device=DeviceId("tab-101"))
    await say(house, word("room-status", "w-1", late=timedelta(seconds=8), status="departing"))
    for _ in range(4):
        await beat(house, "aa:bb:cc:dd:ee:02", device=DeviceId("tab-101"))
    await say(house, word("checkout", "w-2", late=timedelta(seconds=24)))
    await say(house, word("room-status", "w-3", late=timedelta(seconds=24), status="out-of-order"))
    rows = await inputs(house)

    replay, changes = replayed(rows)

    assert changes == await lived(house.store, HOTEL)
    assert [(change.family, change.severity) for change in changes] == [
        ("breach", "high"), ("breach", "high"), ("checkout", "critical"), ("breach", "info"),
    ]  # fmt: skip
    tablet = await house.store.device(HOTEL, DeviceId("tab-101"))
    assert tablet is not None
    assert replay.state(tablet.device.id) == tablet.state
