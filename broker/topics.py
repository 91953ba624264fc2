"""The grammar of topic names: the table of docs/contract.md, "Topics", and what it means to match or contain one.

Names are strict: a topic that is not in the table does not parse, so nobody can publish to it.
"""

from enum import StrEnum

from msgspec import Struct

from rules.ids import AlertId, DeviceId, HotelId, is_id


class Kind(StrEnum):
    """A row of the table. Two rows whose topics end in the same word have different values."""

    HEARTBEAT = "heartbeat"
    ALERT = "alert"
    STATE = "state"
    BACKLOG = "backlog"
    RESULT = "result"
    RENEW = "renew"
    RECEIPT = "receipt"
    CONFIG = "config"
    COMMAND = "command"
    TOKEN = "token"  # noqa: S105, the name of a topic
    ENDED = "ended"
    STATUS = "status"
    ALERT_SNAPSHOT = "alert-snapshot"
    EVENTS = "events"
    ROOM_STATE = "room-state"
    DO = "do"
    DO_RESULT = "do-result"
    PMS_IN = "pms-in"
    PMS_RESULT = "pms-result"
    CLEARANCE = "clearance"
    MONITOR = "monitor"
    PLATFORM_MONITOR = "platform-monitor"
    EXT = "ext"


class Topic(Struct, frozen=True):
    """A parsed name. `subject` is the device, alert, room, person or integrator that it names.

    `rest` is what follows: the kind of a pms message, or the levels below an integrator's own space, which is None for
    the topmost topic of that space.
    """

    kind: Kind
    hotel_id: HotelId | None
    subject: str | None = None
    rest: str | None = None


class Slot(StrEnum):
    """A level of a template that is not fixed."""

    HOTEL = "{hotel}"
    SUBJECT = "{subject}"
    PMS_KIND = "{kind}"
    TAIL = "{tail}"  # any number of levels, none included


PMS_KINDS = frozenset({"checkin", "checkout", "move", "room-status"})

_H, _S = Slot.HOTEL, Slot.SUBJECT
_OF_DEVICES = (
    Kind.HEARTBEAT, Kind.ALERT, Kind.STATE, Kind.BACKLOG, Kind.RESULT, Kind.RENEW, Kind.RECEIPT, Kind.CONFIG,
    Kind.COMMAND, Kind.TOKEN, Kind.ENDED, Kind.STATUS,
)  # fmt: skip

TEMPLATES: dict[Kind, tuple[str | Slot, ...]] = {
    **{kind: ("hotels", _H, "devices", _S, str(kind)) for kind in _OF_DEVICES},
    Kind.ALERT_SNAPSHOT: ("hotels", _H, "alerts", _S),
    Kind.EVENTS: ("hotels", _H, "events"),
    Kind.ROOM_STATE: ("hotels", _H, "rooms", _S, "state"),
    Kind.DO: ("hotels", _H, "staff", _S, "do"),
    Kind.DO_RESULT: ("hotels", _H, "staff", _S, "result"),
    Kind.PMS_IN: ("hotels", _H, "pms", _S, "in", Slot.PMS_KIND),
    Kind.PMS_RESULT: ("hotels", _H, "pms", _S, "result"),
    Kind.CLEARANCE: ("hotels", _H, "clearance", _S),
    Kind.MONITOR: ("hotels", _H, "monitor"),
    Kind.PLATFORM_MONITOR: ("platform", "monitor"),
    Kind.EXT: ("hotels", _H, "ext", _S, Slot.TAIL),
}

BRIDGE_INBOUND = frozenset(
    {
        Kind.HEARTBEAT, Kind.ALERT, Kind.STATE, Kind.BACKLOG, Kind.RESULT, Kind.RENEW, Kind.ENDED, Kind.DO, Kind.PMS_IN,
    }
)  # fmt: skip
"""What the bridge consumes: acknowledged after the commit that stores it."""

RETAINED = frozenset(
    {Kind.CONFIG, Kind.STATUS, Kind.ALERT_SNAPSHOT, Kind.ROOM_STATE, Kind.MONITOR, Kind.PLATFORM_MONITOR}
)
"""What the bridge publishes retained, and therefore republishes or empties at its start."""

MAY_RETAIN = RETAINED | {Kind.EXT}


def everybodys(kind: Kind) -> str:
    """Return the filter that matches every topic of a kind, in all hotels."""
    return "/".join(
        "#" if level is Slot.TAIL else "+" if isinstance(level, Slot) else level for level in TEMPLATES[kind]
    )


BRIDGE_FILTERS = tuple(sorted(everybodys(kind) for kind in BRIDGE_INBOUND))
"""What a bridge behind a broker of ours subscribes to."""

BELIEVED_ANYWHERE = BRIDGE_INBOUND - {Kind.ENDED}
"""What the bridge consumes of a broker that is not ours: it ends nobody's token, so whoever says so there is lying."""


def parse(topic: str) -> Topic | None:
    """Return what a topic name of the table means, or None for any other text, wildcards included."""
    levels = topic.split("/")
    family = levels[2] if len(levels) > 2 else ""
    for kind in _BY_FAMILY.get(family, ()):
        found = _match(kind, levels)
        if found is not None:
            return found
    return None


def _match(kind: Kind, levels: list[str]) -> Topic | None:
    template = TEMPLATES[kind]
    tail = template[-1] is Slot.TAIL
    fixed = len(template) - tail
    if len(levels) < fixed or (len(levels) > fixed and not tail):
        return None
    values: dict[str | Slot, str] = {}
    for wanted, level in zip(template[:fixed], levels, strict=False):
        if isinstance(wanted, Slot):
            if not fills(wanted, level):
                return None
            values[wanted] = level
        elif wanted != level:
            return None
    hotel, subject, rest = values.get(Slot.HOTEL), values.get(Slot.SUBJECT), values.get(Slot.PMS_KIND)
    if tail and len(levels) > fixed:
        rest = "/".join(levels[fixed:])
        if not fills(Slot.TAIL, rest):
            return None
    return Topic(kind, HotelId(hotel) if hotel is not None else None, subject, rest)


def fills(slot: Slot, text: str) -> bool:
    """Whether `text` may stand where the template has `slot`."""
    match slot:
        case Slot.HOTEL | Slot.SUBJECT:
            return is_id(text)
        case Slot.PMS_KIND:
            return text in PMS_KINDS
        case Slot.TAIL:
            return is_name(text, empty_allowed=True)


def _by_family() -> dict[str, tuple[Kind, ...]]:
    """Return the rows by their third level, which tells most of them apart; "" holds the shorter ones."""
    families: dict[str, list[Kind]] = {}
    for kind, template in TEMPLATES.items():
        families.setdefault(template[2] if len(template) > 2 else "", []).append(kind)
    return {family: tuple(kinds) for family, kinds in families.items()}


_BY_FAMILY = _by_family()


def is_name(text: str, *, empty_allowed: bool = False) -> bool:
    """Whether MQTT lets a message be published to `text` (3.1.1 §4.7; length and UTF-8 are the codec's business)."""
    return (empty_allowed or text != "") and not any(mark in text for mark in ("+", "#", "\0"))


def is_filter(text: str) -> bool:
    """Whether `text` is a well-formed filter (3.1.1 §4.7.1): `#` only at the end, wildcards only as whole levels."""
    if text == "" or "\0" in text:
        return False
    levels = text.split("/")
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        return False
    return not any("+" in level and level != "+" for level in levels)


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a well-formed filter matches a name. No wildcard at the front matches a `$` topic (3.1.1 §4.7.2)."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in {"+", "#"}:
        return False
    if wanted[-1] == "#":
        wanted.pop()
        if len(levels) < len(wanted):
            return False
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(want in ("+", level) for want, level in zip(wanted, levels, strict=True))


def name_of(topic: Topic) -> str:
    """Return the topic as it stands in a packet; `parse` reads it back."""
    words = {Slot.HOTEL: topic.hotel_id, Slot.SUBJECT: topic.subject, Slot.PMS_KIND: topic.rest, Slot.TAIL: topic.rest}
    levels = (words[level] if isinstance(level, Slot) else level for level in TEMPLATES[topic.kind])
    return "/".join(level for level in levels if level is not None)


def device_topic(hotel_id: HotelId, device_id: DeviceId, kind: Kind) -> str:
    """Return the topic of one of a device's kinds, from `heartbeat` to `status`."""
    return f"hotels/{hotel_id}/devices/{device_id}/{kind}"


def status_topic(hotel_id: HotelId, device_id: DeviceId) -> str:
    return device_topic(hotel_id, device_id, Kind.STATUS)


def alert_topic(hotel_id: HotelId, alert_id: AlertId) -> str:
    return f"hotels/{hotel_id}/alerts/{alert_id}"


def events_topic(hotel_id: HotelId) -> str:
    return f"hotels/{hotel_id}/events"


def monitor_topic(hotel_id: HotelId) -> str:
    return f"hotels/{hotel_id}/monitor"
