"""`innwatch broker` and `up --broker` refuse what they cannot do before anything is open (the system tests serve)."""

import socket
from pathlib import Path

import pytest

from config import private_file
from config.folder import Folder
from tests.config.command_line import CommandLine
from tests.support import free_port


@pytest.fixture
def new(tmp_path: Path) -> CommandLine:
    return CommandLine(Folder(tmp_path / "data"))


def ports(*names: str) -> list[str]:
    return [word for name in names for word in (f"--{name}-port", str(free_port()))]


@pytest.mark.parametrize("name", ["health", "mqtt", "ws"])
def test_a_taken_port_is_refused_with_the_option_that_changes_it(new: CommandLine, name: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        number = str(taken.getsockname()[1])
        ended = new.as_process("broker", *ports("health", "mqtt", "ws"), f"--{name}-port", number)

    assert ended.code == 1
    refusal = ended.err.splitlines()[-1]
    assert (number in refusal, f"--{name}-port" in refusal) == (True, True)
    assert "Traceback" not in ended.err


def test_a_folder_has_one_broker(cli: CommandLine) -> None:
    with cli.folder.broker_locked():
        alone = cli.as_process("broker", *ports("health", "mqtt", "ws"))
        within = cli.as_process("up", *ports("http", "mqtt", "ws"))

    assert (alone.code, within.code) == (1, 1)
    assert "has a broker already" in alone.err
    assert "has a broker already" in within.err


@pytest.mark.parametrize(
    "url",
    ["http://broker", "mqtt://", "mqtt://h:99999", "mqtt://h:0", "mqtt://h/topic", "mqtt://:s3cret@h", "mqtt://h?x=1"],
)
def test_what_is_no_brokers_address_is_refused_and_not_shown(new: CommandLine, url: str) -> None:
    option, setting = new.refused("up", "--broker", url), new.refused("up", INNWATCH_BROKER=url)

    assert (option.code, setting.code) == (78, 78)
    assert option.err.startswith("innwatch: --broker must be mqtt://HOST:PORT")
    assert setting.err.startswith("innwatch: INNWATCH_BROKER must be mqtt://HOST:PORT")
    assert "s3cret" not in option.err + setting.err
    assert not new.folder.path.exists()


def test_a_port_for_a_broker_that_is_elsewhere_is_refused(new: CommandLine) -> None:
    ended = new.refused("up", "--broker", "mqtt://h", "--mqtt-port", "1883")

    assert (ended.code, ended.err) == (78, "innwatch: --broker says where MQTT is; leave out --mqtt-port\n")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_refused(new: CommandLine, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)

    ended = new.refused("up", "--broker", "mqtts://h", *ports("http"), INNWATCH_BROKER_CA=str(file))

    assert ended.code == 78
    assert ended.err.splitlines()[-1].startswith("innwatch: INNWATCH_BROKER_CA: ")


def test_a_demo_speaks_no_tls(new: CommandLine) -> None:
    ended = new.refused("up", "--broker", "mqtts://h", "--demo", "2")

    assert ended.code == 78
    assert "--demo needs an mqtt:// address as INNWATCH_BROKER" in ended.err


def test_two_processes_that_start_on_a_new_folder_have_the_same_key(tmp_path: Path) -> None:
    """Both found no key; whoever is second takes what the first one wrote."""
    folder = Folder.make(tmp_path / "data", for_tests=False)
    private_file.write_once(folder.path / "signing.key", "first\n")
    private_file.write_once(folder.path / "signing.key", "second\n")

    assert folder.signing_key() == "first"
    assert sorted(path.name for path in folder.path.iterdir()) == ["signing.key"]


def test_a_broker_without_a_database_says_that_nobody_can_be_shut_out(tmp_path: Path, cli: CommandLine) -> None:
    elsewhere = CommandLine(Folder(tmp_path / "elsewhere"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ["broker", *ports("health", "ws"), "--mqtt-port", str(taken.getsockname()[1])]
        without, beside = elsewhere.as_process(*words), cli.as_process(*words)

    assert "nobody can be shut out" in without.err
    assert "nobody can be shut out" not in beside.err
