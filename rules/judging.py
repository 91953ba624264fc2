"""What an input that no device said makes of a device, kind by kind.

Said once, for the bridge, which judges what comes, and for a replay, which judges the same again. `record` is what is
stored of the input (`rules.inputs`), so nothing is judged by what its row does not say. `occasion` is the device, the
name of the input, and the moment that it counts for. What a device said is `rules.evaluate.evaluate` itself.

A new kind of input, or a new meaning of one, is added here, and to those who take it from the queue and from
its row: `device_bridge.draft.Draft` and `rules.replay.Replay`.
"""

from datetime import datetime
from typing import Protocol, TypeVar

from msgspec.structs import replace

from rules import absence, deadlines, outage, room_fit, token
from rules import review as decisions
from rules.alerts import AlertChange, Because, ChangeKind, Reason
from rules.dismissal import dismiss
from rules.evaluate import evaluate, judge_anew
from rules.inputs import Asked, DeadlineRecord, LeftRecord, PartnerRecord, ReviewRecord, TokenRecord
from rules.messages import Renew
from rules.occasion import Occasion
from rules.policy import Assignment
from rules.room_fit import Partner
from rules.room_status import RoomStatus
from rules.state import DeviceState, Verdict

__all__ = [
    "Judge",
    "asked",
    "dismiss",
    "given",
    "left",
    "paired",
    "pass_deadline",
    "removed",
    "renew",
    "review",
    "told",
]

_R_contra = TypeVar("_R_contra", contravariant=True)


class Judge(Protocol[_R_contra]):
    """One kind of input: what its record makes of a device."""

    def __call__(self, state: DeviceState, record: _R_contra, /, *, occasion: Occasion) -> Verdict: ...


def renew(record: Asked, *, at: datetime) -> Renew:
    """The message by which a tablet asked for its token, as far as it was stored."""
    return Renew(id=record.id, sid=record.sid, ts=at)


def asked(state: DeviceState, record: Asked, *, occasion: Occasion) -> Verdict:
    """It asked for a token: a sign of life. The token itself is `given` after it, by the same row."""
    return evaluate(state, renew(record, at=occasion.at), assignment=occasion.assignment, now=occasion.at)


def given(state: DeviceState, record: TokenRecord, *, occasion: Occasion) -> Verdict:
    """Another token was noted of it, or that all were voided."""
    return token.given(state, issued_at=record.issued_at, expires_at=record.expires_at, occasion=occasion)


def pass_deadline(
    state: DeviceState, record: DeadlineRecord, *, assignment: Assignment, watching_since: datetime, due: datetime
) -> Verdict:
    """Nothing was heard until `due`, which is its deadline. Whether it moved before is known when it fell silent by it:
    then it is judged once more, with that.
    """
    verdict = deadlines.pass_deadline(
        state, assignment=assignment, watching_since=watching_since, at=due, alive_at=record.alive_at
    )
    if record.apart is None:
        return verdict
    return absence.set_apart(verdict, record.apart, occasion=Occasion(assignment, due.isoformat(), due))


def left(state: DeviceState, record: LeftRecord, *, occasion: Occasion) -> Verdict:
    """It did not return when the others of an outage did."""
    return outage.left_behind(state, record.reason, occasion=occasion)


def paired(state: DeviceState, record: PartnerRecord, *, occasion: Occasion) -> Verdict:
    """It was found with which tablet it is swapped, or with none any more."""
    partner = None if record.device_id is None else Partner(record.device_id, record.leads)
    return room_fit.paired(state, partner, occasion=occasion)


def review(state: DeviceState, record: ReviewRecord, *, occasion: Occasion) -> Verdict:
    """People have decided something else of it; the occasion knows what."""
    return decisions.review(state, was=record.was, moved=record.moved, occasion=occasion)


def told(state: DeviceState, record: RoomStatus, *, occasion: Occasion) -> Verdict:
    """This is known of its room from now on: a hotel's system said so."""
    known = replace(occasion.assignment, room=record)
    return judge_anew(state, occasion=replace(occasion, assignment=known))


def removed(state: DeviceState, *, at: datetime) -> Verdict:
    """It was retired: what was open has ended, and one that comes back begins anew."""
    ended = tuple(
        AlertChange(kind=ChangeKind.CLEARED, alert=alert, at=at, why=(Reason(Because.DEVICE_REMOVED),))
        for alert in state.alerts.values()
    )
    return Verdict(DeviceState(), ended)
