"""`innwatch copy`: a data folder moves to PostgreSQL, even where the copying is killed in the middle."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.config.command_line import INNWATCH, CommandLine
from tests.support import PostgreSQL, Processes, eventually_sync
from tests.support.command_line import quiet_environment

pytestmark = pytest.mark.server

MESSAGES = 200_000  # some seconds, of which a look takes a part
_FILL = f"""
    WITH RECURSIVE beat (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM beat WHERE number < {MESSAGES})
    INSERT INTO message (hotel_key, device_key, kind, message_id, received_at, late, body)
    SELECT hotel_key, key, 'heartbeat', 'm-' || number, 1795392000000000 + number * 1000000, 0, x'7b7d'
    FROM beat JOIN device
"""  # noqa: S608 - ours


@pytest.fixture
def target(postgresql: PostgreSQL) -> Iterator[str]:
    """An empty database."""
    url = postgresql.database()
    yield url
    postgresql.drop(url)


@pytest.fixture
def hotel(cli: CommandLine) -> CommandLine:
    cli("hotel", "add", "grand")
    cli("room", "add", "grand", "101")
    cli("device", "add", "grand", "tab-1", "--room", "101")
    return cli


def test_a_folder_moves_and_commands_work_on_the_new_place(hotel: CommandLine, target: str) -> None:
    said = hotel("copy", "--to", target)

    assert str(hotel.folder.path.absolute() / "signing.key") in said.out
    there = {"DATABASE_URL": target, "SECRET_KEY_FILE": str(hotel.folder.path / "signing.key")}
    hotel.folder.database.unlink()
    assert "grand" in hotel("hotel", "list", **there).out
    assert hotel("token", "device", "grand", "tab-1", **there).out.count(".") == 2
    assert "nothing to do" in hotel("migrate", **there).out


def test_links_lead_no_more_to_where_up_was_when_a_server_has_the_hotels(hotel: CommandLine, target: str) -> None:
    hotel.folder.write_address("http://127.0.0.1:9090/")
    hotel("copy", "--to", target)

    there = {"DATABASE_URL": target, "SECRET_KEY_FILE": str(hotel.folder.path / "signing.key")}
    assert "http://127.0.0.1:9090/enrol#" in hotel("enrol", "grand", "101").out
    assert "http://127.0.0.1:8080/enrol#" in hotel("enrol", "grand", "101", **there).out


def test_keys_that_were_rotated_move_too(hotel: CommandLine, target: str) -> None:
    hotel("keys", "rotate", "--after", "0")
    said = hotel("copy", "--to", target)

    assert f"INNWATCH_KEYS={hotel.folder.keys.absolute()}" in said.out


def test_the_target_may_be_that_of_the_environment(hotel: CommandLine, target: str) -> None:
    hotel("copy", DATABASE_URL=target)

    assert hotel("hotel", "list", DATABASE_URL=target).out == hotel("hotel", "list").out


def test_a_folder_in_use_is_not_copied(hotel: CommandLine, target: str) -> None:
    with hotel.folder.locked():
        refused = hotel.refused("copy", "--to", target)

    assert (refused.code, "stop it first" in refused.err) == (1, True)
    hotel("copy", "--to", target)


def test_a_target_with_data_in_it_is_refused_in_one_line(hotel: CommandLine, target: str) -> None:
    hotel("copy", "--to", target)

    refused = hotel.refused("copy", "--to", target)

    assert refused.code == 1
    assert "there is data in it already" in refused.err.splitlines()[-1]


@pytest.mark.parametrize("words", [(), ("--to", "sqlite+aiosqlite:////tmp/x.db"), ("--to", "somewhere")])
def test_a_target_that_is_no_server_is_refused(hotel: CommandLine, words: tuple[str, ...]) -> None:
    refused = hotel.refused("copy", *words)

    assert refused.code == 78
    assert "postgresql://" in refused.err


def test_a_copy_that_was_killed_goes_on(
    hotel: CommandLine, target: str, postgresql: PostgreSQL, processes: Processes
) -> None:
    with closing(sqlite3.connect(hotel.folder.database)) as raw, raw:
        raw.execute(_FILL)
    database = target.rpartition("/")[2]

    def copied() -> int:
        there = postgresql.sql("SELECT to_regclass('message')", database=database)
        return int(postgresql.sql("SELECT count(*) FROM message", database=database)) if there else 0

    first = processes.start([INNWATCH, "copy", "--to", target, "--data", hotel.folder.path], env=quiet_environment({}))
    eventually_sync(copied, within=30)
    first.kill()
    refused = hotel.refused("hotel", "list", DATABASE_URL=target)
    reached = copied()
    hotel("copy", "--to", target)

    assert reached > 0
    assert "run `innwatch copy` again" in refused.err
    assert copied() == MESSAGES
    assert hotel("hotel", "list", DATABASE_URL=target).out == hotel("hotel", "list").out
