"""`innwatch migrate`: forward, back, to nothing, and not at all where a newer version was at work."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store import Limits, schema
from store.limits import READING, WORKING
from tests.config.command_line import INNWATCH, CommandLine
from tests.store.given import open_at
from tests.support import PostgreSQL
from tests.support.command_line import Ended, quiet_environment, run_here

HEAD, BEFORE = schema.HEAD, schema.REVISIONS[-2]


class Database:
    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *words: str) -> Ended:
        return run_here("migrate", *words, environment={"DATABASE_URL": self.url})

    @property
    def revision(self) -> str | None:
        return schema.revision_of(self.url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def migrate(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """`innwatch migrate` on a database without a schema."""
    if request.param == "sqlite":
        (tmp_path / "innwatch.db").touch()
        return Database(f"sqlite+aiosqlite:///{tmp_path / 'innwatch.db'}")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return Database(server.database())


def test_a_schema_goes_forward_and_back_and_each_revision_is_told(migrate: Database) -> None:
    made = migrate()
    assert (made.code, made.err) == (0, "")
    assert [line.strip() for line in made.lines[1:]] == [*schema.REVISIONS, "done"]
    assert migrate.revision == HEAD

    assert "nothing to do" in migrate().out
    back = migrate("--to", BEFORE)
    assert [line.strip() for line in back.lines[1:]] == [BEFORE, "done"]
    assert migrate.revision == BEFORE
    assert migrate("--to", "base").lines[-2].strip() == "base"
    assert migrate.revision is None


def test_a_check_says_what_is_to_be_done_and_does_nothing(migrate: Database) -> None:
    checked = migrate("--check")
    assert (checked.code, checked.out) == (1, "")
    assert f"schema base, {HEAD} is wanted" in checked.err
    assert migrate.revision is None
    assert f"`innwatch migrate --to {BEFORE}`" in migrate("--check", "--to", BEFORE).err

    migrate()
    assert migrate("--check").code == 0


def test_the_schema_of_a_newer_version_is_left_alone(migrate: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate()
    monkeypatch.setattr(schema, "REVISIONS", schema.REVISIONS[:-1])
    monkeypatch.setattr(schema, "HEAD", BEFORE)

    for words in ((), ("--check",), ("--to", "base")):
        refused = migrate(*words)
        assert (refused.code, refused.out) == (1, "")
        assert f"schema {HEAD} is of a newer Innwatch, this one knows up to {BEFORE}" in refused.err
        assert len(refused.err.splitlines()) == 1
    assert migrate.revision == HEAD


@pytest.mark.server
def test_nobody_goes_back_beneath_processes_that_run_unless_told_to(postgresql: PostgreSQL) -> None:
    migrate = Database(postgresql.database(postgresql.template("store", schema.move_to)))
    with connected(migrate.url, as_=READING):  # our broker, which need not be stopped
        assert migrate("--to", BEFORE).code == 0
        assert migrate().code == 0
    with connected(migrate.url):
        refused = migrate("--to", BEFORE)
        assert refused.code == 1
        assert "1 connections of processes of Innwatch are open; stop them before going back" in refused.err
        assert len(refused.err.splitlines()) == 1
        assert migrate.revision == HEAD
        assert migrate("--to", BEFORE, "--anyway").code == 0
        assert migrate().code == 0  # forward they wait
    postgresql.sql(
        "INSERT INTO lease (name, holder, generation, until)"
        " VALUES ('bridge', 'host-1:7', 1, (extract(epoch FROM clock_timestamp()) + 60) * 1000000)",
        database=migrate.url.rpartition("/")[2],
    )
    assert "host-1:7 has the lease bridge" in migrate("--to", BEFORE).err
    assert migrate.revision == HEAD


def test_nobody_goes_back_beneath_an_up_that_runs(cli: CommandLine) -> None:
    with cli.folder.locked():
        refused = cli.refused("migrate", "--to", BEFORE)

    assert (refused.code, "in use by another `innwatch up`" in refused.err) == (1, True)
    assert schema.revision_of(cli.folder.database_url) == HEAD


@contextmanager
def connected(url: str, *, as_: str = WORKING) -> Iterator[None]:
    """A process of Innwatch that is at it, seen from the database."""
    with asyncio.Runner() as runner:
        store = runner.run(open_at(url, limits=Limits(application=as_)))
        runner.run(store.hotels())
        yield
        runner.run(store.close())


def test_a_revision_that_there_is_not_is_refused(migrate: Database) -> None:
    refused = migrate("--to", "9999")

    assert (refused.code, "there is no revision 9999" in refused.err) == (2, True)


def test_a_file_that_is_not_there_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    refused = run_here("migrate", "--data", tmp_path / "nowhere", environment={})

    assert (refused.code, "there is no database" in refused.err) == (1, True)
    assert not (tmp_path / "nowhere").exists()


def test_a_server_that_is_not_there_is_refused_and_no_password_shown() -> None:
    refused = run_here("migrate", environment={"DATABASE_URL": "postgresql://innwatch:s3cr3t@127.0.0.1:1/innwatch"})

    assert refused.code == 1
    assert refused.err.startswith("innwatch: cannot use postgresql://innwatch@127.0.0.1:1/innwatch: ")
    assert "s3cr3t" not in refused.err


@pytest.mark.server
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_text_is_refused(postgresql: PostgreSQL, encoding: str) -> None:
    migrate = Database(postgresql.encoded(encoding))

    refused = migrate()

    assert refused.code == 1
    assert f"in {encoding}" in refused.err
    assert "ENCODING 'UTF8'" in refused.err
    assert migrate.revision is None


@pytest.mark.server
def test_two_that_migrate_at_once_take_turns(postgresql: PostgreSQL) -> None:
    environment = quiet_environment({"DATABASE_URL": postgresql.database()})
    both = [
        subprocess.Popen([INNWATCH, "migrate"], env=environment, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
        for _ in range(2)
    ]

    for one in both:
        one.communicate(timeout=50)

    assert [one.returncode for one in both] == [0, 0]
    assert schema.revision_of(environment["DATABASE_URL"]) == HEAD
