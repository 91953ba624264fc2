"""What was measured, and what it was held against, in words: durations, dBm, percent, and counts of things."""

from rules.alerts import Because

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def duration(seconds: float) -> str:
    """A length of time in at most two units: "33 s", "1 min 30 s", "45 min", "2 h 5 min", "2 d 4 h".

    The console says the same (`duration` in `api/console/words.js`).
    """
    left = int(max(seconds, 0))
    if left < _MINUTE:
        return f"{left} s"
    if left < 10 * _MINUTE:
        return _two(left, _MINUTE, "min", 1, "s")
    if left < _HOUR:
        return f"{left // _MINUTE} min"
    return _two(left, _HOUR, "h", _MINUTE, "min") if left < _DAY else _two(left, _DAY, "d", _HOUR, "h")


def _two(left: int, big: int, big_unit: str, small: int, small_unit: str) -> str:
    rest = left % big // small
    return f"{left // big} {big_unit}" + (f" {rest} {small_unit}" if rest else "")


def seen(because: Because, value: float | str | None) -> str | None:
    """What was observed; None: nothing that is worth telling."""
    if value is None:
        return None
    if isinstance(value, (int, float)) and because in _CLOCKS:
        return f"{duration(abs(value))} {'fast' if value > 0 else 'slow'}"
    if isinstance(value, (int, float)) and because in _DURATIONS - _TOO_LITTLE and value < 1:
        return None  # it has just begun
    return _OBSERVED.get(because, "{}").format(_measured(because, value))


def held_against(because: Because, value: float | str | None) -> str | None:
    """What it was held against; None: no threshold was."""
    if value is None or because in _NO_THRESHOLD:
        return None
    usual = "expected {}" if isinstance(value, str) else "threshold {}"
    return _HELD_AGAINST.get(because, usual).format(_measured(because, value))


def _measured(because: Because, value: float | str) -> str:
    if isinstance(value, str):
        return value
    if because in _DURATIONS:
        return duration(value)
    unit = _UNITS.get(because, "")
    figure = f"{value:.1f}".removesuffix(".0") if because in _FINE else str(round(value))
    return f"{figure}{unit.removesuffix('s') if figure == '1' else unit}"


_DURATIONS = frozenset(
    {
        Because.NOTHING_HEARD,
        Because.DID_NOT_RETURN,
        Because.CONNECTION_LOST,
        Because.NOT_LISTENING,
        Because.WITHIN_ALLOWANCE,
        Because.ASLEEP,
        Because.SAID_GOODBYE,
        Because.WE_BEGAN_AGAIN,
        Because.TOO_SHORT,
        Because.HEARTBEATS_LATE,
        Because.HAS_NEWER_TOKEN,
        Because.GUARD_OVER,
        Because.NOT_DOCKED,
        Because.OVERSLEPT,
        Because.BYE_OVERDUE,
        Because.SILENT_AFTER_REPORT,
        Because.STILL_FIRING,
        Because.CHARGING,
        Because.TOKEN_NOT_RENEWED,
        Because.TOKEN_RENEWED,
        Because.DEPARTING,
        Because.MAINTENANCE,
        Because.CHECKED_OUT,
        Because.SEEN_IN_ITS_ROOM,
        Because.NEVER_HEARD,
        Because.NO_HEARTBEAT,
        Because.UNPLUGGED,
        Because.PLUGGED_IN,
        Because.KIOSK_LEFT,
        Because.CLOCK_WRONG,
        Because.CLOCK_RIGHT,
        Because.BACKLOG_OLD,
        Because.NOT_TAKEN_OVER,
        Because.CALM_AGAIN,
    }
)
"""Reasons whose figures are seconds."""

_UNITS = {
    **dict.fromkeys(
        (
            Because.SIGNAL_BELOW_FLOOR,
            Because.ROOM_NOT_CALIBRATED,
            Because.SIGNAL_RECOVERED,
            Because.REPORTED,
            Because.REPORTED_RECOVERY,
            Because.WIFI_OFF,
            Because.CARRIED_OFF,
        ),
        " dBm",
    ),
    Because.SIGNAL_FELL: " dB",
    **dict.fromkeys((Because.AREA_SILENT, Because.HOTEL_SILENT, Because.NOT_BACK_AFTER_US), " tablets"),
    **dict.fromkeys(
        (
            Because.BATTERY_LOW,
            Because.BATTERY_CRITICAL,
            Because.BATTERY_RECOVERED,
            Because.LOW_ON_CHARGER,
            Because.DIES_TONIGHT,
            Because.NOT_YET_EVENING,
            Because.TOO_SMALL_A_SHARE,
            Because.LASTS_TILL_MORNING,
        ),
        " %",
    ),
    **dict.fromkeys(
        (Because.DRAINING, Because.DRAINS_SLOWLY, Because.DRAIN_SLOWED, Because.FALLS_ON_CHARGER), " % an hour"
    ),
    **dict.fromkeys((Because.OVERHEATED, Because.COOLED_DOWN), " °C"),
    **dict.fromkeys((Because.BACKLOG_LONG, Because.BACKLOG_EMPTY), " messages"),
    **dict.fromkeys((Because.TAKEN_OVER, Because.TOO_FEW_TAKE_OVERS, Because.ONLY_RESTARTED), " take-overs"),
    Because.HEARD_AGAIN: " heartbeats",
    Because.FLAPPING: " times",
}

_CLOCKS = frozenset({Because.CLOCK_WRONG, Because.CLOCK_RIGHT})
"""Seconds by which a clock is ahead, or (negative) behind."""

_FINE = frozenset(
    {
        Because.DRAINING,
        Because.DRAINS_SLOWLY,
        Because.DRAIN_SLOWED,
        Because.FALLS_ON_CHARGER,
        Because.OVERHEATED,
        Because.COOLED_DOWN,
    }
)
"""Reasons of whose figures a tenth is worth telling."""

_TOO_LITTLE = frozenset({Because.TOO_SHORT, Because.WITHIN_ALLOWANCE, Because.HEARTBEATS_LATE})
"""Reasons of which no time at all is worth telling, too."""

_NO_THRESHOLD = frozenset(
    {
        Because.STILL_FIRING,
        Because.CHECKED_OUT,
        Because.SEEN_IN_ITS_ROOM,
        Because.DEPARTING,
        Because.DID_NOT_RETURN,
        Because.HEARD_AGAIN,
        Because.CHARGING,
        Because.PLUGGED_IN,
        Because.CALM_AGAIN,
        Because.NOT_TAKEN_OVER,
    }
)
"""Reasons whose limit only says when they are looked at, or how long it takes: nothing was too much or too little."""

_OBSERVED = {
    Because.DEPARTING: "in {}",
    Because.TOKEN_NOT_RENEWED: "good for another {}",
    Because.TOKEN_RENEWED: "good for {}",
}
"""How the figure is told where it would not speak for itself."""

_HELD_AGAINST = {
    **dict.fromkeys(
        (
            Because.NOTHING_HEARD,
            Because.CONNECTION_LOST,
            Because.WITHIN_ALLOWANCE,
            Because.HEARTBEATS_LATE,
            Because.OVERSLEPT,
            Because.BYE_OVERDUE,
        ),
        "allowed {}",
    ),
    **dict.fromkeys((Because.ASLEEP, Because.SAID_GOODBYE), "up to {}"),
    **dict.fromkeys(
        (
            Because.TOO_FEW_SAMPLES,
            Because.TOO_SHORT,
            Because.TOO_FEW_TAKE_OVERS,
            Because.TOO_SMALL_A_SHARE,
            Because.ONLY_RESTARTED,
        ),
        "it takes {}",
    ),
    **dict.fromkeys((Because.AREA_SILENT, Because.HOTEL_SILENT, Because.NOT_BACK_AFTER_US), "{} are enough"),
    **dict.fromkeys((Because.MAINTENANCE, Because.WE_BEGAN_AGAIN), "for {}"),
    **dict.fromkeys((Because.CARRIED_OFF, Because.FITS_AGAIN), "{} before"),
    **dict.fromkeys((Because.BACK_ON_OWN_ACCESS_POINT, Because.OWN_ACCESS_POINTS), "of {}"),
    Because.HAS_NEWER_TOKEN: "{} to come back",
}
"""How the limit is told where "threshold" would not be the word."""
