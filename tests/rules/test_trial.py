"""What a proposal makes of a tablet: just what saving it would, and of nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import asdict, replace

from rules.ids import DeviceId, RoomId
from rules.policy import NO_CHANGES, Policy, PolicyChanges, Profile, merged, resolve
from rules.proposal import Proposal, TriedPolicy
from rules.trial import Levels, Trial
from tests.rules.given import CALIBRATED, OWN, assigned

TAB, OTHER = DeviceId("tab-1"), DeviceId("tab-2")
HERE, ELSEWHERE = RoomId("204"), RoomId("205")
NORMAL = PolicyChanges(profile=Profile.NORMAL)


def tried(
    proposal: Proposal,
    *,
    hotel: PolicyChanges = NO_CHANGES,
    room: PolicyChanges = NO_CHANGES,
    device: PolicyChanges = NO_CHANGES,
    was: Policy | None = None,
) -> Policy:
    """What tab-1 in room 204 is judged by; `was`: what it was judged by, if not what is decided now."""
    hotel = merged(NORMAL, hotel)
    trial = Trial(proposal, levels=Levels(hotel, {HERE: room}, {TAB: device}))
    return trial(assigned(policy=was or resolve(hotel, room, device))).policy


def test_what_the_hotel_would_decide_is_not_for_rooms_and_tablets_that_decide_it_themselves() -> None:
    lower = Proposal(policy=TriedPolicy(rssi_floor=-80, battery_low=30))

    assert tried(lower).rssi_floor == -80
    assert tried(lower, room=PolicyChanges(rssi_floor=-70)).rssi_floor == -70
    assert tried(lower, device=PolicyChanges(rssi_floor=-60)).rssi_floor == -60
    assert tried(lower, room=PolicyChanges(rssi_floor=-70)).battery_low == 30


def test_what_some_rooms_or_tablets_would_decide_is_for_them_alone() -> None:
    of_room = Proposal(policy=TriedPolicy(rssi_floor=-80), rooms=(HERE,))
    of_tablet = Proposal(policy=TriedPolicy(rssi_floor=-80), devices=(TAB,))

    assert tried(of_room, hotel=PolicyChanges(rssi_floor=-70)).rssi_floor == -80
    assert tried(of_room, device=PolicyChanges(rssi_floor=-60)).rssi_floor == -60
    assert tried(of_tablet, device=PolicyChanges(rssi_floor=-60)).rssi_floor == -80
    for elsewhere in (replace(of_room, rooms=(ELSEWHERE,)), replace(of_tablet, rooms=(), devices=(OTHER,))):
        assert tried(elsewhere, hotel=PolicyChanges(rssi_floor=-70)).rssi_floor == -70


def test_what_is_inherited_again_comes_from_above() -> None:
    cleared = TriedPolicy(rssi_floor=None)  # type: ignore[arg-type]
    floors: dict[str, Any] = {"hotel": PolicyChanges(rssi_floor=-80), "room": PolicyChanges(rssi_floor=-70)}

    assert tried(Proposal(policy=cleared), hotel=floors["hotel"]).rssi_floor is None
    assert tried(Proposal(policy=cleared), **floors).rssi_floor == -70
    assert tried(Proposal(policy=cleared, rooms=(HERE,)), **floors).rssi_floor == -80


def test_only_where_it_is_named_does_it_override_all() -> None:
    proposal = Proposal(policy=TriedPolicy(rssi_floor=-80), override_all=True)
    decided: dict[str, Any] = {
        "room": PolicyChanges(rssi_floor=-70, battery_low=40),
        "device": PolicyChanges(rssi_floor=-60),
    }

    assert tried(proposal, **decided).rssi_floor == -80
    assert tried(replace(proposal, rooms=(HERE,)), **decided).rssi_floor == -80
    assert tried(replace(proposal, rooms=(ELSEWHERE,)), **decided).rssi_floor == -60
    assert tried(proposal, **decided).battery_low == 40
    cleared = Proposal(policy=TriedPolicy(rssi_floor=None), override_all=True)  # type: ignore[arg-type]
    assert tried(cleared, **decided).rssi_floor is None


def test_a_floor_that_was_learned_is_the_rooms_and_not_for_a_tablet_with_one_of_its_own() -> None:
    learned = Proposal(floors={HERE: -66.0})

    assert tried(learned, hotel=PolicyChanges(rssi_floor=-80)).rssi_floor == -66
    assert tried(learned, device=PolicyChanges(rssi_floor=-60)).rssi_floor == -60


def test_what_nobody_would_change_is_as_it_was_then() -> None:
    """The hotel decides something else today than when it was judged; what is named holds all the same."""
    then = Policy(battery_low=35, battery_low_clear=45, rssi_floor=-90)

    made = tried(Proposal(policy=TriedPolicy(rssi_floor=-80)), hotel=PolicyChanges(rssi_floor=-80), was=then)

    assert made == replace(then, rssi_floor=-80)


def test_where_it_says_nothing_the_assignment_is_the_very_same() -> None:
    own = assigned(policy=CALIBRATED)
    levels = Levels(NORMAL, {HERE: PolicyChanges(rssi_floor=-70)}, {})

    assert Trial(Proposal(), levels=levels)(own) is own
    assert Trial(Proposal(policy=TriedPolicy(rssi_floor=-80)), levels=levels)(own) == own
    access_points = Trial(Proposal(access_points={HERE: (OWN,)}), levels=levels)(own).place.access_points
    assert access_points == frozenset({OWN})


_SAID = st.fixed_dictionaries(
    {},
    optional={
        "battery_low": st.sampled_from([10.0, 25.0, 60.0]),
        "battery_low_clear": st.sampled_from([15.0, 30.0, 90.0]),
        "battery_critical": st.sampled_from([5.0, 30.0]),
        "rssi_floor": st.sampled_from([-80.0, -70.0]),
        "silence_high_after": st.sampled_from([10.0, 900.0]),
    },
)
_TRIED = st.fixed_dictionaries(
    {},
    optional={name: st.none() | st.sampled_from([12.0, 28.0, 55.0]) for name in ("battery_low", "battery_low_clear")},
)


@pytest.mark.parametrize("level", ["hotel", "room", "device"])
@given(hotel=_SAID, room=_SAID, device=_SAID, said=_TRIED)
def test_a_trial_is_what_saving_it_would_come_to(
    level: str, hotel: dict[str, Any], room: dict[str, Any], device: dict[str, Any], said: dict[str, Any]
) -> None:
    levels: dict[str, Any] = {
        "hotel": merged(NORMAL, PolicyChanges(**hotel)),
        "room": PolicyChanges(**room),
        "device": PolicyChanges(**device),
    }
    policy = TriedPolicy(**said)
    proposal = {
        "hotel": Proposal(policy=policy),
        "room": Proposal(policy=policy, rooms=(HERE,)),
        "device": Proposal(policy=policy, devices=(TAB,)),
    }[level]

    after = {name: UNSET if value is None else value for name, value in said.items()}
    saved = resolve(*(levels | {level: replace(levels[level], **after)}).values())

    assert asdict(tried(proposal, **levels)) == asdict(saved)
