"""`innwatch alert`: looking at alerts and answering them from the command line."""

import pytest

from rules.ids import DeviceId, HotelId
from store import Store
from tests.config.command_line import CommandLine
from tests.store.given import batch, opened


@pytest.fixture
def hotel(cli: CommandLine) -> CommandLine:
    """Hotel h with the tablet t, which has the alert A1, and ann, who is staff."""
    cli("hotel", "add", "h", "--timezone", "Europe/Vienna")
    cli("room", "add", "h", "101")
    cli("device", "add", "h", "t", "--room", "101")
    cli("user", "add", "h", "ann", "--role", "staff", "--password-stdin", stdin="correct horse 9\n")
    cli.with_store(raise_alert)
    return cli


async def raise_alert(store: Store) -> None:
    device = await store.find_device(HotelId("h"), DeviceId("t"))
    assert device is not None
    await store.apply(batch(changes=[opened(device)]))


def test_an_alert_is_answered_in_every_way_and_shown_with_its_life(hotel: CommandLine) -> None:
    (listed,) = hotel("alert", "list", "h", "--json").json()
    assert (listed["id"], listed["revision"]) == ("A1", 1)

    assert hotel("alert", "acknowledge", "h", "A1", "--note", "on my way").lines == ["acknowledged A1 of h"]
    assert hotel("alert", "assign", "h", "A1", "ann", "--json").json()["assignee"] == "ann"
    assert hotel("alert", "note", "h", "A1", "the lift was open").lines == ["noted it of A1 of h"]
    assert hotel("alert", "snooze", "h", "A1", "--for", "2h", "--json").json()["snoozedUntil"]
    assert "snoozed" in hotel("alert", "list", "h").out
    assert hotel("alert", "snooze", "h", "A1", "--end").lines == ["the snooze of A1 of h is over"]
    assert hotel("alert", "unacknowledge", "h", "A1").lines == ["gave A1 of h back"]
    assert hotel("alert", "resolve", "h", "A1", "--note", "a lost bag").lines == ["resolved A1 of h"]

    shown = hotel("alert", "show", "h", "A1").out
    assert "the lift was open" in shown
    assert "given back" in shown
    assert "alert." not in shown
    assert "too weak for this room (-88 dBm, threshold -80 dBm)" in shown
    timeline = hotel("alert", "show", "h", "A1", "--json").json()["timeline"]
    assert [step["type"].removeprefix("alert.") for step in timeline] == [
        "opened", "acknowledged", "assigned", "noted", "snoozed", "snoozed", "unacknowledged", "resolved",
    ]  # fmt: skip
    assert {step["by"] for step in timeline[1:]} == {"command line"}
    assert hotel("alert", "list", "h", "--json").json() == []
    assert "a lost bag" in shown
    assert "A1" in hotel("alert", "list", "h", "--status", "resolved").out


def test_what_cannot_be_answered_so_is_said_in_one_line(hotel: CommandLine) -> None:
    hotel("alert", "acknowledge", "h", "A1", "--if-revision", "1")

    assert "already acknowledged by command line" in hotel.refused("alert", "acknowledge", "h", "A1").err
    assert "changed by command line" in hotel.refused("alert", "note", "h", "A1", "x", "--if-revision", "1").err
    assert "nobody of this hotel" in hotel.refused("alert", "assign", "h", "A1", "nobody").err
    assert "no alert A9" in hotel.refused("alert", "show", "h", "A9").err
    assert "at most" in hotel.refused("alert", "snooze", "h", "A1", "--for", "8d").err
    endless = hotel.refused("alert", "snooze", "h", "A1", "--for", "9999999d")
    assert (endless.code, "at most" in endless.err) == (2, True)
