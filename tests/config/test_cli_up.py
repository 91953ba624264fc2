"""`innwatch up` refuses what it cannot serve before it opens anything (that it serves is shown by the system tests)."""

import socket
from pathlib import Path

import pytest

from config.folder import Folder
from tests.config.command_line import CommandLine
from tests.support import free_port


@pytest.fixture
def up(tmp_path: Path) -> CommandLine:
    return CommandLine(Folder(tmp_path / "data"))


def ports() -> list[str]:
    return [word for name in ("http", "mqtt", "ws") for word in (f"--{name}-port", str(free_port()))]


def test_a_weak_secret_key_is_refused_and_not_shown(up: CommandLine) -> None:
    ended = up.refused("up", *ports(), SECRET_KEY="changeme-changeme-changeme-changeme")

    assert ended.code == 78
    assert ended.err.startswith("innwatch: SECRET_KEY: ")
    assert len(ended.err.splitlines()) == 1
    assert "changeme" not in ended.out + ended.err


@pytest.mark.parametrize("name", ["http", "mqtt", "ws"])
def test_a_taken_port_is_refused_with_the_option_that_changes_it(up: CommandLine, name: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        number = str(taken.getsockname()[1])
        ended = up.as_process("up", *ports(), f"--{name}-port", number)

    assert ended.code == 1
    refusal = ended.err.splitlines()[-1]
    assert refusal.startswith("innwatch: ")
    assert number in refusal
    assert f"--{name}-port" in refusal
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("other", ["mqtt", "ws"])
def test_one_port_for_two_listeners_is_refused(up: CommandLine, other: str) -> None:
    number = str(free_port())
    ended = up.as_process("up", *ports(), "--http-port", number, f"--{other}-port", number)

    assert ended.code == 1
    assert number in ended.err.splitlines()[-1]
    assert f"--{other}-port" in ended.err
    assert "Innwatch is watching" not in ended.out


def test_a_folder_in_use_is_refused(cli: CommandLine) -> None:
    with cli.folder.locked():
        ended = cli.refused("up", *ports())

    assert ended.code == 1
    assert "in use by another `innwatch up`" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_file_in_place_of_the_folder_is_refused(up: CommandLine) -> None:
    up.folder.path.write_text("")

    ended = up.refused("up", *ports())

    assert (ended.code, ended.err) == (1, f"innwatch: --data {up.folder.path} is not a folder\n")


def test_moving_the_clock_of_a_real_installation_is_refused(up: CommandLine, tmp_path: Path) -> None:
    ended = up.refused("up", *ports(), INNWATCH_CLOCK=str(tmp_path / "clock"))

    assert ended.code == 78
    assert "--for-tests" in ended.err


def test_what_nobody_reads_is_named_before_anything_starts(cli: CommandLine) -> None:
    with cli.folder.locked():
        ended = cli.refused("up", *ports(), API_TOKEN="s3cr3t", INNWATCH_HTPP_PORT="8000")

    assert ended.err.splitlines()[:-1] == [
        "innwatch: API_TOKEN is set, and opens nothing without INNWATCH_LEGACY_HOTEL, the hotel in which it is to act",
        "innwatch: INNWATCH_HTPP_PORT is not a setting, and is ignored; did you mean INNWATCH_HTTP_PORT?",
    ]
