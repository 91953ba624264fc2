"""What one batch makes of the tablets' states: copies, which become the tablets' own after the commit.

Whoever judges for a batch is handed this and not the draft: a draft that two of its own parts hold would be freed by
the garbage collector only, tens of batches later, and all that its messages take with it.
"""

from device_bridge.tablet import Tablet
from rules.state import DeviceState
from store.records import DeviceKey


class DraftStates:
    """`written` are the states that are stored with the batch; what heartbeats as usual moved need not be."""

    def __init__(self, written: dict[DeviceKey, DeviceState]) -> None:
        self.tablets: dict[DeviceKey, Tablet] = {}  # those with a new state
        self._written = written
        self._usual: dict[DeviceKey, DeviceState] = {}

    def of(self, tablet: Tablet) -> DeviceState:
        """What the batch has made of a tablet so far."""
        written = self._written.get(tablet.key)
        return self._usual.get(tablet.key, tablet.state) if written is None else written

    def take(self, tablet: Tablet, state: DeviceState, *, as_usual: bool) -> bool:
        """Note the next state of a tablet; whether it is stored with the batch."""
        key = tablet.key
        self.tablets[key] = tablet
        if as_usual and key not in self._written:
            self._usual[key] = state
            return False
        self._usual.pop(key, None)
        self._written[key] = state
        return True

    def adopt(self) -> None:
        """After the commit."""
        for states in (self._usual, self._written):
            for key, state in states.items():
                self.tablets[key].state = state
