"""What a bridge decided can be had again from what it stored, whatever happened to it and around it."""

from datetime import timedelta

from broker.topics import Kind
from device_bridge.checkpoints import FIRST
from rules.alerts import AlertStatus
from rules.ids import DeviceId, RoomId
from rules.inputs import InputKind, StoredInput
from rules.replay import Replay, Step, steps
from store import INNWATCH
from store.records import RoomChanges
from tests.device_bridge.given import FOREIGN, HOTEL, START, TABLET, House, Post, heartbeat, report
from tests.device_bridge.test_intake import send
from tests.support import eventually
from tests.support.told import Told, judged, lived

LONG = timedelta(days=30)
SECOND, THIRD, NEW = DeviceId("tab-102"), DeviceId("tab-103"), DeviceId("tab-new")
OWN = {TABLET: "aa:bb:cc:dd:ee:01", SECOND: "aa:bb:cc:dd:ee:02", THIRD: "aa:bb:cc:dd:ee:03"}


async def inputs(house: House) -> list[StoredInput]:
    span = await house.store.span(HOTEL, start=START - LONG, end=START + LONG)
    return [one async for page in house.store.inputs(HOTEL, span) for one in page.inputs]


def replayed(rows: list[StoredInput]) -> tuple[Replay, list[Told]]:
    made: list[Step] = []
    replay = Replay(HOTEL, told=made.append)
    for row in rows:
        replay.take(row)
    assert (replay.tally.unreadable, replay.tally.strange, replay.tally.diverged) == (0, 0, 0)
    return replay, [judged(step, change) for step in made for change in step.changes]


async def beat(house: House, bssid: str, *, device: DeviceId, seconds: float = 4) -> None:
    house.clock.advance(seconds)
    ts = house.clock.at
    await send(house, Post(Kind.HEARTBEAT, heartbeat(bssid, ts=ts, sid="boot-1"), device=device))


async def refreshed(house: House) -> None:
    """Until the bridge has taken up what people changed; what it makes of that stands before what comes next."""
    revision, fleet = (await house.store.revisions())[HOTEL], house.bridge._fleet
    await eventually(lambda: fleet.inventory(HOTEL).revision == revision and not fleet.tidings._decided)


async def trouble(house: House) -> None:
    """A breach that ends; a word, and a silence after it; a renewal; a room that changes; another id; a retirement."""
    for device in (TABLET, SECOND, THIRD):
        await beat(house, OWN[device], device=device)
    for _ in range(4):
        await beat(house, FOREIGN, device=TABLET)
    for _ in range(3):
        await beat(house, OWN[TABLET], device=TABLET)
    renewal: dict[str, object] = {"id": "renew-1", "ts": house.clock.at, "sid": "boot-2"}
    await send(house, Post(Kind.RENEW, renewal, device=SECOND))
    await send(house, Post(Kind.ALERT, report(ts=house.clock.at), device=THIRD))
    await beat(house, OWN[TABLET], device=TABLET, seconds=17)
    house.clock.advance(1)
    await eventually(lambda: rules_of(house, THIRD, 2))
    await house.store.change_room(
        HOTEL, RoomId("101"), RoomChanges(access_points=(FOREIGN,)), by=INNWATCH, now=house.clock.at
    )
    await refreshed(house)
    for _ in range(4):
        await beat(house, OWN[TABLET], device=TABLET)
    await house.store.replace_device(HOTEL, TABLET, new_id=NEW, by=INNWATCH, now=house.clock.at)
    await refreshed(house)
    for _ in range(4):
        await beat(house, FOREIGN, device=NEW)
    await house.store.retire_device(HOTEL, THIRD, by=INNWATCH, now=house.clock.at)
    await refreshed(house)


async def rules_of(house: House, device: DeviceId, count: int) -> bool:
    page = await house.store.alerts(HOTEL, status=AlertStatus.OPEN)
    return len([alert for alert in page.items if alert.device_id == device]) == count


async def test_what_was_decided_live_is_decided_again_from_the_rows(house: House) -> None:
    await trouble(house)
    house.clock.advance(FIRST.total_seconds())
    await beat(house, FOREIGN, device=NEW)
    await eventually(lambda: has(house, InputKind.CHECKPOINT))
    await beat(house, FOREIGN, device=NEW)
    rows = await inputs(house)

    replay, changes = replayed(rows)

    assert changes == await lived(house.store, HOTEL)
    assert {change.family for change in changes} == {"breach", "silence"}
    for device in (SECOND, NEW):
        row = await house.store.device(HOTEL, device)
        assert row is not None
        assert replay.state(device) == row.state
    assert replay.state(THIRD) is None

    (begins, *_) = [number for number, row in enumerate(rows) if row.kind is InputKind.CHECKPOINT]
    later, _ = replayed(rows[begins:])
    assert later.state(NEW) == replay.state(NEW)

    span = await house.store.span(HOTEL, start=START, end=START + LONG)
    of_one = await house.store.inputs_of(HOTEL, SECOND, span)
    followed = list(steps(of_one, hotel_id=HOTEL, device_id=SECOND))
    assert followed[0].kind is InputKind.HEARTBEAT
    assert InputKind.ASSIGNMENT in [step.kind for step in followed]
    assert followed[-1].verdict.state == replay.state(SECOND)


async def has(house: House, kind: InputKind) -> bool:
    return any(row.kind is kind for row in await inputs(house))


async def test_a_room_that_changes_is_in_history_before_the_first_verdict_that_counts_on_it(house: House) -> None:
    await beat(house, OWN[TABLET], device=TABLET)
    await house.store.change_room(
        HOTEL, RoomId("101"), RoomChanges(access_points=(FOREIGN,)), by=INNWATCH, now=house.clock.at
    )
    await house.bridge._fleet.refresh()  # and before anybody tells the news
    await beat(house, FOREIGN, device=TABLET)

    kinds = [row.kind for row in await inputs(house)]

    assert kinds[-4:] == [InputKind.HEARTBEAT, InputKind.INVENTORY, InputKind.ASSIGNMENT, InputKind.HEARTBEAT]
