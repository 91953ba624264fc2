"""DATABASE_URL: every command works on the database that it names, and says so when it cannot."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.config.command_line import CommandLine
from tests.support import free_port

SECRET = {"SECRET_KEY": "7KqVwZ3nT0sYb8XfJr2LmC5hGdPe9UaQ"}


@pytest.fixture
def elsewhere(cli: CommandLine, tmp_path: Path) -> dict[str, str]:
    """A migrated database outside the data folder, in which there is no other."""
    path = tmp_path / "elsewhere.db"
    cli.folder.database.rename(path)
    return {"DATABASE_URL": f"sqlite+aiosqlite:///{path}"}


def test_a_command_works_on_the_file_that_is_named(cli: CommandLine, elsewhere: dict[str, str], tmp_path: Path) -> None:
    cli("hotel", "add", "grand", **elsewhere)

    assert "grand" in cli("hotel", "list", **elsewhere).out
    with closing(sqlite3.connect(tmp_path / "elsewhere.db")) as raw, raw:
        assert raw.execute("SELECT id FROM hotel").fetchall() == [("grand",)]
    assert not cli.folder.database.exists()


def test_no_data_folder_is_needed_where_the_database_and_the_key_are_named(
    cli: CommandLine, elsewhere: dict[str, str]
) -> None:
    cli("hotel", "add", "grand", **elsewhere)
    cli("room", "add", "grand", "101", **elsewhere)
    cli("device", "add", "grand", "tab-1", "--room", "101", **elsewhere)
    for left in cli.folder.path.iterdir():
        left.unlink()
    cli.folder.path.rmdir()

    assert cli("token", "device", "grand", "tab-1", **elsewhere, **SECRET).out.count(".") == 2
    refused = cli.refused("token", "device", "grand", "tab-1", **elsewhere)
    assert (refused.code, "set SECRET_KEY" in refused.err) == (78, True)
    assert not cli.folder.path.exists()


def test_a_database_that_is_not_there_is_refused_with_its_name(cli: CommandLine, tmp_path: Path) -> None:
    refused = cli.refused("hotel", "list", DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}/nowhere.db")

    assert refused.code == 1
    assert f"{tmp_path}/nowhere.db" in refused.err
    assert len(refused.err.splitlines()) == 1


def test_up_keeps_its_database_in_a_file(cli: CommandLine) -> None:
    refused = cli.as_process(
        "up", "--http-port", str(free_port()), DATABASE_URL="postgresql://innwatch:s3cr3t@db/innwatch"
    )

    assert refused.code == 78
    assert "innwatch bridge" in refused.err or "`bridge`" in refused.err
    assert "s3cr3t" not in refused.err


@pytest.mark.parametrize("name", ["postgresql://innwatch:12/s3cr3t@db/innwatch", "postgresql://innwatch:12/s3cr3t@db"])
def test_a_password_with_a_slash_is_refused_and_not_shown(cli: CommandLine, name: str) -> None:
    refused = cli.refused("hotel", "list", DATABASE_URL=name)

    assert (refused.code, len(refused.err.splitlines())) == (78, 1)
    assert "%2F" in refused.err
    assert "s3cr3t" not in refused.err
