"""Our own outage: a time in which nobody was listening counts for nothing (docs/adr/0035).

Every clock that a rule goes by is moved by exactly the gap, as if time had stood still: a silence needs as long again
as it lacked, and nothing grows worse, or is over, because of us. What was noted within the gap, of messages that waited
in a queue, counts as noted at its end. What people read stays as it was: when a tablet was last heard, when an alert
opened, when a token ends.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from rules.alerts import OpenAlert
from rules.memory import (
    CALM_ACCESS_POINT,
    CALM_BATTERY,
    CALM_RARE,
    CALM_SIGNAL,
    CALM_SILENCE,
    NO_TOKEN,
    NOT_GONE,
    AccessPointMemory,
    BatteryMemory,
    CheckoutMemory,
    RareMemory,
    SignalMemory,
    SilenceMemory,
)
from rules.state import DeviceState


class Gap(Struct, frozen=True, rename="camel", omit_defaults=True):
    """From when until when nobody was listening. Where the clock was set back meanwhile, `until` is before `since`.

    `clock_set`: our own clock was set, so that what was known of how the tablets' go is void. `gives_grace`: after it
    tablets get the time to come back; not where our link comes and goes, so that they would get it without end.
    """

    since: datetime
    until: datetime
    clock_set: bool = False
    gives_grace: bool = True

    @property
    def length(self) -> timedelta:
        return self.until - self.since

    def moved(self, at: datetime) -> datetime:
        """Where the gap leaves a moment that was noted before or in it; one that came after it stays."""
        if self.length > timedelta(0) and at >= self.until:
            return at
        return min(at + self.length, self.until)


def shifted(state: DeviceState, gap: Gap) -> DeviceState:
    """The state with every clock moved by the gap. Nothing of it is news to anybody.

    Whoever adds a time to what a rule remembers adds it here; tests/rules/test_gap.py finds each that is missing.
    """
    heard, deaf_s, by = state.last_heard, state.deaf_s, timedelta(0)
    if heard is not None:
        counted = heard + timedelta(seconds=deaf_s)
        by = gap.moved(counted) - counted
        if gap.length < timedelta(0):
            heard = min(heard, gap.until)  # Nobody was heard later than now.
        deaf_s = (counted + by - heard).total_seconds()
    token, word, checkout, rare = state.token, state.reported, state.checkout, state.rare
    return replace(
        state,
        last_heard=heard,
        deaf_s=deaf_s,
        clock=None if gap.clock_set else state.clock,
        signal=_signal(state.signal, gap),
        access_point=_access_point(state.access_point, gap),
        reported=word if word is None else replace(word, at=gap.moved(word.at)),
        battery_level=_battery(state.battery_level, gap),
        silence=_silence(state.silence, gap, rest=by),
        token=token if token is NO_TOKEN else replace(token, kept_out_at=_maybe(token.kept_out_at, gap)),
        checkout=checkout if checkout is NOT_GONE else _checkout(checkout, gap),
        rare=rare if rare is CALM_RARE else _rare(rare, gap),
        alerts={family: _alert(alert, gap) for family, alert in state.alerts.items()},
        ended={
            family: replace(over, at=gap.moved(over.at), alert=_alert(over.alert, gap))
            for family, over in state.ended.items()
        },
    )


def _alert(alert: OpenAlert, gap: Gap) -> OpenAlert:
    """When it fired stays, unless that is yet to come by now. When its condition turned is what the rules go by."""
    fired_at = alert.fired_at or alert.opened_at
    return replace(
        alert,
        fired_at=alert.fired_at if fired_at <= gap.until else gap.until,
        last_at=min(alert.last_at, gap.until),
        looked_at=None if alert.looked_at is None else min(alert.looked_at, gap.until),
        turns=tuple(gap.moved(turn) for turn in alert.turns),
        calm_since=_maybe(alert.calm_since, gap),
        dismissed_at=_maybe(alert.dismissed_at, gap),
    )


def _signal(memory: SignalMemory, gap: Gap) -> SignalMemory:
    return memory if memory is CALM_SIGNAL else replace(memory, low_since=_maybe(memory.low_since, gap))


def _access_point(memory: AccessPointMemory, gap: Gap) -> AccessPointMemory:
    return memory if memory is CALM_ACCESS_POINT else replace(memory, out_since=_maybe(memory.out_since, gap))


def _battery(memory: BatteryMemory, gap: Gap) -> BatteryMemory:
    return memory if memory is CALM_BATTERY else replace(memory, charging_since=_maybe(memory.charging_since, gap))


def _silence(memory: SilenceMemory, gap: Gap, *, rest: timedelta) -> SilenceMemory:
    """A rest lasts as much longer as the tablet was not heard because of us."""
    if memory is CALM_SILENCE:
        return memory
    return replace(
        memory,
        quiet_until=None if memory.quiet_until is None else memory.quiet_until + rest,
        lost_at=_maybe(memory.lost_at, gap),
        silent_since=_maybe(memory.silent_since, gap),
    )


def _rare(memory: RareMemory, gap: Gap) -> RareMemory:
    """What was found when, and how full a battery was when, are facts and stay."""
    supply, tamper, room_fit, identity = memory.supply, memory.tamper, memory.room_fit, memory.identity
    return replace(
        memory,
        supply=replace(
            supply, unplugged_at=_maybe(supply.unplugged_at, gap), plugged_at=_maybe(supply.plugged_at, gap)
        ),
        tamper=replace(tamper, left_at=_maybe(tamper.left_at, gap)),
        backlog=replace(memory.backlog, filled_at=_maybe(memory.backlog.filled_at, gap)),
        room_fit=replace(
            room_fit,
            astray_at=_maybe(room_fit.astray_at, gap),
            misfit_at=_maybe(room_fit.misfit_at, gap),
            slices=tuple(replace(one, at=gap.moved(one.at)) for one in room_fit.slices),
        ),
        identity=replace(
            identity,
            boots=tuple((gap.moved(at), boot) for at, boot in identity.boots),
            conflict_at=_maybe(identity.conflict_at, gap),
        ),
        stuck=replace(
            memory.stuck, missing_at=_maybe(memory.stuck.missing_at, gap), alive_at=_maybe(memory.stuck.alive_at, gap)
        ),
    )


def _checkout(memory: CheckoutMemory, gap: Gap) -> CheckoutMemory:
    return replace(memory, guarded_from=_maybe(memory.guarded_from, gap), good_since=_maybe(memory.good_since, gap))


def _maybe(at: datetime | None, gap: Gap) -> datetime | None:
    return None if at is None else gap.moved(at)
