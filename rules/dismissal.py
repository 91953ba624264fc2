"""What becomes of a device when a person ends its alert by hand."""

from rules import alarm, families
from rules.alarm import Occasion
from rules.response import Resolved
from rules.state import DeviceState, Verdict


def dismiss(state: DeviceState, deed: Resolved, *, occasion: Occasion) -> Verdict:
    """What a person's deed makes of a device: nothing, where the alert is another one by now or fired again since.

    While its causes last the rules keep the alert, marked as dismissed; see `rules.alarm`.
    """
    after, change = alarm.resolve(state, deed, occasion=occasion)
    return families.after_anything(state, after, (change,), occasion=occasion)
