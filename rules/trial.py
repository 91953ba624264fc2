"""What a proposal makes of each tablet: what saving it would, hotel → room → tablet.

Who decides what is as it is now, for so it would be saved: a room that has a floor of its own keeps it where the
hotel's is tried. All else of an assignment is as it was, thresholds that nobody would change by it among them.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import asdict, replace

from rules.ids import DeviceId, RoomId
from rules.policy import NO_CHANGES, Assignment, Place, Policy, PolicyChanges, apart, resolve
from rules.proposal import Proposal


class Levels(Struct, frozen=True):
    """What the hotel decides (its profile among it), and its rooms and tablets; those that are missing decide nothing.

    A tablet is known by the id that it has now.
    """

    hotel: PolicyChanges
    rooms: Mapping[RoomId, PolicyChanges]
    devices: Mapping[DeviceId, PolicyChanges]


class Trial:
    """Give it to `Replay.propose`. Each tablet's policy is resolved once, for it is asked for again and again."""

    def __init__(self, proposal: Proposal, *, levels: Levels) -> None:
        self._proposal = proposal
        self._levels = levels
        self._said = {name: value for name, value in asdict(proposal.policy).items() if value is not UNSET}
        self._made: dict[tuple[RoomId | None, DeviceId], tuple[Policy, Policy]] = {}

    def __call__(self, own: Assignment) -> Assignment:
        """What it makes of an assignment; the very same where it says nothing of it."""
        policy, place = self._policy(own), self._place(own.place)
        if policy is own.policy and place is own.place:
            return own
        return replace(own, policy=policy, place=place)

    def _policy(self, own: Assignment) -> Policy:
        key = own.place.room_id, own.device_id
        known = self._made.get(key)
        if known is None or known[0] != own.policy:
            decided = self._decided(*key)
            made = apart(replace(own.policy, **decided)) if decided else own.policy
            known = self._made[key] = own.policy, made
        was, made = known
        return own.policy if made is was else made

    def _decided(self, room_id: RoomId | None, device_id: DeviceId) -> dict[str, Any]:
        """The thresholds that a tablet would have by the proposal: those that it names, where no level below says
        otherwise, and those that give way to them.
        """
        levels = self._levels
        before = (
            levels.hotel,
            NO_CHANGES if room_id is None else levels.rooms.get(room_id, NO_CHANGES),
            levels.devices.get(device_id, NO_CHANGES),
        )
        after, named = self._tried(before, room_id=room_id, device_id=device_id)
        floor = None if room_id is None else self._proposal.floors.get(room_id)
        if floor is not None:
            hotel, room, device = after
            after = hotel, replace(room, rssi_floor=floor), device
            named |= {"rssi_floor"} if device.rssi_floor is UNSET else set()
        now, would = resolve(*before), resolve(*after)
        return {name: value for name, value in asdict(would).items() if name in named or value != getattr(now, name)}

    def _tried(self, before: "_Three", *, room_id: RoomId | None, device_id: DeviceId) -> tuple["_Three", set[str]]:
        """The levels as if it had been saved, and what of it holds for the tablet."""
        at, proposal = 0, self._proposal
        if proposal.devices:
            at = 2 if device_id in proposal.devices else 3
        elif proposal.rooms:
            at = 1 if room_id in proposal.rooms else 3
        said = {name: UNSET if value is None else value for name, value in self._said.items()}
        below = dict.fromkeys(said, UNSET) if proposal.override_all else {}
        hotel, room, device = (
            level if number < at else replace(level, **(said if number == at else below))
            for number, level in enumerate(before)
        )
        after = hotel, room, device
        masked = {name for level in after[at + 1 :] for name in said if getattr(level, name) is not UNSET}
        return after, said.keys() - masked if at < len(after) else set()

    def _place(self, around: Place) -> Place:
        bssids = None if around.room_id is None else self._proposal.access_points.get(around.room_id)
        if bssids is None:
            return around
        return replace(
            around,
            access_points=frozenset(bssids),
            neighbours=around.neighbours.union(bssids),
            hotel_access_points=around.hotel_access_points.union(bssids),
        )


_Three = tuple[PolicyChanges, PolicyChanges, PolicyChanges]
"""The levels of one tablet: the hotel's, its room's, its own."""
