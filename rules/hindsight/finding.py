"""What hindsight finds, as it stands on the wire."""

from datetime import datetime

from msgspec import Struct

from rules.alerts import Family, Reason, Rule
from rules.ids import AlertId
from rules.policy import Assignment


class Finding(Struct, frozen=True, rename="camel", kw_only=True):
    """Something that spoke for trouble in [since, until]: `signs` messages, or one silence.

    `until` None: it was not over by the end of what was asked for.

    `rule` is the one that it spoke for, or names a silence. With `alert_id` an alert came of it, or was open
    already, and `because` is why. Without one, `because` is what held it back: the true suppressor, which is what the
    rules themselves held against it. `untold` is why nobody was told of an alert, where that is so.
    """

    family: Family
    rule: Rule
    since: datetime
    until: datetime | None
    signs: int
    because: Reason
    alert_id: AlertId | None = None
    untold: Reason | None = None


class Heard(Struct, frozen=True, rename="camel", kw_only=True):
    """One message as it counted: dBm, percent, BSSID in lower case with colons; null is unknown."""

    at: datetime
    kind: str
    rssi: float | None = None
    bssid: str | None = None
    battery: float | None = None
    charging: bool | None = None
    late: bool = False


class LookedBack(Struct, frozen=True, kw_only=True):
    """`assignment` is what the tablet was judged by at the end; None: it was not known in that time.

    `rule_version` are the rules of now, with the revision of the room and policy of then (`rules.version`).
    """

    findings: tuple[Finding, ...]
    heard: tuple[Heard, ...]
    assignment: Assignment | None
    rule_version: str | None = None
