"""What the rules need beside a tablet's own words: what the broker knows of its connection, and other tablets."""

from datetime import timedelta

import msgspec

from broker.topics import Kind
from rules.alerts import AlertSnapshot, AlertStatus, Rule
from rules.ids import DeviceId
from rules.inputs import DeadlineRecord, InputKind
from tests.device_bridge.given import HOTEL, START, House, Post, heartbeat
from tests.support import eventually, person


async def alerts(house: House) -> list[AlertSnapshot]:
    return list((await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items)


async def rules(house: House) -> list[str]:
    return [alert.rule for alert in await alerts(house)]


def say(house: House, device: str, bssid: str) -> Post:
    body = heartbeat(bssid, ts=house.clock.at)
    post = Post(Kind.HEARTBEAT, body, device=device)
    house.queue.offer(post)
    return post


async def test_a_tablet_whose_connection_lives_is_stuck_and_what_said_so_is_stored(house: House) -> None:
    post = say(house, "tab-101", "aa:bb:cc:dd:ee:01")
    await eventually(lambda: post.settled)
    house.alive_at = START + timedelta(seconds=12)
    house.clock.advance(19)
    await eventually(lambda: alerts(house))
    assert await rules(house) == [Rule.AGENT_STUCK]
    later = house.clock.at + timedelta(seconds=1)
    span = await house.store.span(HOTEL, start=START - timedelta(days=1), end=later)
    stored = await house.store.inputs_of(HOTEL, DeviceId("tab-101"), span)
    (deadline,) = (one for one in stored if one.kind is InputKind.DEADLINE)
    assert msgspec.json.decode(deadline.body, type=DeadlineRecord).alive_at == house.alive_at


async def test_two_tablets_in_each_other_s_room_are_one_alert_and_the_fix_moves_both(house: House) -> None:
    """Half an hour of heartbeats, of which the bridge hears at once."""
    posts = []
    for _ in range(125):
        house.clock.advance(15)
        posts += [say(house, "tab-101", "aa:bb:cc:dd:ee:02"), say(house, "tab-102", "aa:bb:cc:dd:ee:01")]
    await eventually(lambda: all(post.settled for post in posts))
    await eventually(lambda: _are_paired(house))
    posts = []
    for _ in range(6):
        house.clock.advance(15)
        posts += [say(house, "tab-101", "aa:bb:cc:dd:ee:02"), say(house, "tab-102", "aa:bb:cc:dd:ee:01")]
    await eventually(lambda: all(post.settled for post in posts))
    told = [alert for alert in await alerts(house) if alert.family == "room"]
    assert [(alert.device_id, alert.rule, alert.why[0].observed) for alert in told] == [
        ("tab-101", Rule.ROOM_SWAPPED, "tab-102")
    ]

    await house.store.fix_swap(HOTEL, told[0].id, by=person("ann"), now=house.clock.at)
    await eventually(lambda: _belongs_to(house, "tab-101") == "102")
    house.clock.advance(5)
    posts = [say(house, "tab-101", "aa:bb:cc:dd:ee:02"), say(house, "tab-102", "aa:bb:cc:dd:ee:01")]
    await eventually(lambda: all(post.settled for post in posts))
    assert [alert.rule for alert in await alerts(house) if alert.family == "room"] == []


def _belongs_to(house: House, device: str) -> str | None:
    tablet = house.bridge._fleet.find(HOTEL, device)
    return None if tablet is None else tablet.room_id


def _are_paired(house: House) -> bool:
    partners = {str(tablet.device_id): tablet.state.rare.room_fit.partner for tablet in house.bridge._fleet}
    return partners["tab-101"] == "tab-102" and partners["tab-102"] == "tab-101"
