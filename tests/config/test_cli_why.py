"""`innwatch why`: in words, in the hotel's time, and as JSON."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from rules.hindsight import Level
from rules.ids import HotelId
from rules.words import DECIDED_BY
from store import Store
from tests.config.command_line import CommandLine
from tests.store.past import BSSID, have_heard


@pytest.fixture
def hotel(cli: CommandLine) -> CommandLine:
    """Tablet t of hotel h, which was silent for 38 s two minutes ago and is well otherwise."""
    cli("hotel", "add", "h", "--timezone", "Europe/Vienna")
    cli("room", "add", "h", "101", "--ap", BSSID)
    cli("device", "add", "h", "t", "--room", "101")
    cli.with_store(_hear)
    return cli


async def _hear(store: Store, *, silence_grace: timedelta | None = None) -> None:
    (row,) = (await store.load_hotel(HotelId("h"))).devices
    begins = datetime.now(UTC) - timedelta(minutes=5)
    await have_heard(store, row.device, begins=begins, silence_grace=silence_grace)


def test_it_says_what_held_the_alert_back(hotel: CommandLine) -> None:
    said = hotel("why", "h", "t").out

    assert "it was silent for no longer than it may be (38 s, allowed 40 s)" in said
    assert "profile normal: a heartbeat every 10 s, silence for 30 s and 10 s of grace" in said
    assert re.search(r"rssiFloor +-70 ", said)
    assert "overheat" not in said
    assert re.search(r"overheat +45 +nobody, it is the default", hotel("why", "h", "t", "--thresholds").out)


def test_a_grace_that_somebody_decided_is_the_one_it_was_judged_by(cli: CommandLine) -> None:
    cli("hotel", "add", "h")
    cli("room", "add", "h", "101", "--ap", BSSID)
    cli("device", "add", "h", "t", "--room", "101")
    cli.with_store(lambda store: _hear(store, silence_grace=timedelta(seconds=40)))

    assert "silence for 30 s and 40 s of grace" in cli("why", "h", "t").out


def test_there_are_words_for_whoever_may_have_decided_a_threshold() -> None:
    assert set(DECIDED_BY) == set(Level)


def test_a_stretch_without_a_sign_of_trouble_says_so(hotel: CommandLine) -> None:
    assert "nothing spoke for trouble of t; it was heard" in hotel("why", "h", "t", "--from", "80s", "--to", "20s").out


def test_programs_get_all_of_it(hotel: CommandLine) -> None:
    why = hotel("why", "h", "t", "--json").json()

    assert [one["because"]["because"] for one in why["findings"]] == ["within-allowance"]
    assert (why["deviceId"], why["roomId"], why["complete"], why["heardInAll"]) == ("t", "101", True, 28)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "name a tablet, or an alert with --alert"),
        (("t", "--alert", "A1"), "name a tablet, or an alert with --alert"),
        (("t", "--from", "2d"), "24 hours at most"),
        (("t", "--from", "yesterday"), "is no time"),
        (("t", "--from", "9999-12-31T23:00", "--to", "9999-12-31T23:30"), "is not between the years"),
        (("t", "--from", "1h", "--to", "2h"), "--from must be before --to"),
        (("t", "--from", "2199-12-31T23:00", "--to", "2199-12-31T23:30"), "--from is still to come"),
        (("nobody",), "nobody"),
        (("--alert", "A1"), "A1"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_line(
    hotel: CommandLine, words: tuple[str, ...], complaint: str
) -> None:
    refused = hotel.refused("why", "h", *words)

    assert refused.code in (1, 2)
    assert complaint in refused.err
