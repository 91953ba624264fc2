"""Which level decided a threshold: the hotel, the room, the tablet, or nobody."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import UNSET

from rules.policy import DEFAULTS, Policy, PolicyChanges, in_full, resolve


class Level(StrEnum):
    DEFAULT = "default"  # nobody decided it
    HOTEL = "hotel"
    ROOM = "room"
    DEVICE = "device"
    MOVED = "moved"  # nobody decided it, but another that it must keep apart from
    CHANGED = "changed"  # it is another one today: who decided it then is not known any more


_IN_ORDER: Final = (Level.HOTEL, Level.ROOM, Level.DEVICE)
_DEFAULTS: Final = in_full(DEFAULTS)


def levels_of(policy: Policy, *levels: PolicyChanges) -> Mapping[str, Level]:
    """Of each threshold that was in force (named as on the wire) the level that decides it.

    `levels` are the hotel's, the room's and the tablet's as they are today: where they come to something else,
    it was changed since. A room without a floor has no threshold of that name.
    """
    then, today = in_full(policy), in_full(resolve(*levels))
    named = zip(PolicyChanges.__struct_fields__, PolicyChanges.__struct_encode_fields__, strict=True)
    return {
        on_the_wire: _level(name, levels, today=today) if getattr(then, name) == getattr(today, name) else Level.CHANGED
        for name, on_the_wire in named
        if getattr(then, name) is not UNSET
    }


def _level(name: str, levels: tuple[PolicyChanges, ...], *, today: PolicyChanges) -> Level:
    deciding = [level for level, said in zip(_IN_ORDER, levels, strict=False) if getattr(said, name) is not UNSET]
    if deciding:
        return deciding[-1]
    return Level.DEFAULT if getattr(today, name) == getattr(_DEFAULTS, name) else Level.MOVED
