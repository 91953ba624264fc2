"""What becomes of a device when a person ends its alert by hand."""

from msgspec.structs import replace

from rules import families
from rules.alarm import Occasion
from rules.response import Resolved
from rules.state import DeviceState, Verdict


def dismiss(state: DeviceState, deed: Resolved, *, occasion: Occasion) -> Verdict:
    """What a person's deed makes of a device: nothing, where the alert is another one by now."""
    alert = state.alerts.get(deed.family)
    if alert is None or alert.id != deed.alert_id:
        return Verdict(state)
    others = {family: other for family, other in state.alerts.items() if family is not deed.family}
    return families.after_anything(state, replace(state, alerts=others), occasion=occasion)
