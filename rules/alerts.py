"""The alert: what staff see and acknowledge; and the change of one, which the store makes durable."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from rules.ids import AlertId, DeviceId, IncidentId, RoomId


class Severity(StrEnum):
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANK[self]


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Family(StrEnum):
    BREACH = "breach"
    SILENCE = "silence"
    BATTERY = "battery"
    TOKEN = "token"  # noqa: S105, a family: the hotel's IT, never a theft
    CHECKOUT = "checkout"
    NEVER_SEEN = "never-seen"
    POWER = "power"
    TAMPER = "tamper"
    CLOCK = "clock"
    ROOM = "room"
    BACKLOG = "backlog"
    IDENTITY = "identity"


class Rule(StrEnum):
    BREACH_SIGNAL = "breach.signal"
    BREACH_ACCESS_POINT = "breach.access-point"
    BREACH_REPORTED = "breach.reported"
    SILENCE = "silence"
    WIFI_OFF = "wifi-off"
    POWERED_OFF = "powered-off"
    BATTERY_LOW = "battery.low"
    BATTERY_CRITICAL = "battery.critical"
    TOKEN_EXPIRING = "token.expiring"  # noqa: S105, a rule
    TOKEN_EXPIRED = "token.expired"  # noqa: S105, a rule
    CHECKOUT_GUARD = "checkout.guard"
    NEVER_SEEN = "never-seen"
    AGENT_STUCK = "agent-stuck"  # of the silence family
    BATTERY_DRAIN = "battery.drain"
    BATTERY_TONIGHT = "battery.tonight"
    POWER_UNPLUGGED = "power.unplugged"
    POWER_OVERHEAT = "power.overheat"
    TAMPER_ROOT = "tamper.root"
    TAMPER_DEBUGGER = "tamper.debugger"
    TAMPER_USB_DEBUG = "tamper.usb-debug"
    TAMPER_EMULATOR = "tamper.emulator"
    TAMPER_KIOSK = "tamper.kiosk"
    TAMPER_AGENT_REMOVED = "tamper.agent-removed"
    TAMPER_OTHER = "tamper.other"
    CLOCK_SKEW = "clock.skew"
    ROOM_MISMATCH = "room.mismatch"
    ROOM_SWAPPED = "room.swapped"
    BACKLOG_STUCK = "backlog.stuck"
    IDENTITY_CONFLICT = "identity.conflict"

    @property
    def family(self) -> Family:
        """Mostly what stands before the dot of its name."""
        return _FAMILY[self]


_OF_SILENCE = frozenset({Rule.WIFI_OFF, Rule.POWERED_OFF, Rule.AGENT_STUCK})
_FAMILY = {rule: Family.SILENCE if rule in _OF_SILENCE else Family(rule.partition(".")[0]) for rule in Rule}


class Because(StrEnum):
    """Why a verdict was reached. One value for log, event, page and test."""

    SIGNAL_BELOW_FLOOR = "signal-below-floor"
    ROOM_NOT_CALIBRATED = "room-not-calibrated"
    MOVED = "moved"  # on a neighbouring room's access point
    OUT_OF_ZONE = "out-of-zone"  # on the hotel's, elsewhere
    FOREIGN = "foreign"  # on an access point that is not the hotel's
    INVENTORY_INCOMPLETE = "inventory-incomplete"  # so that what is not listed may be the hotel's all the same
    REPORTED = "reported"
    SILENT_AFTER_REPORT = "silent-after-report"
    NOTHING_HEARD = "nothing-heard"
    CONNECTION_LOST = "connection-lost"  # the will
    NOT_LISTENING = "not-listening"  # for so long of it we heard nobody, which does not count
    OVERSLEPT = "overslept"
    BYE_OVERDUE = "bye-overdue"
    WIFI_OFF = "wifi-off"
    POWERED_OFF = "powered-off"
    BATTERY_LOW = "battery-low"
    BATTERY_CRITICAL = "battery-critical"
    TOKEN_NOT_RENEWED = "token-not-renewed"  # noqa: S105, a reason
    TOKEN_EXPIRED = "token-expired"  # noqa: S105
    KEPT_OUT = "kept-out"  # we ended its connection, for its token had expired
    STILL_FIRING = "still-firing"
    FLAPPING = "flapping"  # it began and ended too often
    CALM_AGAIN = "calm-again"  # what was flapping, for long enough
    SIGNAL_RECOVERED = "signal-recovered"
    BACK_ON_OWN_ACCESS_POINT = "back-on-own-access-point"
    REPORTED_RECOVERY = "reported-recovery"
    SIGNAL_FELL = "signal-fell"  # in the last minute before it fell silent
    DID_NOT_RETURN = "did-not-return"  # when the others of an outage did
    AREA_SILENT = "area-silent"  # why there is an incident; so the next two
    HOTEL_SILENT = "hotel-silent"
    NOT_BACK_AFTER_US = "not-back-after-us"  # we heard nobody for a while, and many did not come back
    PART_OF_OUTAGE = "part-of-outage"  # why nobody is told of the alert by itself
    HEARD_AGAIN = "heard-again"
    BATTERY_RECOVERED = "battery-recovered"
    CHARGING = "charging"
    TOKEN_RENEWED = "token-renewed"  # noqa: S105
    TOKEN_REVOKED = "token-revoked"  # noqa: S105
    NEVER_HEARD = "never-heard"
    FIRST_HEARD = "first-heard"
    NO_HEARTBEAT = "no-heartbeat"  # although its connection lives
    DRAINING = "draining"
    DRAIN_SLOWED = "drain-slowed"
    DIES_TONIGHT = "dies-tonight"
    LASTS_TILL_MORNING = "lasts-till-morning"
    MORNING = "morning"
    CARRIED_OFF = "carried-off"  # unplugged, and its signal fell at once
    PLUGGED_IN = "plugged-in"
    OVERHEATED = "overheated"
    COOLED_DOWN = "cooled-down"
    ROOTED = "rooted"
    DEBUGGED = "debugged"
    USB_DEBUGGING = "usb-debugging"
    EMULATED = "emulated"
    KIOSK_LEFT = "kiosk-left"
    AGENT_REMOVED = "agent-removed"
    TAMPERED = "tampered"  # in the tablet's own words, which are none of ours
    REPORTED_CLEAN = "reported-clean"
    CLOCK_WRONG = "clock-wrong"
    CLOCK_RIGHT = "clock-right"
    LIVES_ELSEWHERE = "lives-elsewhere"  # on the access points of another room, nearly all the time
    SAYS_ANOTHER_ROOM = "says-another-room"
    SWAPPED = "swapped"
    TOLD_OF_ITS_PARTNER = "told-of-its-partner"
    FITS_AGAIN = "fits-again"
    BACKLOG_LONG = "backlog-long"
    BACKLOG_OLD = "backlog-old"
    BACKLOG_EMPTY = "backlog-empty"
    TAKEN_OVER = "taken-over"
    NOT_TAKEN_OVER = "not-taken-over"  # for long enough
    NO_LONGER_JUDGED = "no-longer-judged"  # the room has lost what the cause was held against
    HELD_OTHERWISE = "held-otherwise"  # by thresholds or access points that are others now (`rules.review`)
    DEVICE_REMOVED = "device-removed"
    DEPARTING = "departing"  # this and the next three: what the hotel's systems say of the room (`rules.context`)
    ROOM_VACANT = "room-vacant"
    OUT_OF_SERVICE = "out-of-service"
    HOUSEKEEPING = "housekeeping"
    MAINTENANCE = "maintenance"  # a window: why nobody is told (`rules.maintenance`)
    CHECKED_OUT = "checked-out"  # and the tablet is, in the words of the next three:
    GONE_SILENT = "gone-silent"
    GONE_ELSEWHERE = "gone-elsewhere"
    UNPLUGGED = "unplugged"
    SEEN_IN_ITS_ROOM = "seen-in-its-room"
    WITHIN_ALLOWANCE = "within-allowance"  # this and the following: why there was no alert (`rules.hindsight`)
    ASLEEP = "asleep"
    SAID_GOODBYE = "said-goodbye"
    WE_BEGAN_AGAIN = "we-began-again"  # the grace that every tablet has after our own start
    TOO_FEW_SAMPLES = "too-few-samples"
    TOO_SHORT = "too-short"
    NO_ACCESS_POINTS_KNOWN = "no-access-points-known"
    OWN_ACCESS_POINTS = "own-access-points"
    CAME_LATE = "came-late"
    LOW_ON_CHARGER = "low-on-charger"
    FALLS_ON_CHARGER = "falls-on-charger"
    HEARTBEATS_LATE = "heartbeats-late"  # while something else was heard of it
    HAS_NEWER_TOKEN = "has-newer-token"  # noqa: S105, a reason
    TOO_FEW_TAKE_OVERS = "too-few-take-overs"
    ONLY_RESTARTED = "only-restarted"  # of the boots that took over, none came back
    DRAINS_SLOWLY = "drains-slowly"
    NOT_YET_EVENING = "not-yet-evening"
    TOO_SMALL_A_SHARE = "too-small-a-share"  # of half an hour was spent elsewhere
    GUARD_OVER = "guard-over"  # the check-out was too long ago
    NOT_DOCKED = "not-docked"  # its room has no dock that it could be off
    DISMISSED = "dismissed"  # a person had resolved it, and it went on; this and the next: why nobody was told
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    NO_CHANNEL = "no-channel"  # the hotel had none by which to tell


class Reason(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One line of an alert's `why`: the reason, what was observed and what it was held against.

    `observed` and `limit` share the unit of the reason: dBm, percent (an hour), seconds, °C, messages, or text: BSSIDs,
    rooms, a device.
    """

    because: Because
    observed: float | str | None = None
    limit: float | str | None = None
    cause: str | None = None  # in the tablet's own words
    samples: int | None = None
    since: datetime | None = None  # the first of what was observed


class AlertStatus(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


class Condition(StrEnum):
    ACTIVE = "active"
    CLEARED = "cleared"


class Cause(Struct, frozen=True):
    """One thing that keeps an alert open now, as strong as its family holds it to be."""

    rule: Rule
    severity: Severity
    why: tuple[Reason, ...]


class OpenAlert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The condition side of an alert that is firing, as the rules carry it in the device's state.

    `count` and `last_at` move with every signal that fires; `why` only together with a change that is told.
    `severity` is what staff see: that of the strongest cause where the device is now (`rules.context`) and at this time
    (`rules.maintenance`). `causes` are as their family gave them; whoever reckons with time goes by `strength`.

    It is here for as long as the rules have to do with it: also while no cause is left and it is held (`calm_since`),
    and while its causes go on that a person has resolved it with (`dismissed`).
    """

    id: AlertId
    family: Family
    rule: Rule
    severity: Severity
    opened_at: datetime
    last_at: datetime
    count: int = 1
    why: tuple[Reason, ...] = ()
    causes: tuple[Cause, ...] = ()
    suppressed_by: Because | None = None  # nobody is told, for this reason
    fired_at: datetime | None = None  # when it was opened, or opened again
    turns: tuple[datetime, ...] = ()  # when its condition began and ended, of the last half hour
    looked_at: datetime | None = None  # when it was last judged anew, or seen to look otherwise
    flapping: Reason | None = None  # that it did so too often
    calm_since: datetime | None = None  # since when no cause is left
    condition: Condition = Condition.ACTIVE
    dismissed: Severity | None = None  # a person resolved it when it was so severe
    dismissed_at: datetime | None = None
    dismissed_causes: tuple[Cause, ...] = ()  # what it was resolved with; an older version did not note it

    @property
    def bare(self) -> tuple[Cause, ...]:
        """Its causes, the strongest first; of an alert that an older version opened, what it looked like."""
        return self.causes or (Cause(self.rule, self.severity, self.why),)

    @property
    def strength(self) -> Severity:
        """How severe its family holds it to be, wherever the device is."""
        return self.bare[0].severity


class EndedAlert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alert that is over, for as long as what comes next may still concern it (`rules.remembered.REMEMBERED`)."""

    alert: OpenAlert
    at: datetime  # when it was over
    why: tuple[Reason, ...] = ()  # what ended it


class ChangeKind(StrEnum):
    OPENED = "opened"
    CHANGED = "changed"  # cause, reasons or a lower severity
    WORSENED = "worsened"  # severity rose
    RELABELLED = "relabelled"  # what came late explains it better; nobody is told, and it may be over already
    REOPENED = "reopened"  # it fires again, shortly after it was over or while it waited for a person
    FLAPPING = "flapping"  # its condition would have ended, once too often: from here on it is held open
    SUPPRESSED = "suppressed"  # from here on nobody is told of it
    RELEASED = "released"  # it fires still, and nothing suppresses it any more
    SUBSIDED = "subsided"  # the condition ended; it waits for a person to resolve it
    CLEARED = "cleared"  # the condition ended: the alert is resolved as recovered


class AlertChange(Struct, frozen=True, kw_only=True):
    """What became of one alert: `alert` is its condition after the change, `at` the moment it is dated at.

    `why` is the alert's own, except when its condition ended: then it says what ended it, and `alert.why` what it was.
    """

    kind: ChangeKind
    alert: OpenAlert
    at: datetime
    why: tuple[Reason, ...]


class Acknowledgment(Struct, frozen=True, rename="camel"):
    by: str
    at: datetime
    note: str | None = None


class AlertSnapshot(Struct, frozen=True, rename="camel", kw_only=True):
    """An alert as others see it, whole: on `hotels/{h}/alerts/{id}`, over HTTP and in `alert.*` events."""

    id: AlertId
    device_id: DeviceId
    room_id: RoomId | None
    floor: str | None
    family: Family
    rule: Rule
    severity: Severity
    status: AlertStatus
    condition: Condition
    opened_at: datetime
    last_at: datetime
    count: int
    why: tuple[Reason, ...]
    revision: int
    acknowledged: Acknowledgment | None = None
    assignee: str | None = None
    snoozed_until: datetime | None = None
    suppressed_by: str | None = None
    resolved_at: datetime | None = None
    drill: bool = False
    incident_id: IncidentId | None = None  # the incident that speaks for it, or did
    flapping: bool = False
    reopened: int = 0  # how often it fired again
    resolved_by: str | None = None  # who ended it by hand
    rule_version: str | None = None
