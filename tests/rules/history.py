"""A tablet of which every input is written down as the bridge stores it, so that a replay can be held against it."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from rules import token
from rules.alarm import Occasion
from rules.alerts import AlertChange
from rules.ids import MessageId, RoomId
from rules.inputs import (
    Asked,
    AssignmentRecord,
    DeviceCheckpoint,
    HotelCheckpoint,
    InputKind,
    InventoryRecord,
    RoomRecord,
    StoredInput,
    TokenRecord,
)
from rules.messages import DeviceMessage, Heartbeat, Link, Renew, Report, Result, State, TokenEnd, TokenEnded
from rules.policy import Policy, Profile
from tests.rules.given import CALIBRATED, ELSEWHERE, NEIGHBOUR, NOON, OWN, OWN_TOO, Tablet, after, assigned

ROOMS = InventoryRecord(
    1,
    Profile.NORMAL,
    (
        RoomRecord(id=RoomId("204"), floor="2", access_points=(OWN, OWN_TOO)),
        RoomRecord(id=RoomId("205"), floor="2", access_points=(NEIGHBOUR,)),
        RoomRecord(id=RoomId("301"), floor="3", access_points=(ELSEWHERE,)),
    ),
)
"""Of which 204 is `given.ROOM`."""

_KINDS = {Heartbeat: InputKind.HEARTBEAT, Report: InputKind.REPORT, State: InputKind.STATE, Result: InputKind.RESULT}
_ENDS = {TokenEnd.EXPIRED: InputKind.EXPIRED, TokenEnd.REVOKED: InputKind.REVOKED}


class Recorded(Tablet):
    """`rows` is its history. Several of one hotel may write into the same list."""

    def __init__(self, policy: Policy = CALIBRATED, *, device: str = "tab-1", rows: list[StoredInput] | None = None):
        super().__init__(assigned(policy=policy, device=device))
        self.rows: list[StoredInput] = [] if rows is None else rows
        if not self.rows:
            self.write(InputKind.INVENTORY, "inventory:1", NOON, ROOMS, of_hotel=True)
            self.write(InputKind.WATCHING, "watching:1", NOON, {}, of_hotel=True)
        self.judge_by(policy)

    def judge_by(self, policy: Policy, *, at: float = 0) -> None:
        """From then on it is judged by another policy."""
        self.until(at)
        self.assignment = replace(self.assignment, policy=policy)
        record = AssignmentRecord(1, RoomId("204"), policy)
        self.write(InputKind.ASSIGNMENT, f"assignment:{len(self.rows)}", after(at), record)

    def hear(self, seconds: float, message: DeviceMessage) -> tuple[AlertChange, ...]:
        if isinstance(message, Renew):
            return self._renew(seconds, message)
        changes = super().hear(seconds, message)
        at = after(seconds)
        if isinstance(message, TokenEnded):
            self.write(_ENDS[message.cause], message.id, at, {}, ts=message.ts)
        elif isinstance(message, State) and message.state is Link.LOST:
            self.write(InputKind.LOST, message.id, at, {"state": "lost", "sid": message.sid})
        else:
            self.write(_KINDS[type(message)], message.id, at, message, ts=message.ts)
        return changes

    def given(self, seconds: float, *, life: float | None) -> tuple[AlertChange, ...]:
        changes = super().given(seconds, life=life)
        self._write_token(seconds, life)
        return changes

    def save(self, seconds: float) -> None:
        """A checkpoint."""
        self.until(seconds)
        hotel = HotelCheckpoint(ROOMS, self.watching_since)
        mine = DeviceCheckpoint(AssignmentRecord(1, RoomId("204"), self.assignment.policy), self.state)
        name = f"checkpoint:{seconds}"
        self.write(InputKind.CHECKPOINT, name, after(seconds), hotel, of_hotel=True)
        self.write(InputKind.CHECKPOINT, name, after(seconds), mine)

    def write(
        self,
        kind: InputKind,
        name: str,
        at: datetime,
        body: object,
        *,
        ts: datetime | None = None,
        of_hotel: bool = False,
        late: bool = False,
    ) -> None:
        device = None if of_hotel else self.assignment.device_id
        key = None if device is None else int(device.removeprefix("tab-"))
        raw = msgspec.json.encode(body)
        self.rows.append(StoredInput(len(self.rows) + 1, key, device, kind, MessageId(name), at, ts, late, raw))

    def _renew(self, seconds: float, message: Renew) -> tuple[AlertChange, ...]:
        """As the bridge does: a sign of life, and a token for a day."""
        changes = super().hear(seconds, message)
        occasion = Occasion(self.assignment, f"token:{seconds}", after(seconds))
        ends = after(seconds + 86_400)
        verdict = token.given(self.state, issued_at=after(seconds), expires_at=ends, occasion=occasion)
        self.state = verdict.state
        self.changes += verdict.changes
        self._write_token(seconds, 86_400, asked=Asked(message.id, message.sid))
        return changes + verdict.changes

    def _write_token(self, seconds: float, life: float | None, *, asked: Asked | None = None) -> None:
        ends = None if life is None else after(seconds + life)
        record = TokenRecord(after(seconds), ends, asked)
        self.write(InputKind.ASSIGNMENT, f"token:{seconds}", after(seconds), record)

    def _pass(self, due: datetime) -> tuple[AlertChange, ...]:
        changes = super()._pass(due)
        self.write(InputKind.DEADLINE, f"deadline:{len(self.rows)}", due, {}, ts=due)
        return changes
