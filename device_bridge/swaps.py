"""Who has swapped rooms with whom: looked at across a hotel's tablets, told to each as an input of the rules.

No rule sees more than one tablet. So what is found here is put into the queue like a message and stored like one, and
history judged again comes to the same (`rules.room_fit`).
"""

from collections.abc import Callable
from datetime import datetime

from device_bridge.fleet import Fleet
from device_bridge.queue import InputQueue, Paired
from rules.ids import DeviceId, HotelId
from rules.room_fit import Misfit, Partner, misfit_of, pairs


class Swaps:
    """Looks now and then; a misfit is told to nobody for a minute, so that there is time to."""

    def __init__(self, *, fleet: Fleet, queue: InputQueue, now: Callable[[], datetime]) -> None:
        self._fleet = fleet
        self._queue = queue
        self._now = now
        self._said: dict[tuple[HotelId, DeviceId], Partner | None] = {}  # what is in the queue, until a state has it

    def look(self) -> None:
        """Tell each tablet whose partner is another than it knows of."""
        misfits: dict[HotelId, list[Misfit]] = {}
        known: dict[tuple[HotelId, DeviceId], Partner | None] = {}
        for tablet in self._fleet:
            fit = tablet.state.rare.room_fit
            if fit.misfit_at is not None:
                misfit = misfit_of(tablet.state, tablet.assignment)
                misfits.setdefault(tablet.hotel_id, []).extend([misfit] if misfit else [])
                partner = None if fit.partner is None else Partner(fit.partner, fit.leads)
                known[tablet.hotel_id, tablet.device_id] = partner
        found = {hotel_id: pairs(those) for hotel_id, those in misfits.items()}
        for (hotel_id, device_id), partner in known.items():
            name, now = (hotel_id, device_id), found.get(hotel_id, {}).get(device_id)
            if now == partner:
                self._said.pop(name, None)
            elif name not in self._said or self._said[name] != now:
                self._said[name] = now
                self._queue.put(Paired(hotel_id, device_id, now, self._now()))
        for name in self._said.keys() - known.keys():
            del self._said[name]
