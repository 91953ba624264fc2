"""Policy: what each level decides, within which limits, and what comes of it for one device."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import asdict, fields, replace

from rules.ids import DeviceId, HotelId, RoomId
from rules.place import assignments
from rules.policy import DEFAULTS, NO_CHANGES, Policy, PolicyChanges, Profile, in_full, merged, pushed, resolve
from rules.thresholds import THRESHOLDS, in_words
from tests.rules.given import Tablet, assigned
from tests.rules.test_place import Room


def test_every_threshold_can_be_set_and_nothing_else() -> None:
    """Whoever adds a threshold to Policy says within which limits people may set it: in PolicyChanges."""
    assert PolicyChanges.__struct_fields__ == Policy.__struct_fields__


def test_what_is_the_rule_by_default_may_also_be_set() -> None:
    assert msgspec.json.decode(msgspec.json.encode(in_full(DEFAULTS)), type=PolicyChanges) == in_full(DEFAULTS)


@pytest.mark.parametrize("field", fields(PolicyChanges), ids=lambda field: str(field.name))
def test_every_threshold_has_limits(field: msgspec.structs.FieldInfo) -> None:
    for absurd in (-1e9, 1e9, "soon"):
        with pytest.raises(msgspec.ValidationError, match=field.encode_name):
            msgspec.convert({field.encode_name: absurd}, PolicyChanges)


def test_the_nearest_level_that_says_anything_decides() -> None:
    hotel = PolicyChanges(profile=Profile.STRICT, battery_low=30, breach_min_span=5)
    room, device = PolicyChanges(battery_low=15, rssi_floor=-65), PolicyChanges(rssi_floor=-75)

    policy = resolve(hotel, room, device)

    assert policy == Policy(
        profile=Profile.STRICT, battery_low=15, breach_min_span=timedelta(seconds=5), rssi_floor=-75
    )
    assert resolve() == resolve(NO_CHANGES) == DEFAULTS


def test_a_policy_in_full_decides_what_it_came_from() -> None:
    policy = resolve(PolicyChanges(profile=Profile.STRICT, silence_high_after=0.5, battery_low=42))

    assert resolve(in_full(policy)) == policy
    assert in_full(policy).rssi_floor is UNSET  # a room that nobody calibrated


def test_a_level_keeps_what_a_change_of_it_does_not_name() -> None:
    before = PolicyChanges(battery_low=30, rssi_floor=-70)

    assert merged(before, PolicyChanges(rssi_floor=-75)) == PolicyChanges(battery_low=30, rssi_floor=-75)


@pytest.mark.parametrize("level", [30, 26, 25, 24.5, 90])
def test_a_battery_alert_does_not_flap_where_only_its_beginning_was_set(level: float) -> None:
    tablet = Tablet(assigned(policy=resolve(PolicyChanges(battery_low=level))))

    for second in range(0, 600, 10):
        tablet.beat(second, battery=level)

    assert len(tablet.changes) == 1


def test_of_two_that_contradict_each_other_the_one_that_ends_an_alert_gives_way() -> None:
    assert resolve(PolicyChanges(battery_low=30)).battery_low_clear == 31
    assert resolve(PolicyChanges(battery_critical=30)).battery_critical == DEFAULTS.battery_low
    assert resolve(PolicyChanges(silence_high_after=3600)).silence_critical_after == timedelta(hours=1)


def test_what_gave_way_is_named_with_what_it_gave_way_to() -> None:
    def told(own: PolicyChanges, *above: PolicyChanges) -> Mapping[str, str]:
        return pushed(own, inherited=resolve(*above), effective=resolve(*above, own))

    assert told(PolicyChanges(battery_critical=50, battery_critical_clear=60)) == {"batteryCritical": "batteryLow"}
    assert told(PolicyChanges(battery_low=30)) == {"batteryLowClear": "batteryLow"}
    assert told(PolicyChanges(battery_low=15), PolicyChanges(battery_low=30)) == {}  # it is back where it belongs
    assert told(NO_CHANGES, PolicyChanges(battery_low=30)) == {}  # it is inherited so
    assert told(PolicyChanges(overheat=40, overheat_clear=39)) == {}
    assert told(PolicyChanges(battery_critical=50, battery_low=30)) == {
        "batteryCritical": "batteryLow",
        "batteryCriticalClear": "batteryCritical",
        "batteryLowClear": "batteryLow",
    }
    assert resolve(PolicyChanges(battery_critical=50, battery_low=30)).battery_critical_clear == 31


BATTERY = ("battery_low", "battery_low_clear", "battery_critical", "battery_critical_clear")


@given(st.dictionaries(st.sampled_from(BATTERY), st.integers(1, 90)))
def test_whatever_is_not_in_effect_as_it_was_decided_is_explained(decided: dict[str, int]) -> None:
    own = replace(NO_CHANGES, **decided)
    effective, asked = resolve(own), {**asdict(DEFAULTS), **decided}

    moved = {name for name, value in asdict(effective).items() if value != asked[name]}
    assert {to_camel(name) for name in moved} == set(pushed(own, inherited=DEFAULTS, effective=effective))


def to_camel(name: str) -> str:
    return dict(zip(Policy.__struct_fields__, Policy.__struct_encode_fields__, strict=True))[name]


def test_every_threshold_has_a_meaning_a_unit_and_limits_in_words() -> None:
    assert tuple(THRESHOLDS) == PolicyChanges.__struct_encode_fields__
    assert all(one.words and one.means and one.limits for one in THRESHOLDS.values())
    assert {name for name, one in THRESHOLDS.items() if one.unit is None} == {"profile", "docked"}


def test_what_a_threshold_may_not_be_is_said_by_its_limits() -> None:
    assert in_words("silenceCriticalAfter", "Expected `float` <= 86400.0") == "must be 0 s to 24 h"
    assert in_words("byeReboot", "Expected `float`, got `str`") == "must be a number of seconds, 10 s to 1 h"
    assert in_words("misfitShare", "Expected `float` >= 0.5") == "must be 0.5 to 1"
    assert in_words("profile", "Invalid enum value 'lax'") == "must be strict or normal"
    assert in_words("note", "Expected `str`, got `int`") == "Expected `str`, got `int`"


def test_a_device_has_its_own_policy_in_whichever_room_it_stands() -> None:
    rooms = (
        Room(RoomId("204"), profile=Profile.STRICT, policy=PolicyChanges(battery_low=15)),
        Room(RoomId("205"), rssi_floor=-70, zone="east"),
    )
    devices = [(DeviceId("tab-1"), RoomId("204")), (DeviceId("tab-2"), RoomId("205")), (DeviceId("lost"), RoomId("9"))]

    made = assignments(
        HotelId("demo"),
        profile=Profile.NORMAL,
        policy=PolicyChanges(battery_low=12, battery_charging_clear=60),
        rooms=rooms,
        devices=devices,
        of_devices={DeviceId("tab-2"): PolicyChanges(profile=Profile.STRICT)},
    )

    hotel = replace(DEFAULTS, battery_low=12, battery_charging_clear=timedelta(seconds=60))
    assert made[DeviceId("tab-1")].policy == replace(hotel, profile=Profile.STRICT, battery_low=15)
    assert made[DeviceId("tab-2")].policy == replace(hotel, profile=Profile.STRICT, rssi_floor=-70)
    assert made[DeviceId("tab-2")].place.zone == "east"
    assert made[DeviceId("lost")].policy == hotel


def test_a_new_policy_is_held_against_what_is_remembered() -> None:
    """Live reload: the assignment is another one, the state is the same."""
    tablet = Tablet(assigned(policy=resolve(PolicyChanges(rssi_floor=-70))))
    for second in range(0, 40, 10):
        tablet.beat(second, rssi=-75)
    before = asdict(tablet.state)

    tablet.assignment = assigned(policy=resolve(PolicyChanges(rssi_floor=-85)))
    assert asdict(tablet.state) == before
    for second in range(40, 70, 10):
        tablet.beat(second, rssi=-75)

    assert [change.kind for change in tablet.changes] == ["opened", "cleared"]


def test_what_a_room_would_have_moved_apart_stays_where_its_device_decides_otherwise() -> None:
    room, device = Room(RoomId("204"), policy=PolicyChanges(battery_low=40)), DeviceId("tab-1")

    made = assignments(
        HotelId("demo"),
        profile=Profile.NORMAL,
        rooms=[room],
        devices=[(device, room.id)],
        of_devices={device: PolicyChanges(battery_low=15)},
    )

    assert made[device].policy == resolve(room.policy, PolicyChanges(battery_low=15)) == Policy(battery_low=15)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("docked", True, "yes"),
        ("unpluggedClear", 0.0, "0 s"),
        ("byeReboot", 300.0, "5 min"),
        ("takeOvers", 3, "3 times"),
        ("misfitShare", 0.7, "0.7"),
        ("profile", "strict", "strict"),
    ],
)
def test_a_threshold_is_shown_with_its_unit(name: str, value: object, shown: str) -> None:
    assert THRESHOLDS[name].shown(value) == shown
