"""The grammar of names: what parses, what matches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.topics import (
    BRIDGE_FILTERS,
    BRIDGE_INBOUND,
    Kind,
    Topic,
    device_topic,
    is_filter,
    matches,
    monitor_topic,
    name_of,
    parse,
)
from rules.ids import DeviceId, HotelId

H, D = HotelId("h1"), DeviceId("tab-1")


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("hotels/h1/devices/tab-1/heartbeat", Topic(Kind.HEARTBEAT, H, "tab-1")),
        ("hotels/h1/devices/tab-1/alert", Topic(Kind.ALERT, H, "tab-1")),
        ("hotels/h1/devices/tab-1/result", Topic(Kind.RESULT, H, "tab-1")),
        ("hotels/h1/devices/tab-1/status", Topic(Kind.STATUS, H, "tab-1")),
        ("hotels/h1/alerts/01J", Topic(Kind.ALERT_SNAPSHOT, H, "01J")),
        ("hotels/h1/events", Topic(Kind.EVENTS, H)),
        ("hotels/h1/rooms/101/state", Topic(Kind.ROOM_STATE, H, "101")),
        ("hotels/h1/staff/ann/do", Topic(Kind.DO, H, "ann")),
        ("hotels/h1/staff/ann/result", Topic(Kind.DO_RESULT, H, "ann")),
        ("hotels/h1/pms/opera/in/checkout", Topic(Kind.PMS_IN, H, "opera", "checkout")),
        ("hotels/h1/pms/opera/result", Topic(Kind.PMS_RESULT, H, "opera")),
        ("hotels/h1/clearance/101", Topic(Kind.CLEARANCE, H, "101")),
        ("hotels/h1/monitor", Topic(Kind.MONITOR, H)),
        ("platform/monitor", Topic(Kind.PLATFORM_MONITOR, None)),
        ("hotels/h1/ext/opera/a/b", Topic(Kind.EXT, H, "opera", "a/b")),
        ("hotels/h1/ext/opera/", Topic(Kind.EXT, H, "opera", "")),
        ("hotels/h1/ext/opera", Topic(Kind.EXT, H, "opera")),
    ],
)
def test_a_name_of_the_table_parses_and_is_made_again(name: str, topic: Topic) -> None:
    assert parse(name) == topic
    assert name_of(topic) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "hotels",
        "hotels/h1",
        "hotels/h1/",
        "hotels/h1/events/",
        "/hotels/h1/events",
        "Hotels/h1/events",
        "hotels/h 1/events",
        "hotels/_/events",
        "hotels/+/events",
        "hotels//events",
        "hotels/h1\n/events",
        f"hotels/{'h' * 65}/events",
        "hotels/h1/devices/tab-1",
        "hotels/h1/devices/tab-1/heartbeat/",
        "hotels/h1/devices/tab-1/Heartbeat",
        "hotels/h1/devices/tab.1/heartbeat",
        "hotels/h1/devices/+/heartbeat",
        "hotels/h1/alerts/#",
        "hotels/h1/pms/opera/in/birthday",
        "hotels/h1/ext/opera/+",
        "hotels/h1/ext/opera/a#",
        "hotels/h1/ext/opera/a\0",
        "platform/monitor/x",
        "$SYS/monitor",
    ],
)
def test_anything_else_does_not(name: str) -> None:
    assert parse(name) is None


def test_builders_make_names_that_parse() -> None:
    assert parse(device_topic(H, D, Kind.RECEIPT)) == Topic(Kind.RECEIPT, H, "tab-1")
    assert parse(monitor_topic(H)) == Topic(Kind.MONITOR, H)


@pytest.mark.parametrize("text", ["#", "+", "a/#", "a/+/b", "+/+", "/", "a//b", "$SYS/#"])
def test_well_formed_filters(text: str) -> None:
    assert is_filter(text)


@pytest.mark.parametrize("text", ["", "a#", "#/a", "a/#/b", "a+", "+a/b", "a/b+", "a\0b", "##", "a/##"])
def test_malformed_filters(text: str) -> None:
    assert not is_filter(text)


@pytest.mark.parametrize(
    ("topic_filter", "name", "expected"),
    [
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("a/+", "a/b/c", False),
        ("+/+", "/a", True),
        ("+", "/a", False),
        ("/+", "/a", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("a/b", "a/b", True),
        ("a/b", "a/B", False),
    ],
)
def test_matching_follows_the_standard(topic_filter: str, name: str, expected: bool) -> None:
    assert matches(topic_filter, name) is expected


levels = st.sampled_from(["", "a", "b", "hotels", "$SYS"])
names = st.lists(levels, min_size=1, max_size=5).map("/".join).filter(lambda name: name != "")


@given(name=names)
def test_a_name_matches_itself_as_a_filter(name: str) -> None:
    assert matches(name, name)


@given(name=names, data=st.data())
def test_a_filter_still_matches_when_a_level_becomes_a_wildcard(name: str, data: st.DataObject) -> None:
    wanted = name.split("/")
    at = data.draw(st.integers(0, len(wanted) - 1))
    wanted = data.draw(st.sampled_from([[*wanted[:at], "+", *wanted[at + 1 :]], [*wanted[:at], "#"]]))
    dollar_hidden = at == 0 and name.startswith("$")
    assert matches("/".join(wanted), name) is not dollar_hidden


@given(text=st.text())
def test_no_text_makes_the_grammar_stumble(text: str) -> None:
    parse(text)
    is_filter(text)


def test_the_filters_of_the_bridge_match_what_it_consumes_and_nothing_else() -> None:
    names = [name_of(Topic(kind, H, "one", "checkin" if kind is Kind.PMS_IN else None)) for kind in Kind]
    heard = {name for name in names if any(matches(one, name) for one in BRIDGE_FILTERS)}
    assert heard == {name for name in names if (found := parse(name)) is not None and found.kind in BRIDGE_INBOUND}
    assert all(is_filter(one) for one in BRIDGE_FILTERS)
