"""Why there was one and why there was none, of what is in the database."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from rules.alerts import Because, Reason
from rules.ids import AlertId, IncidentId
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.inputs import AssignmentRecord, InventoryRecord, RoomRecord
from rules.outage import IncidentChange, Turn
from rules.policy import Policy, PolicyChanges, Profile
from rules.version import RULES
from store import InputKind, NotFound, Store, StoredMessage
from store.audit import Actor, ActorKind
from store.batch import Batch, IncidentTurn
from store.records import Device
from tests.store.given import HOTEL, MAIL, NOW, add_hotel, batch, heartbeat, later, opened

SAM = Actor(ActorKind.USER, "sam")
MINUTE = timedelta(minutes=1)


def judged(device: Device) -> list[StoredMessage]:
    """From which room and policy the rules begin."""
    room = RoomRecord(id=device.room_id, floor="1", access_points=("aa:00:00:00:00:01",))
    hotel = replace(
        heartbeat(device, "inventory:1"),
        device_key=None,
        kind=InputKind.INVENTORY,
        body=msgspec.json.encode(InventoryRecord(1, Profile.NORMAL, (room,))),
    )
    record = AssignmentRecord(1, device.room_id, Policy(rssi_floor=-70))
    mine = replace(heartbeat(device, "assignment:1"), kind=InputKind.ASSIGNMENT, body=msgspec.json.encode(record))
    return [hotel, mine]


def beat(device: Device, number: int, seconds: float, *, rssi: float) -> StoredMessage:
    at = later(seconds)
    body = {"id": f"m-{number}", "ts": at, "rssi": rssi, "wifiBssid": "AA:00:00:00:00:01", "battery": 80}
    return replace(heartbeat(device, f"m-{number}", at=at, rssi=rssi), body=msgspec.json.encode(body))


async def test_two_low_samples_are_found_with_what_held_the_alert_back(store: Store) -> None:
    (device, _) = await add_hotel(store)
    beats = [beat(device, number, 10 * number, rssi=-90 if number in (20, 21) else -50) for number in range(60)]
    await store.apply(batch(*judged(device), *beats))

    why = await store.why_device(HOTEL, device.id, start=later(100), end=later(600), most=10)

    (found,) = why.findings
    assert (found.because.because, found.because.observed, found.because.limit) == (Because.TOO_FEW_SAMPLES, 2, 3)
    assert (found.since, found.until, found.alert_id) == (later(200), later(210), None)
    assert why.thresholds is not None
    assert (why.thresholds.rssi_floor, why.complete, why.alerts) == (-70, True, ())
    assert (len(why.heard), why.heard_in_all, why.heard[-1].at) == (10, 50, later(590))


async def test_an_alert_is_told_with_its_life_and_whom_it_was_told(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    await store.apply(batch(*judged(device), beat(device, 1, 0, rssi=-50), changes=[opened(device)]))
    (alert,) = (await store.alerts(HOTEL)).items

    why = await store.why_alert(HOTEL, alert.id)

    assert why.alert == alert
    assert [step.type.value for step in why.timeline] == ["alert.opened"]
    assert [(one.alert_id, one.kind.value, one.state.value) for one in why.notices] == [(alert.id, "opened", "pending")]
    assert why.device.device_id == device.id
    assert why.device.start <= alert.opened_at < why.device.end


@pytest.mark.parametrize("is_told", [False, True], ids=["incident", "by itself"])
async def test_of_an_alert_for_which_an_incident_was_told_it_says_so(store: Store, is_told: bool) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])
    beats = [beat(device, number, 10 * number, rssi=-90) for number in range(6)]
    await store.apply(batch(*judged(device), *beats))
    (found,) = (await store.why_device(HOTEL, device.id, start=NOW, end=later(60))).findings
    assert (found.alert_id is None, found.untold) == (False, None)
    out = IncidentSnapshot(
        id=IncidentId("I1"), rule=Outage.HOTEL, scope=Scope.HOTEL, place=None, opened_at=NOW, members=3
    )
    turn = IncidentChange(turn=Turn.OPENED, incident=out, at=NOW, absorbed=(AlertId(found.alert_id or ""),))
    await store.apply(Batch(received_at=NOW, changes=[opened(device, found.alert_id or "")]))
    if is_told:
        (ref,) = await store.due_notifications(later(1), limit=10)
        await store.claim_notification(HOTEL, ref.id, worker="w", now=later(1), lease=MINUTE)
        await store.record_delivered(HOTEL, ref.id, worker="w", now=later(1))
    await store.apply(Batch(received_at=NOW, incidents=[IncidentTurn(HOTEL, turn)]))

    (found,) = (await store.why_device(HOTEL, device.id, start=NOW, end=later(60))).findings

    assert found.untold == (None if is_told else Reason(Because.PART_OF_OUTAGE))


@pytest.mark.parametrize("because", [Because.ACKNOWLEDGED, Because.SNOOZED, Because.NO_CHANNEL])
async def test_of_an_alert_that_nobody_was_told_it_says_why(store: Store, because: Because) -> None:
    (device, _) = await add_hotel(store, channels=[] if because is Because.NO_CHANNEL else [MAIL])
    beats = [beat(device, number, 10 * number, rssi=-90) for number in range(6)]
    await store.apply(batch(*judged(device), *beats))
    (found,) = (await store.why_device(HOTEL, device.id, start=NOW, end=later(60))).findings
    alert_id = AlertId(found.alert_id or "")
    await store.apply(Batch(received_at=NOW, changes=[opened(device, alert_id)]))
    if because is Because.ACKNOWLEDGED:
        await store.acknowledge(HOTEL, alert_id, by=SAM, note=None, now=later(1))
    if because is Because.SNOOZED:
        await store.snooze_alert(HOTEL, alert_id, later(3600), by=SAM, now=later(1))
    for ref in await store.due_notifications(later(2), limit=10):
        assert await store.claim_notification(HOTEL, ref.id, worker="w", now=later(2), lease=MINUTE) is None

    (found,) = (await store.why_device(HOTEL, device.id, start=NOW, end=later(60))).findings

    answered = Reason(because, observed=SAM.shown, since=later(1))
    assert found.untold == (Reason(because) if because is Because.NO_CHANNEL else answered)


async def test_each_threshold_names_the_level_that_decided_it(store: Store) -> None:
    (device, _) = await add_hotel(store)
    now = later(0)
    await store.put_policy(HOTEL, PolicyChanges(battery_low=30), by=SAM, now=now)
    await store.put_policy(HOTEL, PolicyChanges(rssi_floor=-70), room_id=device.room_id, by=SAM, now=now)
    await store.put_policy(HOTEL, PolicyChanges(docked=True), device_id=device.id, by=SAM, now=now)
    policy = (await store.policy(HOTEL, device_id=device.id)).effective
    hotel, mine = judged(device)
    mine = replace(mine, body=msgspec.json.encode(AssignmentRecord(7, device.room_id, policy)))
    await store.apply(batch(hotel, mine, beat(device, 1, 0, rssi=-50)))
    await store.put_policy(HOTEL, PolicyChanges(docked=True, overheat=50), device_id=device.id, by=SAM, now=now)

    why = await store.why_device(HOTEL, device.id, start=NOW, end=later(60))

    named = ("batteryLow", "batteryLowClear", "rssiFloor", "docked", "overheat", "clockSkew")
    assert [why.levels[name] for name in named] == ["hotel", "moved", "room", "device", "changed", "default"]
    assert why.rule_version == f"{RULES}/7"
    assert why.thresholds is not None
    assert set(why.levels) == set(msgspec.to_builtins(why.thresholds))


async def test_what_is_to_come_is_nobodys_silence(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(*judged(device), beat(device, 1, 0, rssi=-50)))

    why = await store.why_device(HOTEL, device.id, start=NOW, end=later(3600), now=later(10))

    assert (why.findings, why.end) == ((), later(10))


async def test_a_look_back_that_begins_in_what_is_to_come_is_refused(store: Store) -> None:
    (device, _) = await add_hotel(store)
    for start in (later(10), later(60)):
        with pytest.raises(ValueError, match="to come"):
            await store.why_device(HOTEL, device.id, start=start, end=later(120), now=later(10))


async def test_more_than_a_day_or_an_end_before_its_start_is_refused(store: Store) -> None:
    (device, _) = await add_hotel(store)
    for end in (NOW, NOW + timedelta(hours=25)):
        with pytest.raises(ValueError, match="look back"):
            await store.why_device(HOTEL, device.id, start=NOW, end=end)


async def test_of_a_tablet_that_the_hotel_never_had_nothing_is_told(store: Store) -> None:
    (device, _) = await add_hotel(store)
    with pytest.raises(NotFound):
        await store.why_device(HOTEL, replace(device, id="tab-99").id, start=NOW, end=later(60))
