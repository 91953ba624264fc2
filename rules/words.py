"""Every rule and every reason in words, for notices, the command line and whoever else speaks to people.

The console has its own words for the same (`api/console/words.js`); tests see that neither lacks one.
"""

from datetime import tzinfo

from rules.alerts import Because, Family, Reason, Rule
from rules.figures import held_against, seen
from rules.hindsight.levels import Level
from rules.incident import Outage, Scope


def explain(reason: Reason, zone: tzinfo) -> str:
    """One reason in a sentence, with what was measured and what that was held against."""
    because = reason.because
    details = [
        seen(because, _plain(reason.observed)),
        held_against(because, _plain(reason.limit)),
        f"{reason.samples} samples" if reason.samples else None,
        f"since {reason.since.astimezone(zone):%H:%M:%S}" if reason.since else None,
        f'the tablet says "{one_line(reason.cause)}"' if reason.cause else None,
    ]
    known = [detail for detail in details if detail]
    return SENTENCES[because] + (f" ({', '.join(known)})" if known else "")


def place_in_words(scope: Scope, place: str | None) -> str:
    """What is out: an access point, zone or floor of the hotel, or all of it."""
    return "the whole hotel" if place is None else f"{scope.value.replace('-', ' ')} {one_line(place)}"


def _plain(value: float | str | None) -> float | str | None:
    return one_line(value) if isinstance(value, str) else value


def one_line(text: str, *, most: int = 120) -> str:
    """Cut text that we did not write to one line of printable characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


HAPPENED = {
    Rule.BREACH_SIGNAL: "tablet is leaving its room",
    Rule.BREACH_ACCESS_POINT: "tablet is out of its room",
    Rule.BREACH_REPORTED: "tablet reports that it is being taken away",
    Rule.SILENCE: "tablet has gone silent",
    Rule.WIFI_OFF: "Wi-Fi was switched off on the tablet",
    Rule.POWERED_OFF: "tablet was switched off",
    Rule.BATTERY_LOW: "tablet battery is low",
    Rule.BATTERY_CRITICAL: "tablet battery is almost empty",
    Rule.TOKEN_EXPIRING: "tablet has not renewed its access, which ends soon",
    Rule.TOKEN_EXPIRED: "tablet is not let in any more, its access has expired",
    Rule.CHECKOUT_GUARD: "the guest has checked out and the tablet is gone",
    Rule.NEVER_SEEN: "tablet was never heard",
    Rule.AGENT_STUCK: "tablet is connected but says nothing",
    Rule.BATTERY_DRAIN: "tablet battery empties fast",
    Rule.BATTERY_TONIGHT: "tablet battery will not last the night",
    Rule.POWER_UNPLUGGED: "tablet is off its dock",
    Rule.POWER_OVERHEAT: "tablet is too hot",
    Rule.TAMPER_ROOT: "tablet was rooted",
    Rule.TAMPER_DEBUGGER: "a debugger is attached to the tablet",
    Rule.TAMPER_USB_DEBUG: "USB debugging is on at the tablet",
    Rule.TAMPER_EMULATOR: "something else pretends to be the tablet",
    Rule.TAMPER_KIOSK: "tablet is out of its kiosk",
    Rule.TAMPER_AGENT_REMOVED: "the agent was removed from the tablet",
    Rule.TAMPER_OTHER: "tablet was tampered with",
    Rule.CLOCK_SKEW: "tablet clock is wrong",
    Rule.ROOM_MISMATCH: "tablet is in another room than it belongs to",
    Rule.ROOM_SWAPPED: "two tablets are in each other's room",
    Rule.BACKLOG_STUCK: "tablet cannot get rid of what it kept",
    Rule.IDENTITY_CONFLICT: "two tablets speak under one name",
}

DECIDED_BY = {
    Level.DEFAULT: "nobody, it is the default",
    Level.HOTEL: "the hotel",
    Level.ROOM: "the room",
    Level.DEVICE: "the tablet",
    Level.MOVED: "nobody, it keeps apart from another",
    Level.CHANGED: "not known, it was changed since",
}
"""Who decided a threshold that was in force."""

OUT = {
    Outage.AREA: "part of the hotel is not heard",
    Outage.HOTEL: "most of the hotel is not heard",
    Outage.OWN: "Innwatch itself was away, and many tablets have not come back",
}

WAS_OUT = {
    Outage.AREA: "part of the hotel was not heard",
    Outage.HOTEL: "most of the hotel was not heard",
    Outage.OWN: "Innwatch itself was away, and many tablets did not come back at once",
}

RECOVERED = {
    Family.BREACH: "tablet is back",
    Family.SILENCE: "tablet is heard again",
    Family.BATTERY: "tablet battery is fine again",
    Family.TOKEN: "tablet has access again",
    Family.CHECKOUT: "tablet is in its room after the check-out",
    Family.NEVER_SEEN: "tablet is heard",
    Family.POWER: "tablet is on its dock and cool again",
    Family.TAMPER: "nothing wrong is found with the tablet any more",
    Family.CLOCK: "tablet clock is right again",
    Family.ROOM: "tablet is where it belongs",
    Family.BACKLOG: "tablet has sent all that it kept",
    Family.IDENTITY: "one tablet speaks under the name again",
}

SENTENCES = {
    Because.SIGNAL_BELOW_FLOOR: "its Wi-Fi signal is too weak for this room",
    Because.ROOM_NOT_CALIBRATED: "its Wi-Fi signal is weak, but the room is not calibrated",
    Because.MOVED: "it is on the access point of a neighbouring room",
    Because.OUT_OF_ZONE: "it is on an access point elsewhere in the hotel",
    Because.FOREIGN: "it is on a Wi-Fi that is not the hotel's",
    Because.INVENTORY_INCOMPLETE: "not all access points of the hotel are listed, so it may be one of them",
    Because.REPORTED: "the tablet said so itself",
    Because.SILENT_AFTER_REPORT: "it reported trouble and then fell silent",
    Because.NOTHING_HEARD: "no heartbeat arrives any more",
    Because.CONNECTION_LOST: "its connection broke without a goodbye",
    Because.NOT_LISTENING: "nobody was listening for a part of that time, which does not count",
    Because.MAINTENANCE: "somebody works there, so nobody is told until the maintenance window is over",
    Because.OVERSLEPT: "it did not wake up when it should",
    Because.BYE_OVERDUE: "it said goodbye and did not come back in time",
    Because.WIFI_OFF: "the tablet said that its Wi-Fi is being switched off",
    Because.POWERED_OFF: "the tablet said that it is being switched off",
    Because.BATTERY_LOW: "it should be put on its charger",
    Because.BATTERY_CRITICAL: "it will soon switch itself off",
    Because.TOKEN_NOT_RENEWED: "it should have asked for a new token by now, look at it before it is kept out",
    Because.TOKEN_EXPIRED: "its token has expired, it must be enrolled again unless it has a newer one",
    Because.KEPT_OUT: "its token has expired and it did not come back with another, enrol it again",
    Because.STILL_FIRING: "it has not ended",
    Because.NEVER_HEARD: "it was added and nothing of it arrived yet",
    Because.NO_HEARTBEAT: "its connection lives but its heartbeats have stopped, its app may hang",
    Because.DRAINING: "it loses its charge faster than it should",
    Because.DIES_TONIGHT: "it should be charged before the night",
    Because.CARRIED_OFF: "it was taken off its dock and its signal fell at once",
    Because.OVERHEATED: "take it out of the sun or off its charger",
    Because.ROOTED: "its system was opened, it can no longer be trusted",
    Because.DEBUGGED: "somebody looks into it with a debugger",
    Because.USB_DEBUGGING: "it can be controlled over its USB port",
    Because.EMULATED: "its agent runs in an emulator",
    Because.KIOSK_LEFT: "its guest can reach more than the hotel's app",
    Because.AGENT_REMOVED: "it can no longer be watched",
    Because.TAMPERED: "the tablet said so itself",
    Because.CLOCK_WRONG: "its clock differs from ours, set it to automatic",
    Because.LIVES_ELSEWHERE: "it is on another room's access points nearly all the time",
    Because.SAYS_ANOTHER_ROOM: "it reports another room",
    Because.SWAPPED: "it and another tablet are where the other belongs",
    Because.BACKLOG_LONG: "too many messages wait in it",
    Because.BACKLOG_OLD: "messages have waited in it for too long",
    Because.TAKEN_OVER: "two pieces of hardware put each other out, one may be a copy",
    Because.FLAPPING: "it keeps coming and going",
    Because.CALM_AGAIN: "it has been calm for long enough",
    Because.SIGNAL_RECOVERED: "its Wi-Fi signal is good again",
    Because.BACK_ON_OWN_ACCESS_POINT: "it is on its own room's access point again",
    Because.REPORTED_RECOVERY: "the tablet said so itself",
    Because.SIGNAL_FELL: "its signal fell in its last minute, as when somebody carries it off",
    Because.DID_NOT_RETURN: "it did not return when the others did",
    Because.AREA_SILENT: "so many tablets of one place fell silent at once",
    Because.HOTEL_SILENT: "most tablets of the hotel fell silent at once",
    Because.NOT_BACK_AFTER_US: "Innwatch heard nobody for a while, and many tablets did not come back",
    Because.PART_OF_OUTAGE: "it is told as part of an outage",
    Because.HEARD_AGAIN: "its heartbeats arrive again",
    Because.BATTERY_RECOVERED: "it has enough charge",
    Because.CHARGING: "it is charging",
    Because.TOKEN_RENEWED: "it was given a new token",
    Because.TOKEN_REVOKED: "its tokens were revoked by somebody of the hotel",
    Because.FIRST_HEARD: "its first message arrived",
    Because.DRAIN_SLOWED: "it loses its charge slowly enough again",
    Because.LASTS_TILL_MORNING: "it will last until the morning",
    Because.MORNING: "the night is over",
    Because.PLUGGED_IN: "it is on its dock again",
    Because.COOLED_DOWN: "it has cooled down",
    Because.REPORTED_CLEAN: "the tablet looked again and found nothing",
    Because.CLOCK_RIGHT: "its clock agrees with ours",
    Because.FITS_AGAIN: "it is on its own room's access points",
    Because.TOLD_OF_ITS_PARTNER: "the alert of the other tablet tells of both",
    Because.BACKLOG_EMPTY: "nothing waits in it",
    Because.NOT_TAKEN_OVER: "it has not happened again for long enough",
    Because.NO_LONGER_JUDGED: "the room has no limits any more that it could be held against",
    Because.HELD_OTHERWISE: "by the thresholds and access points that hold now it is none",
    Because.DEVICE_REMOVED: "the tablet was removed from Innwatch",
    Because.DEPARTING: "the guest is about to leave",
    Because.ROOM_VACANT: "nobody lives in the room",
    Because.OUT_OF_SERVICE: "the room is out of service",
    Because.HOUSEKEEPING: "housekeeping is in the room",
    Because.CHECKED_OUT: "the guest has checked out",
    Because.GONE_SILENT: "it is not heard",
    Because.GONE_ELSEWHERE: "it is not in its room",
    Because.UNPLUGGED: "it was taken off its charger",
    Because.SEEN_IN_ITS_ROOM: "it has been in its room all this while",
    Because.WITHIN_ALLOWANCE: "it was silent for no longer than it may be",
    Because.ASLEEP: "it had said that it would sleep",
    Because.SAID_GOODBYE: "it had said goodbye for a while",
    Because.WE_BEGAN_AGAIN: "Innwatch itself had just begun to listen, and gave every tablet time to come back",
    Because.TOO_FEW_SAMPLES: "too few samples in a row said so",
    Because.TOO_SHORT: "it lasted for too short a time",
    Because.NO_ACCESS_POINTS_KNOWN: "no access points of the room are known, so nothing could be held against it",
    Because.OWN_ACCESS_POINTS: "it moved between the access points of its own room",
    Because.CAME_LATE: "it came late, when it was history already",
    Because.LOW_ON_CHARGER: "its battery was low, and it was on its charger",
    Because.FALLS_ON_CHARGER: "it loses its charge fast, and it is on its charger, which may not suffice",
    Because.HEARTBEATS_LATE: "its heartbeats were late, for no longer than they may be, while it was heard otherwise",
    Because.HAS_NEWER_TOKEN: "its token had expired, but it had a newer one and time to come back with that",
    Because.TOO_FEW_TAKE_OVERS: "too few times within minutes did one start of it put out another",
    Because.ONLY_RESTARTED: "it started anew several times, and no earlier start of it came back",
    Because.DRAINS_SLOWLY: "it loses its charge fast, but slower than the limit",
    Because.NOT_YET_EVENING: "it would not last the night as it goes on, which is told at 21:00",
    Because.TOO_SMALL_A_SHARE: "too little of half an hour was spent at another room",
    Because.GUARD_OVER: "the check-out was too long ago to be about it, see its other alerts",
    Because.NOT_DOCKED: "it was taken off its charger, and nobody said that the tablets of its room stay on theirs",
    Because.DISMISSED: "somebody had resolved it by hand while it went on",
    Because.ACKNOWLEDGED: "somebody had acknowledged it before the notice was sent",
    Because.SNOOZED: "somebody had snoozed it before the notice was sent",
    Because.NO_CHANNEL: "the hotel had no channel by which to tell anybody",
}

ENDING = frozenset(
    {
        Because.SIGNAL_RECOVERED,
        Because.BACK_ON_OWN_ACCESS_POINT,
        Because.REPORTED_RECOVERY,
        Because.HEARD_AGAIN,
        Because.BATTERY_RECOVERED,
        Because.CHARGING,
        Because.TOKEN_RENEWED,
        Because.TOKEN_REVOKED,
        Because.FIRST_HEARD,
        Because.DRAIN_SLOWED,
        Because.LASTS_TILL_MORNING,
        Because.MORNING,
        Because.PLUGGED_IN,
        Because.COOLED_DOWN,
        Because.REPORTED_CLEAN,
        Because.CLOCK_RIGHT,
        Because.FITS_AGAIN,
        Because.TOLD_OF_ITS_PARTNER,
        Because.BACKLOG_EMPTY,
        Because.NOT_TAKEN_OVER,
        Because.NO_LONGER_JUDGED,
        Because.HELD_OTHERWISE,
        Because.DEVICE_REMOVED,
        Because.SEEN_IN_ITS_ROOM,
        Because.CALM_AGAIN,
    }
)
