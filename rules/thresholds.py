"""What each threshold of a policy means, in which unit, and within which limits people may set it: one table.

The API and the command line speak by it, and a test holds the console's own against it. The limits themselves are those
of `rules.policy.PolicyChanges`, by which everything that is set is read.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.inspect import BoolType, EnumType, FloatType, IntType, StructType, Type, type_info
from msgspec.structs import replace

from rules.policy import PolicyChanges


class Unit(StrEnum):
    """The unit of a threshold as it is set, by its sign; a time in seconds, or as `10m`."""

    TIME = "s"
    DBM = "dBm"
    DB = "dB"
    PERCENT = "%"
    SHARE = "share"  # 0.7 is 70 %
    HOURLY = "% an hour"
    CELSIUS = "°C"
    MESSAGES = "messages"
    TIMES = "times"


class Threshold(Struct, frozen=True, kw_only=True):
    """`name` is the wire's; `words` what it is called, `means` what it does. A choice has neither unit nor limits."""

    name: str
    words: str
    means: str
    unit: Unit | None = None
    least: float = 0.0
    most: float = 0.0
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def limits(self) -> str:
        """What it may be, to be said after "must be": `1 to 90 %`, `10 min to 720 h`, `strict or normal`."""
        if self.unit is None:
            return " or ".join(self.choices)
        if self.unit is Unit.TIME:
            return f"{_lasting(self.least)} to {_lasting(self.most)}"
        limits = f"{'a whole number, ' if self.whole else ''}{self.least:.12g} to {self.most:.12g}"
        return limits if self.unit is Unit.SHARE else f"{limits} {self.unit}"

    def shown(self, value: object) -> str:
        """A value of it as people read it: `yes`, `10 min`, `30 %`, `0.7`, `strict`."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if not isinstance(value, (int, float)):
            return str(value)
        if self.unit is Unit.TIME:
            return _lasting(value)
        return f"{value:g}" if self.unit is None or self.unit is Unit.SHARE else f"{value:g} {self.unit}"


_SAID: Final[Mapping[str, tuple[Unit | None, str, str]]] = {
    "profile": (
        None,
        "Profile",
        "Strict: a heartbeat every 4 s, and silence is an alert within 20 s. Normal: every 10 s, milder at first.",
    ),
    "docked": (None, "Tablets stand on a dock", "Then being off it is told, and counts at a check-out."),
    "rssi_floor": (
        Unit.DBM,
        "Weakest signal in the room",
        "A signal below this is trouble. Without one, the room is not calibrated.",
    ),
    "rssi_default_floor": (Unit.DBM, "Weakest signal where none is calibrated", "Below it is worth an info, no more."),
    "rssi_recovery_margin": (
        Unit.DB,
        "Signal is good again above it by",
        "How far above the weakest signal it must rise before the alert ends.",
    ),
    "breach_min_span": (
        Unit.TIME,
        "Leaving must last",
        "A weak signal or a foreign access point for a shorter time is passed by.",
    ),
    "breach_silent_within": (
        Unit.TIME,
        "Own report, then silent within",
        "A tablet that reports a breach and falls silent within this time is critical.",
    ),
    "misfit_share": (
        Unit.SHARE,
        "Lives in another room from",
        "So much of half an hour on another room’s access points means that it lives there.",
    ),
    "silence_high_after": (
        Unit.TIME,
        "Silence is high after",
        "In the normal profile: a silence that lasts so long is high.",
    ),
    "silence_critical_after": (
        Unit.TIME,
        "Silence is critical after",
        "In the normal profile: one that lasts so long is critical.",
    ),
    "sleep_longest": (
        Unit.TIME,
        "Longest sleep",
        "A tablet that says it will sleep is not silent for so long at most.",
    ),
    "bye_reconnect": (
        Unit.TIME,
        "Back after a new connection",
        "How long one that says it will connect anew may take.",
    ),
    "bye_reboot": (Unit.TIME, "Back after a restart", "How long one that says it will restart or update may take."),
    "silence_grace": (
        Unit.TIME,
        "Grace before a silence",
        "How long after 15 s without a message (strict; 30 s normal). Not set: 3 s strict, 10 s normal.",
    ),
    "restart_grace": (
        Unit.TIME,
        "Time to come back after our own outage",
        "When Innwatch itself was away, nobody is accused before.",
    ),
    "never_seen_after": (Unit.TIME, "Never heard for", "A tablet that was added so long ago and never came is told."),
    "battery_low": (Unit.PERCENT, "Battery is low at", "Twice in a row, and not charging."),
    "battery_low_clear": (Unit.PERCENT, "Battery is no longer low at", "Above “low”, or the alert would come and go."),
    "battery_critical": (Unit.PERCENT, "Battery is nearly empty at", "Twice in a row, and not charging."),
    "battery_critical_clear": (Unit.PERCENT, "Battery is no longer nearly empty at", "Above “nearly empty”."),
    "battery_charging_clear": (
        Unit.TIME,
        "Battery is fine after charging for",
        "So long on a charger ends a battery alert.",
    ),
    "battery_drain": (Unit.HOURLY, "Battery empties fast at", "Over half an hour without a charger."),
    "battery_drain_clear": (Unit.HOURLY, "Battery no longer empties fast below", "Below “fast”."),
    "battery_tonight": (
        Unit.PERCENT,
        "Battery left at 07:00, at least",
        "A tablet that would have less is on the 21:00 round.",
    ),
    "battery_tonight_clear": (Unit.PERCENT, "Off the round at", "The forecast for 07:00 that takes it off again."),
    "unplugged_longest": (Unit.TIME, "Off its dock for", "Where tablets stand on a dock: told after so long."),
    "unplugged_clear": (Unit.TIME, "Back on its dock for", "So long on it ends the alert."),
    "unplugged_fall": (
        Unit.DB,
        "Carried off: signal falls by",
        "Taken off its dock and so much weaker soon after: a breach is critical.",
    ),
    "unplugged_fall_within": (Unit.TIME, "Carried off: within", "How soon after."),
    "overheat": (Unit.CELSIUS, "Too hot at", "Three times in a row."),
    "overheat_clear": (Unit.CELSIUS, "Cool again at", "Below “too hot”."),
    "kiosk_left_longest": (Unit.TIME, "Out of its kiosk for", "For longer is taken for tampering."),
    "clock_skew": (Unit.TIME, "Clock is wrong by", "Three times in a row."),
    "clock_skew_clear": (Unit.TIME, "Clock is right within", "Less than “wrong”."),
    "backlog_longest": (
        Unit.MESSAGES,
        "Messages that may wait",
        "More of them, while it is online, means that it cannot get rid of them.",
    ),
    "backlog_oldest": (Unit.TIME, "How long one may wait", "The same for the oldest message."),
    "take_overs": (
        Unit.TIMES,
        "Put each other out",
        "So often within the next time: two pieces of hardware speak under one name.",
    ),
    "take_overs_within": (Unit.TIME, "Put each other out within", "The time in which that counts."),
    "departing_within": (
        Unit.TIME,
        "Guest leaves within",
        "So long before the departure, a breach or a silence is one step more severe.",
    ),
    "checkout_guard": (
        Unit.TIME,
        "Guarded after a check-out for",
        "A tablet that goes within this time is critical, and the desk is told.",
    ),
    "checkout_seen": (Unit.TIME, "In its room again for", "So long ends an alert of a check-out."),
    "token_expiring_from": (
        Unit.SHARE,
        "Access ends soon after",
        "So much of a token’s life without a newer one is told to IT.",
    ),
}


def in_words(name: str, complaint: str) -> str:
    """What a decoder says is wrong with a field, by the limits of the threshold that it is, if it is one."""
    threshold = THRESHOLDS.get(name)
    if threshold is None or not complaint.startswith(("Expected ", "Invalid enum value ")):
        return complaint
    if threshold.unit is Unit.TIME and "got `str`" in complaint:
        return f"must be a number of seconds, {threshold.limits}"
    return f"must be {threshold.limits}"


def _lasting(seconds: float) -> str:
    """A duration in the longest unit of which it is a whole number."""
    unit, size = next(((unit, size) for unit, size in _LONG if seconds and seconds % size == 0), ("s", 1))
    return f"{seconds / size:g} {unit}"


_LONG: Final = (("h", 3600), ("min", 60))


def _threshold(name: str, wire: str, decided: Type) -> Threshold:
    unit, words, means = _SAID[name]
    said = Threshold(name=wire, words=words, means=means, unit=unit)
    match decided:
        case FloatType(ge=least, le=most) | IntType(ge=least, le=most) if least is not None and most is not None:
            whole = isinstance(decided, IntType)
            return replace(said, least=float(least), most=float(most), whole=whole)
        case EnumType(cls=choices):
            return replace(said, choices=tuple(str(choice.value) for choice in choices))
        case BoolType():
            return replace(said, choices=("true", "false"))
    raise TypeError(f"{name} has no limits")


def _all() -> Mapping[str, Threshold]:
    changes = type_info(PolicyChanges)
    assert isinstance(changes, StructType)  # noqa: S101
    return {field.encode_name: _threshold(field.name, field.encode_name, field.type) for field in changes.fields}


THRESHOLDS: Final = _all()
"""By their names on the wire, in the order of `PolicyChanges`."""
