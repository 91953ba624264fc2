"""`innwatch bridge` and `api`: what they cannot do without stops the start with one line."""

import pytest

from store import schema
from tests.config.command_line import CommandLine
from tests.support import PostgreSQL, free_port

NAMED = {
    "DATABASE_URL": "postgresql://innwatch:s3cr3t@127.0.0.1:1/innwatch",
    "REDIS_URL": "redis://:s3cr3t@127.0.0.1:1/0",
    "SECRET_KEY": "7KqVwZ3nT0sYb8XfJr2LmC5hGdPe9UaQ",
    "INNWATCH_BROKER": "mqtt://bridge:s3cr3t@127.0.0.1:1",
}


@pytest.mark.parametrize("command", ["bridge", "api"])
@pytest.mark.parametrize("missing", ["DATABASE_URL", "REDIS_URL", "SECRET_KEY"])
def test_what_a_process_cannot_do_without_is_named(cli: CommandLine, command: str, missing: str) -> None:
    environment = {name: value for name, value in NAMED.items() if name != missing}

    ended = cli.refused(command, **environment)

    assert ended.code == 78
    assert ended.err.startswith(f"innwatch: {missing} ")
    assert len(ended.err.splitlines()) == 1
    assert "s3cr3t" not in ended.err


@pytest.mark.parametrize("command", ["bridge", "api"])
def test_a_database_in_a_file_cannot_be_shared(cli: CommandLine, command: str) -> None:
    ended = cli.refused(command, **(NAMED | {"DATABASE_URL": "sqlite+aiosqlite:////tmp/innwatch.db"}))

    assert (ended.code, "must name a PostgreSQL server" in ended.err) == (78, True)


def test_a_password_on_the_command_line_is_warned_of_in_one_line_without_it(cli: CommandLine) -> None:
    there = "postgresql://innwatch:s3cr3t@127.0.0.1:1/innwatch"
    for words, instead in (
        (("copy", "--to", there), "DATABASE_URL_FILE"),
        (("bridge", "--broker", "mqtt://bridge:s3cr3t@127.0.0.1:1"), "INNWATCH_BROKER_FILE"),
    ):
        first = cli.refused(*words).err.splitlines()[0]  # there is neither a server nor a setting that names one
        assert first.startswith(f"innwatch: {words[1]} has a password in it")
        assert first.endswith(instead)
        assert "s3cr3t" not in first
        assert instead in cli(words[0], "--help", TERMINAL_WIDTH="300").out
    assert "password" not in cli.refused("bridge", "--broker", "mqtt://127.0.0.1:1").err


def test_a_bridge_needs_a_broker(cli: CommandLine) -> None:
    ended = cli.refused("bridge", **(NAMED | {"INNWATCH_BROKER": ""}))

    assert ended.code == 78
    assert ended.err.startswith("innwatch: INNWATCH_BROKER is missing")


def test_an_api_needs_to_know_where_browsers_find_the_broker(cli: CommandLine) -> None:
    ended = cli.refused("api", **(NAMED | {"INNWATCH_LISTEN": "mqtt://127.0.0.1:1"}))

    assert (ended.code, "INNWATCH_PUBLIC_WS_URL" in ended.err) == (78, True)


def test_a_clock_that_is_moved_needs_a_folder_made_for_tests(cli: CommandLine) -> None:
    (cli.folder.path / "for-tests").unlink()

    ended = cli.refused("api", **NAMED, INNWATCH_CLOCK="clock")

    assert (ended.code, "--for-tests" in ended.err) == (78, True)


@pytest.mark.server
@pytest.mark.parametrize("command", ["bridge", "api"])
def test_the_schema_of_a_newer_version_ends_the_start(cli: CommandLine, postgresql: PostgreSQL, command: str) -> None:
    url = postgresql.database(postgresql.template("innwatch", schema.move_to))
    postgresql.sql("UPDATE alembic_version SET version_num = '9999'", database=url.rpartition("/")[2])
    port = "--http-port" if command == "api" else "--health-port"

    ended = cli.as_process(command, port, str(free_port()), **(NAMED | {"DATABASE_URL": url}))

    assert ended.code == 1
    last = ended.err.splitlines()[-1]
    assert last.startswith("innwatch: ")
    assert "schema 9999" in last
    assert "Traceback" not in ended.err, ended.err
