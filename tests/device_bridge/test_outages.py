"""Many tablets that fall silent at once, as the bridge judges and stores it; whatever comes between, a start too."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from broker.topics import Kind
from device_bridge.hearing import Hearing
from device_bridge.outages import _incident
from device_bridge.tablet import LATELY, Tablet
from device_bridge.uplink import Nearby
from rules.absence import Absent, Sample, Spot, why_apart
from rules.alerts import Because, Reason, Severity
from rules.ids import AlertId, DeviceId, IncidentId
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.policy import DEFAULTS, Assignment, Place, PolicyChanges
from rules.replay import Replay, Step
from rules.state import DeviceState
from store import INNWATCH
from store.incidents import Lasting
from store.records import DeviceKey, EmailChannel, EventType, NoticeKind, NotificationState
from tests.device_bridge.given import HOTEL, START, House, Post, beside, heartbeat
from tests.support import eventually

ROOMS = range(101, 109)


async def beat(house: House, numbers: Iterable[int], *, rssi: float = -55) -> None:
    posts = [
        Post(
            Kind.HEARTBEAT,
            heartbeat(f"aa:bb:cc:dd:ee:{number - 100:02}", rssi=rssi, ts=house.clock.at),
            device=f"tab-{number}",
        )
        for number in numbers
    ]
    for post in posts:
        house.queue.offer(post)
    await eventually(lambda: all(post.settled for post in posts))


async def incidents(house: House) -> list[IncidentSnapshot]:
    return list((await house.store.incidents(HOTEL)).items)


async def told(house: House) -> list[tuple[str | None, NoticeKind]]:
    """What was not cancelled, in order: of which alert (of an incident: none), and what.

    Recoveries are left out: those of which nobody heard are cancelled when it is their turn.
    """
    rows = reversed((await house.store.notifications(HOTEL)).items)
    devices = {alert.id: alert.device_id for alert in (await house.store.alerts(HOTEL)).items}
    return [
        (None if row.alert_id is None else devices[row.alert_id], row.kind)
        for row in rows
        if row.state is not NotificationState.CANCELLED and row.kind is not NoticeKind.RECOVERED
    ]


@pytest.fixture
async def furnished(tmp_path: Path) -> House:
    house = House(tmp_path / "innwatch.db")
    await house.open()
    for number in ROOMS[3:]:
        await house.add_room(number)
    await house.store.add_channel(HOTEL, EmailChannel(("night@grand.example",)), by=INNWATCH, now=house.clock.at)
    await house.store.close()
    return House(house.path)


async def test_an_outage_is_one_incident_through_a_start_and_who_did_not_return_is_told_by_itself(
    furnished: House,
) -> None:
    await furnished.open()
    async with beside(furnished.bridge.run()):
        await beat(furnished, ROOMS)
        furnished.clock.advance(4)
        await beat(furnished, ROOMS[:-1])
        await beat(furnished, ROOMS[-1:], rssi=-71)  # carried off as all vanish
        furnished.clock.advance(19)
        await eventually(lambda: _took_in(furnished, 7))
        (incident,) = await incidents(furnished)
        await eventually(lambda: told(furnished))
    await furnished.store.close()
    assert (incident.scope, incident.place) == (Scope.HOTEL, None)

    house = House(furnished.path)
    house.clock.at = furnished.clock.at
    house.clock.advance(2)
    await house.open()
    async with beside(house.bridge.run()):
        assert (await incidents(house))[0].members == 7
        await eventually(lambda: _is_told(house, [("tab-108", NoticeKind.OPENED), (None, NoticeKind.INCIDENT)]))
        for _ in range(2):
            house.clock.advance(4)
            await beat(house, ROOMS[:6])
        await eventually(lambda: _is_back(house))
        for _ in range(15):
            house.clock.advance(12)
            await beat(house, ROOMS[:6])
        (closed,) = await eventually(lambda: _closed(house))
        (lost,) = [alert for alert in await house.store.open_alerts(HOTEL) if alert.device_id == "tab-107"]
    assert (closed.id, closed.members, closed.back, closed.lost) == (incident.id, 7, 6, 1)
    assert (lost.severity, lost.why[0].because, lost.incident_id) == (
        Severity.CRITICAL,
        Because.DID_NOT_RETURN,
        incident.id,
    )
    assert (await told(house))[2:] == [("tab-107", NoticeKind.WORSENED), (None, NoticeKind.INCIDENT_OVER)]
    (carried,) = [alert for alert in await house.store.open_alerts(HOTEL) if alert.device_id == "tab-108"]
    assert (carried.why[-1].because, carried.incident_id) == (Because.SIGNAL_FELL, None)
    assert await judged_again(house) == {"tab-107": lost.why, "tab-108": carried.why}
    await house.store.close()


async def test_nobody_is_lost_before_the_hotels_own_time_to_be_heard_after_a_gap_of_ours(furnished: House) -> None:
    await furnished.open()
    patient = PolicyChanges(restart_grace=600)
    await furnished.store.change_policy(HOTEL, patient, by=INNWATCH, now=furnished.clock.at)
    await furnished.store.close()
    house = House(furnished.path)
    hearing = Hearing.always(now=house.clock.now)
    house.uplink = Nearby(house.published, hearing=hearing, retained=house.retained)
    await house.open()
    async with beside(house.bridge.run()):
        await beat(house, ROOMS)
        house.clock.advance(590)
        await beat(house, ROOMS)
        house.clock.advance(23)
        await eventually(lambda: _took_in(house, 8))
        for _ in range(2):
            house.clock.advance(4)
            await beat(house, ROOMS[:-1])
        hearing.ends("it is gone")
        house.clock.advance(15)
        hearing.begins()
        assert house.bridge._watch.is_listening()
        for _ in range(2):
            house.clock.advance(290)
            house.bridge._outages.look(house.clock.at)
            await beat(house, ROOMS[:-1])
            assert not await _closed(house)
        house.clock.advance(15)
        await beat(house, ROOMS[:-1])
        house.clock.advance(6)
        (closed,) = await eventually(lambda: _closed(house))
    assert (closed.back, closed.lost) == (7, 1)
    await house.store.close()


def heard(*said: tuple[float, float], bssid: str | None = None, plugged: bool | None = None) -> list[Sample]:
    """Heartbeats: seconds since the start, signal."""
    return [Sample(START + timedelta(seconds=at), rssi, plugged=plugged, bssid=bssid) for at, rssi in said]


def remembered(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Reason | None]:
    """What is kept of these, and what it says of a tablet that fell silent after the last."""
    assignment = Assignment(hotel_id=HOTEL, device_id=DeviceId("tab-1"), place=Place(), policy=DEFAULTS)
    tablet = Tablet(key=DeviceKey(1), assignment=assignment, revision=1, state=DeviceState())
    for sample in samples:
        tablet.remember(sample)
    return tablet.lately, why_apart(DeviceState(last_heard=samples[-1].at), tablet.lately, assignment=assignment)


@pytest.mark.parametrize("every", [0.1, 1, 2.9, 3, 3.97, 4, 10])
def test_a_tablet_is_remembered_for_a_minute_however_often_it_speaks(every: float) -> None:
    times = [number * every for number in range(int(90 / every) + 1)]
    samples = heard(*((at, -50 if at <= 45 else -70) for at in times))
    kept, apart = remembered(samples)
    assert apart is not None
    assert (apart.because, apart.observed) == (Because.SIGNAL_FELL, 20)
    assert (kept[-1], len(kept) <= LATELY) == (samples[-1], True)


def test_at_their_own_pace_all_heartbeats_of_the_minute_are_remembered() -> None:
    samples = heard(*((number * 3.97, -50) for number in range(16)))
    assert list(remembered(samples)[0]) == samples


def test_what_is_said_quickly_on_another_access_point_or_off_the_dock_is_kept_beside_what_was_said_before() -> None:
    fell = [*heard((0, -50), (1, -68), bssid="aa:bb:cc:dd:ee:01"), *heard((2, -55), bssid="aa:bb:cc:dd:ee:02")]
    unplugged = [*heard((0, -50), (1, -50), plugged=True), *heard((2, -50), plugged=False)]
    reasons = [remembered(samples)[1] for samples in (fell, unplugged)]
    assert [reason and reason.because for reason in reasons] == [Because.SIGNAL_FELL, Because.UNPLUGGED]


def test_a_clock_that_is_set_back_lets_nothing_of_the_new_minute_be_forgotten() -> None:
    before = heard((3600, -50), (3610, -50))
    after = heard(*((number * 10, -50) for number in range(3)), (30, -70))
    kept, apart = remembered([*before, *after])
    assert list(kept) == [*before, *after]
    assert apart is not None
    assert apart.because is Because.SIGNAL_FELL


@pytest.mark.parametrize(("alert", "is_silent"), [("A-1", True), ("A-2", False)], ids=["still", "anew"])
def test_after_a_start_an_incident_speaks_for_the_alerts_it_took_in_and_for_no_other(
    alert: str, is_silent: bool
) -> None:
    snapshot = IncidentSnapshot(
        id=IncidentId("I-1"), rule=Outage.AREA, scope=Scope.FLOOR, place="1", opened_at=START, members=2, back=1
    )
    lasting = Lasting(snapshot, {AlertId("A-0"): DeviceId("tab-101"), AlertId("A-1"): DeviceId("tab-102")})
    later = START + timedelta(hours=1)
    absent = {DeviceId("tab-102"): Absent(AlertId(alert), later, later, (Spot(Scope.FLOOR, "1"),))}

    incident = _incident(lasting, absent, resolved=frozenset(), now=later)

    assert (DeviceId("tab-102") in incident.silent) is is_silent
    assert (incident.members, DeviceId("tab-102") in incident.back) == (2, not is_silent)


async def _took_in(house: House, members: int) -> bool:
    return (await incidents(house))[0].members == members


async def _is_told(house: House, expected: list[tuple[str | None, NoticeKind]]) -> bool:
    assert await told(house) == expected
    return True


async def _is_back(house: House) -> bool:
    return (await incidents(house))[0].back == 6


async def _closed(house: House) -> list[IncidentSnapshot]:
    events = await house.store.events_after(HOTEL, 0, limit=500)
    return await incidents(house) if any(event.type is EventType.INCIDENT_CLOSED for event in events) else []


async def judged_again(house: House) -> dict[str, object]:
    """What a replay of the stored inputs says of the alerts that are open at their end."""
    made: list[Step] = []
    replay = Replay(HOTEL, told=made.append)
    span = await house.store.span(HOTEL, start=START, end=house.clock.at + timedelta(days=1))
    async for page in house.store.inputs(HOTEL, span):
        for one in page.inputs:
            replay.take(one)
    why: dict[str, object] = {}
    for step in made:
        for alert in step.verdict.state.alerts.values():
            why[step.device_id] = alert.why
        if not step.verdict.state.alerts:
            why.pop(step.device_id, None)
    return why
