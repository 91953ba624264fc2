"""What a tablet is told of its place: its retained `config`, and part of the answer to its enrolment."""

from msgspec import Struct

from rules.policy import Assignment


class RoomConfig(Struct, frozen=True, rename="camel", kw_only=True):
    """Where a tablet belongs and how often it speaks. Durations are seconds, battery percent, the floor dBm."""

    revision: int
    room_id: str | None
    access_points: tuple[str, ...]
    rssi_floor: float | None
    heartbeat_interval_s: float
    battery_low: float
    battery_critical: float


def room_config(assignment: Assignment, *, revision: int) -> RoomConfig:
    """The same for the same assignment; a tablet takes one of a higher revision for newer."""
    policy, place = assignment.policy, assignment.place
    return RoomConfig(
        revision=revision,
        room_id=place.room_id,
        access_points=tuple(sorted(place.access_points)),
        rssi_floor=policy.rssi_floor,
        heartbeat_interval_s=policy.heartbeat_interval.total_seconds(),
        battery_low=policy.battery_low,
        battery_critical=policy.battery_critical,
    )
