"""The table of access as rules for a Mosquitto (`acl_file`), for houses that have one instead of our broker.

A rule lets one user name write or read what a filter matches. It allows what `broker/access.py` allows and no more: a
`+` stands only where the identity reaches everybody's. What Mosquitto cannot be told is not in it: which client id goes
with a user name, that a topic may not be retained, and when a token ends.
"""

from collections.abc import Iterator

from broker.access import TABLE, Row, parties
from broker.claims import Claims
from broker.topics import TEMPLATES, Kind, Slot


def rules_of_bridge(username: str) -> str:
    """Return the rules of the bridge, which also finds and empties what others left there."""
    return f"user {username}\ntopic readwrite hotels/#\ntopic readwrite platform/monitor\n"


def rules_of(claims: Claims) -> str:
    """Return the rules of a device, a person or an integrator."""
    return "\n".join([f"user {claims.sub}", *_topics(claims), ""])


def _topics(claims: Claims) -> Iterator[str]:
    who = parties(claims)
    for kind, row in TABLE.items():
        words = [word for word, may in (("write", row.writers), ("read", row.readers)) if may & who]
        topic_filter = _filter(kind, row, claims)
        if words and topic_filter is not None:
            yield f"topic {'readwrite' if len(words) == 2 else words[0]} {topic_filter}"


def _filter(kind: Kind, row: Row, claims: Claims) -> str | None:
    """What the identity reaches of a kind; None for nothing, as without a hotel."""
    template = TEMPLATES[kind]
    if Slot.HOTEL in template and claims.hotel_id is None:
        return None
    filled: dict[str | Slot, str] = {
        Slot.HOTEL: claims.hotel_id or "",
        Slot.SUBJECT: claims.name if row.owner is claims.type else "+",
        Slot.PMS_KIND: "+",
        Slot.TAIL: "#",
    }
    return "/".join(filled.get(level, level) for level in template)
