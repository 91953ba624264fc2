"""A device in the words of others."""

import msgspec
import pytest

from rules.memory import CALM_BATTERY
from rules.messages import Link, ReportKind, TokenEnd
from rules.snapshot import legacy_status, status_of, token_end_of
from rules.state import DeviceState, LinkState, Posture
from tests.rules.given import OWN, Tablet, after


def test_the_status_names_the_device_its_room_and_its_axes() -> None:
    tablet = Tablet()
    tablet.beat(5, rssi=-55, battery=61, charging=False)

    assert msgspec.json.decode(msgspec.json.encode(status_of(tablet.state, tablet.assignment))) == {
        "deviceId": "tab-1",
        "roomId": "204",
        "link": "online",
        "posture": "in-room",
        "power": "ok",
        "since": "2026-11-23T12:00:05Z",
        "lastHeard": "2026-11-23T12:00:05Z",
        "battery": 61,
        "charging": False,
        "rssi": -55,
        "tokenEnded": None,
    }


@pytest.mark.parametrize("cause", TokenEnd)
def test_a_tablet_that_we_shut_out_says_so_until_it_is_heard_again(cause: TokenEnd) -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.expire(5, cause)
    assert token_end_of(tablet.state) is cause
    assert status_of(tablet.state, tablet.assignment).token_ended is cause

    tablet.beat(50)
    assert token_end_of(tablet.state) is None
    tablet.say(55, Link.BYE, reason="reboot")
    assert (tablet.state.link, token_end_of(tablet.state)) == (LinkState.AWAY, None)


def test_since_is_when_an_axis_changed_and_not_when_the_tablet_was_heard() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.beat(10)
    assert tablet.state.since == after(0)

    tablet.beat(20, charging=True)
    assert tablet.state.since == after(20)


def test_since_moves_when_a_silent_tablet_is_heard() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.beat(60)

    assert tablet.state.since == after(60)


def test_what_is_unknown_stays_as_it_was_last_known() -> None:
    tablet = Tablet()
    tablet.beat(0, rssi=-55, battery=61, agent="2.1")
    tablet.bare_beat(10)

    assert (tablet.state.rssi, tablet.state.battery, tablet.state.agent) == (-55, 61, "2.1")
    assert tablet.state.bssid == OWN
    assert tablet.state.posture is Posture.IN_ROOM


@pytest.mark.parametrize(
    ("story", "word"),
    [("never seen", "offline"), ("online", "ok"), ("asleep", "ok"), ("away", "offline"), ("silent", "offline")],
)
def test_the_old_word_for_a_tablet_without_a_breach(story: str, word: str) -> None:
    tablet = Tablet()
    if story != "never seen":
        tablet.beat(0, battery=5)
        tablet.beat(1, battery=5)
    match story:
        case "asleep":
            tablet.say(2, Link.SLEEPING)
        case "away":
            tablet.say(2, Link.BYE, reason="reboot")
        case "silent":
            tablet.until(60)

    assert legacy_status(tablet.state) == word


def test_the_old_word_for_a_breach_outlasts_the_silence_after_it() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)
    tablet.until(60)

    assert legacy_status(tablet.state) == "breach"


def test_a_state_written_by_an_older_version_reads_with_defaults() -> None:
    read = msgspec.msgpack.decode(b"\x81\xa4link\xa6online", type=DeviceState)

    assert read == DeviceState(link=LinkState.ONLINE)
    assert read.battery_level is CALM_BATTERY
