"""`innwatch command`: asking a tablet to do something from the command line."""

import pytest

from config.cli.command import NAMES
from store import NotFound
from store.records import CommandName
from tests.config.command_line import CommandLine


@pytest.fixture
def hotel(cli: CommandLine) -> CommandLine:
    """Hotel h with the tablets t and u."""
    cli("hotel", "add", "h", "--timezone", "Europe/Vienna")
    for device, room in (("t", "101"), ("u", "102")):
        cli("room", "add", "h", room)
        cli("device", "add", "h", device, "--room", room)
    return cli


def test_a_command_waits_for_the_bridge(hotel: CommandLine) -> None:
    ended = hotel("command", "send", "h", "t", "message", "--arg", "text=Please call the desk", "--expires", "60")

    (listed,) = hotel("command", "list", "h", "t", "--json").json()
    assert ended.lines == [
        f"asked t of h to message: {listed['id']}",
        "how it goes: innwatch command list h t",
    ]
    told = {name: listed[name] for name in ("deviceId", "name", "args", "state", "by")}
    assert told == {
        "deviceId": "t",
        "name": "message",
        "args": {"text": "Please call the desk"},
        "state": "pending",
        "by": "command line",
    }


def test_the_command_line_knows_every_command() -> None:
    assert tuple(CommandName) == NAMES


def test_an_argument_that_looks_like_a_number_is_one(hotel: CommandLine) -> None:
    words = (
        "--arg",
        "seconds=30",
        "--arg",
        "loud=true",
        "--arg",
        "tone=x=y",
        "--arg",
        "volume=0.5",
        "--arg",
        "who=null",
    )

    made = hotel("command", "send", "h", "t", "ring", *words, "--json").json()

    assert made["args"] == {"seconds": 30, "loud": True, "tone": "x=y", "volume": 0.5, "who": None}


def test_the_list_is_of_the_hotel_or_of_a_tablet_newest_first(hotel: CommandLine) -> None:
    for device, name in (("t", "ring"), ("u", "lock"), ("t", "locate")):
        hotel("command", "send", "h", device, name)

    of_all = hotel("command", "list", "h", "--json").json()
    of_one = hotel("command", "list", "h", "t", "--json").json()
    assert [one["name"] for one in of_all] == ["locate", "lock", "ring"]
    assert [one["name"] for one in of_one] == ["locate", "ring"]
    assert [one["name"] for one in hotel("command", "list", "h", "--limit", "1", "--json").json()] == ["locate"]
    table = hotel("command", "list", "h").out
    assert "pending" in table
    assert "CET" in table


@pytest.mark.parametrize(
    "words", [("send", "h", "x", "ring"), ("list", "h", "x"), ("list", "g"), ("send", "g", "t", "ring")]
)
def test_nothing_is_asked_of_a_tablet_that_is_not_there(hotel: CommandLine, words: tuple[str, ...]) -> None:
    refused = hotel.refused("command", *words)

    assert (refused.code, refused.out) == (1, "")
    missing = ("device", "x") if "x" in words else ("device", "t") if "send" in words else ("hotel", "g")
    assert refused.err == f"innwatch: {NotFound(*missing)}\n"
