"""What the command line refuses before it looks at any installation: one line, exit code 2, nothing loaded."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from config.cli import app
from config.settings import KNOWN
from tests.support.command_line import run_here


def words_of(command: str, path: Path) -> list[str]:
    return [*command.split(), "--data", str(path)]


@pytest.mark.parametrize(
    ("command", "fragment"),
    [
        ("hotel add", "HOTEL"),
        ("hotel add a.b", "'a.b' is no id"),
        ("hotel add _", "'_' is no id"),
        ("hotel add grüezi", "is no id"),
        (f"hotel add {'x' * 65}", "is no id"),
        ("hotel add h --timezone Mars/Olympus", "no time zone"),
        ("hotel add h --timezone ../../etc/passwd", "no time zone"),
        ("hotel add h --profile lax", "--profile"),
        ("hotel add h --email desk", "'desk' is no mail address"),
        ("hotel add h --slack-webhook hooks.example/s3cr3t", "not a whole URL"),
        ("hotel channel-add h", "--email"),
        ("hotel channel-add h --slack-webhook hooks.example/s3cr3t", "not a whole URL"),
        ("room add h 1/2", "'1/2' is no id"),
        ("room add h 101 --ap 02:00:00:00:00:00", "no access point's BSSID"),
        ("room add h 101 --ap a4:2b:b0:c1:d2", "no access point's BSSID"),
        ("room add h 101 --ap a4:2b-b0:c1:d2:e3", "no access point's BSSID"),
        ("room add h 101 --floor-rssi 75", "from -126 to 0"),
        ("room add h 101 --floor-rssi nan", "from -126 to 0"),
        ("maintenance add h", "say --for or --until"),
        ("maintenance add h --for 2h --until 2026-11-23T22:00", "say --for or --until"),
        ("maintenance add h --for soon", "'soon' is no time such as 30m"),
        ("maintenance add h --until tomorrow", "'tomorrow' is no time; write it as 2026"),
        ("maintenance add h --for 2h --reason paint\u202e", "on one line"),
        ("alert note h A1 paint\u2066", "turns the direction of writing"),
        ("room add h 101 --name \u202e101", "printable characters"),
        ("maintenance add h --for 2h --room 101 --floor 1", "give --room or --floor"),
        ("policy set h batteryLow", "not NAME=VALUE"),
        ("policy set h batteryLow=91", "batteryLow=91: it must be 1 to 90 %"),
        ("policy set h batteryLow=nan", "batteryLow=nan: it must be 1 to 90 %"),
        ("policy set h byeReboot=2h", "byeReboot=2h: it must be 10 s to 1 h"),
        ("policy set h profile=lax", "profile=lax: it must be strict or normal"),
        ("policy set h docked=maybe", "docked=maybe: it must be true or false"),
        ("policy set h takeOvers=2.5", "it must be a whole number, 2 to 20 times"),
        ("policy set h batteryLow=30 batteryLow=25", "batteryLow is given twice: 30 and 25"),
        ("policy set h batterylow=30", "there is no threshold 'batterylow'; is it batteryLow?"),
        ("policy unset h battery_low", "is it batteryLow?"),
        ("policy unset h profile", "a hotel always has a profile"),
        ("policy show h --room 101 --device t", "give --room or --device"),
        ("device add h t", "--room"),
        ("device add h", "--count"),
        ("device add h t --room 101 --tokens", "go with --count"),
        ("device add h t --room 101 --prefix x", "go with --count"),
        ("device add h t --count 3", "leave out DEVICE"),
        ("device add h --count 0", "--count"),
        ("device add h --count 3 --prefix a/b", "--prefix"),
        (f"device add h --count 3 --prefix {'x' * 60}", "--prefix"),
        ("user add h ada", "--role"),
        ("user add h ada --role admin", "--role"),
        ("integrator add h pms --scope alerts,money", "'money' is no scope"),
        ("token device h t --ttl 0", "--ttl"),
        ("token device h t --ttl -5", "--ttl"),
        ("token device h t --ttl soon", "--ttl"),
        ("token device h", "DEVICE"),
        ("command send h t", "COMMAND"),
        ("command send h t explode", "'explode' is no command"),
        ("command send h t ring --arg loud", "write NAME=VALUE"),
        ("command send h t ring --arg =loud", "write NAME=VALUE"),
        (f"command send h t message --arg text={'x' * 4096}", "more than 4096 bytes"),
        ("command send h t ring --expires 0", "--expires"),
        ("messages", "HOTEL"),
        ("simulate h --scenario earthquake", "--scenario"),
        ("simulate h --tablets 0", "--tablets"),
        ("up --http-port 65536", "--http-port"),
        ("up --demo 0", "--demo"),
        ("up --mqtt-port mqtt", "--mqtt-port"),
        ("fly", "fly"),
        ("hotel fly", "fly"),
        ("hotel list --loud", "--loud"),
    ],
)
def test_wrong_usage_is_one_line_that_names_what_is_wrong(tmp_path: Path, command: str, fragment: str) -> None:
    ended = run_here(*words_of(command, tmp_path / "data"))

    assert ended.code == 2
    assert fragment in ended.err
    assert ended.err.startswith("innwatch: ")
    assert len(ended.err.splitlines()) == 1
    assert "s3cr3t" not in ended.err
    assert ended.out == ""
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("command", "option", "words"),
    [
        ("user add h ada --role admin", "--role", "'admin' is not one of 'viewer', 'staff', 'manager'"),
        ("hotel add h --profile lax", "--profile", "'lax' is not one of 'strict', 'normal'"),
        ("token device h t --ttl soon", "--ttl", "'soon' is not a whole number"),
        ("token device h t --ttl 1.5", "--ttl", "'1.5' is not a whole number"),
        ("token device h t --ttl 999999999", "--ttl", "must be at most 315360000"),
        ("token device h t --ttl " + "9" * 5000, "--ttl", "is not a whole number"),
        ("room add h 101 --floor-rssi low", "--floor-rssi", "'low' is not a number"),
        ("simulate h --speed nan", "--speed", "'nan' is refused; it must be at most 100"),
        ("up --http-port 65536", "--http-port", "'65536' is refused; it must be at most 65535"),
        ("up --demo 0", "--demo", "'0' is refused; it must be at least 1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_plain_words(command: str, option: str, words: str) -> None:
    ended = run_here(*command.split())

    assert f"Invalid value for '{option}': " in ended.err
    assert words in ended.err
    assert "Input" not in ended.err
    assert "Value error" not in ended.err
    assert len(ended.err) < 200


@pytest.mark.parametrize("command", ["hotel list", "token device h t", "messages h", "simulate h", "user list h"])
def test_a_folder_without_an_installation_is_refused_with_the_way_to_make_one(tmp_path: Path, command: str) -> None:
    ended = run_here(*words_of(command, tmp_path / "data"))

    assert ended.code == 1
    assert "innwatch up --data" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_the_folder_of_the_environment_is_used_when_none_is_given(tmp_path: Path) -> None:
    ended = run_here("hotel", "list", environment={"INNWATCH_DATA": str(tmp_path / "elsewhere")})

    assert str(tmp_path / "elsewhere") in ended.err


def test_the_version_is_printed() -> None:
    assert run_here("--version").out.startswith("innwatch ")


@pytest.mark.parametrize("noun", ["hotel", "room", "device", "user", "integrator", "token", "quarantine"])
def test_a_noun_without_a_verb_is_answered_with_its_help(noun: str) -> None:
    ended = run_here(noun)

    assert ended.code == 2
    assert "Usage" in ended.out
    assert ended.err == ""


def parameters(command: typer.core.TyperGroup | typer.core.TyperCommand) -> Iterator[object]:
    """Return what every command under this one takes."""
    if isinstance(command, typer.core.TyperGroup):
        for each in command.commands.values():
            yield from parameters(each)  # type: ignore[arg-type]
    else:
        yield from command.params


def test_every_variable_that_help_names_is_a_setting() -> None:
    shown = [getattr(one, "show_default", None) for one in parameters(typer.main.get_command(app))]  # type: ignore[arg-type]
    named = {name for text in shown if isinstance(text, str) for name in re.findall(r"\b[A-Z]+_[A-Z_]+\b", text)}

    assert named
    assert named <= KNOWN
