"""What a night brings to the inn: an outage, a check-out, a tablet that will not last until the morning."""

from datetime import timedelta

from msgspec.structs import replace

from rules.alerts import (
    AlertChange,
    Because,
    ChangeKind,
    Condition,
    Family,
    OpenAlert,
    Reason,
    Rule,
    Severity,
)
from rules.clearance import Clear, Clearance, clearance
from rules.ids import AlertId, IncidentId, IntegratorName, RoomId
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.memory import Charge, DrainMemory
from rules.outage import IncidentChange, Turn
from rules.room_status import PmsKind, PmsRecord, RoomStatus
from rules.state import DeviceState, LinkState, Posture, Power
from store import Batch
from store.batch import DeviceChange, IncidentTurn, PmsTaken
from tests.console.inn import INN, ROOMS, Inn

FLOOR = IncidentId("01JFLOOR0000000000000000001")
PMS = IntegratorName("opera")


async def a_night(inn: Inn) -> IncidentId:
    """All of it at once."""
    await lose_floor(inn, "101", "102")
    await come_back(inn, "102")
    await keep_waiting(inn, "201")
    await check_out(inn, "101")
    await run_low(inn, "201")
    return FLOOR


def _silent(inn: Inn, room: str) -> OpenAlert:
    now = inn.clock()
    return OpenAlert(
        id=AlertId(f"01JSILENT{room}"),
        family=Family.SILENCE,
        rule=Rule.SILENCE,
        severity=Severity.HIGH,
        opened_at=now,
        last_at=now,
        why=(Reason(Because.NOTHING_HEARD, observed=18.0, limit=15.0, since=now - timedelta(seconds=18)),),
    )


async def lose_floor(inn: Inn, *rooms: str) -> None:
    """The tablets of some rooms are silent at once, and an incident says so."""
    now = inn.clock()
    alerts = [_silent(inn, room) for room in rooms]
    for room, alert in zip(rooms, alerts, strict=True):
        await _tell(inn, room, alert, kind=ChangeKind.OPENED)
    out = _incident(inn, members=len(rooms))
    turn = IncidentChange(turn=Turn.OPENED, incident=out, at=now, absorbed=tuple(alert.id for alert in alerts))
    await inn.store.apply(Batch(received_at=now, incidents=[IncidentTurn(INN, turn)]))


async def come_back(inn: Inn, room: str) -> None:
    """One of two that were lost is heard again."""
    now = inn.clock()
    await _tell(inn, room, _silent(inn, room), kind=ChangeKind.CLEARED)
    turn = IncidentChange(turn=Turn.CHANGED, incident=_incident(inn, members=2, back=1), at=now)
    await inn.store.apply(Batch(received_at=now, incidents=[IncidentTurn(INN, turn)]))


async def widen(inn: Inn) -> None:
    """The hotel's outage takes the floor's tablets over."""
    now = inn.clock()
    floor = replace(_incident(inn, members=2), closed_at=now)
    hotel = IncidentSnapshot(
        id=IncidentId("01JHOTEL"), rule=Outage.HOTEL, scope=Scope.HOTEL, place=None, opened_at=now, members=9
    )
    turns = [
        IncidentChange(turn=Turn.OPENED, incident=hotel, at=now),
        IncidentChange(turn=Turn.CLOSED, incident=floor, at=now, into=hotel.id),
    ]
    await inn.store.apply(Batch(received_at=now, incidents=[IncidentTurn(INN, turn) for turn in turns]))


def _incident(inn: Inn, *, members: int, back: int = 0) -> IncidentSnapshot:
    return IncidentSnapshot(
        id=FLOOR,
        rule=Outage.AREA,
        scope=Scope.FLOOR,
        place="1",
        opened_at=inn.clock() - timedelta(minutes=2),
        members=members,
        back=back,
        why=(Reason(Because.AREA_SILENT, observed=float(members), limit=2.0),),
    )


async def keep_waiting(inn: Inn, room: str) -> AlertId:
    """A tablet was out of its kiosk, and is in it again: a person is to say that it is over."""
    now = inn.clock()
    alert = OpenAlert(
        id=AlertId("01JTAMPER"),
        family=Family.TAMPER,
        rule=Rule.TAMPER_KIOSK,
        severity=Severity.CRITICAL,
        opened_at=now,
        last_at=now,
        why=(Reason(Because.KIOSK_LEFT, observed=400.0),),
    )
    await _tell(inn, room, alert, kind=ChangeKind.OPENED)
    clean = (Reason(Because.REPORTED_CLEAN),)
    await _tell(inn, room, replace(alert, condition=Condition.CLEARED), kind=ChangeKind.SUBSIDED, why=clean)
    return alert.id


async def check_out(inn: Inn, room: str) -> None:
    """The guest of a room leaves, and the desk is told of its tablet as it is."""
    now = inn.clock()
    record = PmsRecord(by=PMS, kind=PmsKind.CHECKOUT, room_id=RoomId(room), ts=now)
    status = RoomStatus(occupied=False, checked_out_at=now, changed_at=now, changed_by=PMS)
    tablets = await inn.store.tablets_of_room(INN, RoomId(room))
    told = clearance(RoomId(room), tablets, at=now)
    taken = PmsTaken(hotel_id=INN, record=record, rooms={RoomId(room): status}, clearance=told, at=now)
    await inn.store.apply(Batch(received_at=now, pms=[taken]))


async def find_in_room(inn: Inn, room: str) -> None:
    """The tablet of a guest who left is heard in its room after all, and the desk is told anew."""
    now = inn.clock()
    found = Clearance(
        room_id=RoomId(room),
        verdict=Clear.CLEAR,
        reasons=(),
        seen_ago_s=2.0,
        battery=80.0,
        charging=True,
        at=now,
        valid_until=now + timedelta(minutes=2),
    )
    await inn.tell_desk(found)


async def run_low(inn: Inn, room: str) -> None:
    """A tablet loses 50 percent an hour, and has 20."""
    now = inn.clock()
    charge = Charge(now, 20.0)
    state = DeviceState(
        link=LinkState.ONLINE,
        posture=Posture.IN_ROOM,
        last_heard=now,
        battery=20,
        drain=DrainMemory(recent=(charge,), origin=charge, rate=50.0),
    )
    await inn.store.apply(Batch(received_at=now, states={inn.devices[room].key: state}))


async def _tell(inn: Inn, room: str, alert: OpenAlert, *, kind: ChangeKind, why: tuple[Reason, ...] = ()) -> None:
    now, device = inn.clock(), inn.devices[room]
    gone = kind is ChangeKind.OPENED and alert.family is Family.SILENCE
    state = DeviceState(
        link=LinkState.SILENT if gone else LinkState.ONLINE,
        posture=Posture.IN_ROOM,
        power=Power.OK,
        since=now,
        last_heard=now - timedelta(seconds=18),
        battery=80,
        alerts={} if kind is ChangeKind.CLEARED else {alert.family: alert},
    )
    change = DeviceChange(
        hotel_id=INN,
        device_key=device.key,
        device_id=device.id,
        room_id=RoomId(room),
        floor=ROOMS[room],
        change=AlertChange(kind=kind, alert=alert, at=now, why=why or alert.why),
    )
    await inn.store.apply(Batch(received_at=now, states={device.key: state}, changes=[change]))
