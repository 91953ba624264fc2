"""A backup is made while everything runs, is whole or is not there, and comes back as it was."""

import asyncio
import contextlib
import gzip
import io
import json
import os
import socket
import sqlite3
import subprocess
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from config.folder import Folder
from store import LocalDoorbell, Store, schema
from tests.config.command_line import INNWATCH, CommandLine
from tests.store.given import add_hotel, batch, cleared, heartbeat, later, opened
from tests.support import PostgreSQL, Processes, eventually, eventually_sync, free_port, requires
from tests.support.command_line import Ended, quiet_environment

Rows = dict[str, list[tuple[Any, ...]]]


class Writing:
    """Somebody who stores batch after batch: message `m-N` and alert `A-N` in the N-th."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.done = 0

    async def run(self) -> None:
        (device,) = await add_hotel(self._store, tablets=1)
        while True:
            number, at = self.done, later(self.done)
            name = f"A-{number}"
            changes = [opened(device, name, opened_at=at), cleared(device, name, at=at)]
            await self._store.apply(batch(heartbeat(device, f"m-{number}", at=at), changes=changes, at=at))
            self.done += 1


@asynccontextmanager
async def writing(url: str) -> AsyncIterator[Writing]:
    store = await Store.open(url, doorbell=LocalDoorbell())
    writer = Writing(store)
    running = asyncio.create_task(writer.run())
    try:
        await eventually(lambda: writer.done > 20)
        yield writer
    finally:
        running.cancel()
        await asyncio.wait([running])
        await store.close()


def rows_of(path: Path) -> Rows:
    with closing(sqlite3.connect(path)) as raw:
        names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: raw.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}  # noqa: S608
    return {name: sorted(rows, key=lambda row: row[:2]) for name, rows in found.items()}


def restored(cli: CommandLine, file: Path, folder: Path) -> Folder:
    CommandLine(Folder(folder))("restore", file)
    return Folder(folder)


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    """A database on a server with the schema and nothing else."""
    return postgresql.database(postgresql.template("store", schema.move_to))


async def test_a_backup_made_while_messages_are_stored_is_all_that_was_there_at_one_moment(
    cli: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "a.backup"
    async with writing(cli.folder.database_url) as writer:
        before = writer.done
        ended = await asyncio.to_thread(cli.as_process, "backup", file)
        assert writer.done > before  # it kept nobody waiting for long
    assert ended.code == 0, ended.err

    folder = await asyncio.to_thread(restored, cli, file, tmp_path / "new")

    whole, copy = rows_of(cli.folder.database), rows_of(folder.database)
    number = len(copy["message"])
    assert before <= number < len(whole["message"])
    for table in ("message", "alert", "event", "device", "room", "channel", "account", "alembic_version"):
        assert copy[table] == whole[table][: len(copy[table])], table
    # Of each batch all, or nothing; the tablet's own adding is an event too.
    assert (len(copy["alert"]), len(copy["event"])) == (number, 2 * number + 1)
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.database.stat().st_mode & 0o777 == 0o600


@pytest.mark.server
async def test_a_backup_of_a_server_is_all_that_was_there_at_one_moment(
    postgresql: PostgreSQL, url: str, tmp_path: Path
) -> None:
    requires("pg_dump")
    file = tmp_path / "a.backup"
    settings = {"DATABASE_URL": url, "SECRET_KEY": os.urandom(32).hex()}
    cli = CommandLine(Folder(tmp_path / "none"))
    async with writing(url) as writer:
        before = writer.done
        ended = await asyncio.to_thread(lambda: cli.as_process("backup", file, **settings))
        assert writer.done > before
    assert ended.code == 0, ended.err

    new = postgresql.database()
    there = {**settings, "DATABASE_URL": new}
    ended = await asyncio.to_thread(lambda: cli.as_process("restore", file, **there))
    assert ended.code == 0, ended.err
    again = await asyncio.to_thread(lambda: cli.as_process("restore", file, **there))

    whole, copy = (served(postgresql, each) for each in (url, new))
    number = len(copy["message"])
    assert before <= number < len(whole["message"])
    for table, found in copy.items():
        assert found == whole[table][: len(found)], table
    # Of each batch all, or nothing; the tablet's own adding is an event too.
    assert (len(copy["alert"]), len(copy["event"])) == (number, 2 * number + 1)
    assert again.code == 1
    assert "is not empty" in again.err
    assert not (tmp_path / "none").exists()


@pytest.mark.server
def test_a_backup_goes_into_no_database_that_cannot_hold_every_text(
    postgresql: PostgreSQL, url: str, tmp_path: Path
) -> None:
    requires("pg_dump")
    cli = CommandLine(Folder(tmp_path / "none"))
    cli("backup", tmp_path / "a.backup", DATABASE_URL=url)
    latin = postgresql.encoded("LATIN1")

    refused = cli.refused("restore", tmp_path / "a.backup", DATABASE_URL=latin)

    assert refused.code == 1
    assert "in LATIN1" in refused.err
    assert "ENCODING 'UTF8'" in refused.err
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgresql.sql(tables, database=latin.rpartition("/")[2]) == "0"


def served(server: PostgreSQL, url: str) -> dict[str, list[str]]:
    database = url.rpartition("/")[2]
    orders = {"message": "id", "alert": "key", "event": "id", "device": "key", "room": "key"}
    return {
        table: server.sql(f"TABLE {table} ORDER BY {order}", database=database).splitlines()
        for table, order in orders.items()
    }


def test_a_backup_stands_in_the_audit_and_its_age_is_known(cli: CommandLine, tmp_path: Path) -> None:
    assert cli.with_store(lambda store: store.backed_up_at()) is None

    cli("backup", tmp_path / "a.backup")

    (line,) = cli.with_store(lambda store: store.platform_audit(deed="backup.")).items
    assert (line.deed, line.actor_kind, line.subject) == ("backup.made", "command-line", "a.backup")
    assert cli.with_store(lambda store: store.backed_up_at()) == line.at


def test_a_backup_that_cannot_be_noted_is_a_backup_nevertheless(cli: CommandLine, tmp_path: Path) -> None:
    cli("migrate", "--to", schema.REVISIONS[-2])

    made = cli("backup", tmp_path / "a.backup")

    assert "doctor and metrics will not know of it" in made.err
    assert (tmp_path / "a.backup").exists()


@pytest.mark.server
def test_without_pg_dump_it_is_said_what_to_install(url: str, tmp_path: Path) -> None:
    ended = CommandLine(Folder(tmp_path)).refused("backup", tmp_path / "a", DATABASE_URL=url, PATH="/nowhere")

    assert ended.code == 1
    assert "postgresql-client" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_what_a_running_broker_keeps_is_in_it(cli: CommandLine, processes: Processes, tmp_path: Path) -> None:
    cli("hotel", "add", "inn")
    cli("integrator", "add", "inn", "pms")
    token = cli("token", "integrator", "inn", "pms").out.strip()
    first = Broker(processes, cli.folder, token)
    asyncio.run(first.leave_behind(50))

    ended = cli.as_process("backup", tmp_path / "a.backup", "--with-signing-key")

    assert ended.code == 0, ended.err
    folder = restored(cli, tmp_path / "a.backup", tmp_path / "new")
    assert asyncio.run(Broker(processes, folder, token).find()) == [str(number) for number in range(50)]
    assert asyncio.run(first.find()) == [str(number) for number in range(50)]  # it took nothing away


@pytest.mark.server
def test_what_a_running_broker_of_a_server_keeps_is_in_it_too(
    postgresql: PostgreSQL, url: str, processes: Processes, tmp_path: Path
) -> None:
    requires("pg_dump")
    said = {"DATABASE_URL": url, "SECRET_KEY": os.urandom(32).hex()}
    cli = CommandLine(Folder(tmp_path / "broker"))
    for words in (["hotel", "add", "inn"], ["integrator", "add", "inn", "pms"]):
        cli(*words, **said)
    token = cli("token", "integrator", "inn", "pms", **said).out.strip()
    asyncio.run(Broker(processes, cli.folder, token, **said).leave_behind(50))
    assert cli.as_process("backup", tmp_path / "a.backup", **said).code == 0

    new, there = Folder(tmp_path / "new"), said | {"DATABASE_URL": postgresql.database()}
    ended = CommandLine(new).as_process("restore", tmp_path / "a.backup", **there)

    assert ended.code == 0, ended.err
    assert "every process needs the SECRET_KEY" in ended.err
    assert new.shelf.stat().st_mode & 0o777 == 0o600
    assert not new.database.exists()
    assert "pms" in CommandLine(new)("integrator", "list", "inn", **there).out
    assert asyncio.run(Broker(processes, new, token, **there).find()) == [str(number) for number in range(50)]


class Broker:
    """`innwatch broker` on a folder; an integrator's client leaves messages behind there, and finds them."""

    TOPIC = "hotels/inn/ext/pms/x"

    def __init__(self, processes: Processes, folder: Folder, token: str, **said: str) -> None:
        self._said = said
        self._processes = processes
        self._folder = folder
        self._token = token
        self.port = free_port()
        self._start()

    def _start(self) -> None:
        ports = {"--mqtt-port": self.port, "--ws-port": free_port(), "--health-port": free_port()}
        words = [str(word) for pair in ports.items() for word in pair]
        self._processes.start(
            [INNWATCH, "broker", "--data", self._folder.path, *words], env=quiet_environment(self._said)
        )
        eventually_sync(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def _client(self, name: str, *, clean: bool) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1",
            self.port,
            identifier=f"inn/integrator/pms/{name}",
            username="inn/integrator/pms",
            password=self._token,
            clean_session=clean,
        )

    async def leave_behind(self, number: int) -> None:
        async with self._client("reader", clean=False) as reader:
            await reader.subscribe(self.TOPIC, qos=1)
        async with self._client("writer", clean=True) as writer:
            for each in range(number):
                await writer.publish(self.TOPIC, str(each), qos=1)

    async def find(self) -> list[str]:
        found: list[str] = []
        async with self._client("reader", clean=False) as reader, asyncio.timeout(10):
            messages = aiter(reader.messages)
            while len(found) < 50:
                payload = (await anext(messages)).payload
                assert isinstance(payload, bytes)
                found.append(payload.decode())
        return found


def test_the_signing_key_is_in_it_only_if_it_is_asked_for(cli: CommandLine, tmp_path: Path) -> None:
    without = cli("backup", tmp_path / "a")
    within = cli("backup", tmp_path / "b", "--with-signing-key")

    assert "the signing key is not in it" in without.err
    assert within.err == ""
    assert (restored(cli, tmp_path / "b", tmp_path / "new").path / "signing.key").read_text() == (
        cli.folder.path / "signing.key"
    ).read_text()
    lacking = CommandLine(Folder(tmp_path / "newer"))("restore", tmp_path / "a")
    assert "put its signing.key into" in lacking.err
    assert not (tmp_path / "newer" / "signing.key").exists()


def test_a_file_that_is_there_is_not_written_over(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")

    ended = cli.refused("backup", tmp_path / "a")

    assert (ended.code, (tmp_path / "a").read_text()) == (1, "mine")
    assert "exists already" in ended.err


def test_a_backup_that_fails_leaves_nothing(cli: CommandLine, tmp_path: Path) -> None:
    content = bytearray(cli.folder.database.read_bytes())
    content[5 * 4096 : 6 * 4096] = b"x" * 4096
    cli.folder.database.write_bytes(content)
    (tmp_path / "backups").mkdir()

    ended = cli.refused("backup", tmp_path / "backups" / "a")

    assert ended.code == 1
    assert ended.err.startswith("innwatch: cannot back up: ")
    assert list((tmp_path / "backups").iterdir()) == []


@pytest.mark.parametrize("occupied", ["innwatch.db", "broker.sqlite3", "signing.key"])
def test_what_is_there_is_never_overwritten(cli: CommandLine, tmp_path: Path, occupied: str) -> None:
    (cli.folder.shelf).write_bytes(b"")
    cli("backup", tmp_path / "a", "--with-signing-key")
    new = tmp_path / "new"
    new.mkdir()
    (new / occupied).write_text("mine")

    ended = CommandLine(Folder(new)).refused("restore", tmp_path / "a")

    assert ended.code == 1
    assert "is there already" in ended.err
    assert [(file.name, file.read_text()) for file in new.iterdir()] == [(occupied, "mine")]


def changed(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Write the archive anew with another list."""
    made = io.BytesIO()
    with tarfile.open(file) as old, tarfile.open(fileobj=made, mode="w:gz") as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            body = content.read()
            if member.name.endswith(".json"):
                told = json.loads(body)
                change(told)
                body = json.dumps(told).encode()
                member.size = len(body)
            new.addfile(member, io.BytesIO(body))
    file.write_bytes(made.getvalue())


def refused(cli: CommandLine, file: Path, folder: Path) -> Ended:
    ended = CommandLine(Folder(folder)).refused("restore", file)
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert not (folder / "innwatch.db").exists()
    return ended


def test_a_backup_of_a_newer_innwatch_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    cli("backup", tmp_path / "a")
    changed(tmp_path / "a", lambda told: told.update(revision="9999"))

    assert "9999" in refused(cli, tmp_path / "a", tmp_path / "new").err


def test_a_backup_in_a_form_of_the_future_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    cli("backup", tmp_path / "a")
    changed(tmp_path / "a", lambda told: told.update(format=2))

    assert "does not know" in refused(cli, tmp_path / "a", tmp_path / "new").err


@pytest.mark.parametrize("harm", ["torn", "bits", "sum", "rows", "empty", "other"])
def test_a_backup_that_is_damaged_is_refused(cli: CommandLine, tmp_path: Path, harm: str) -> None:
    file = tmp_path / "a"
    cli("backup", file)
    match harm:
        case "torn":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        case "bits":
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 0xFF
            file.write_bytes(content)
        case "sum":
            changed(file, lambda told: told["sums"].update({"innwatch.db": "0" * 64}))
        case "rows":
            changed(file, lambda told: told["counts"].update(message=1))
        case "empty":
            file.write_bytes(b"")
        case "other":
            file.write_bytes(gzip.compress(b"a letter"))

    refused(cli, file, tmp_path / "new")


@pytest.mark.parametrize("doing", ["backup", "restore"])
def test_a_disk_without_room_is_said_in_one_line_and_called_nothing_else(
    cli: CommandLine, tmp_path: Path, doing: str
) -> None:
    (tmp_path / "backups").mkdir()
    cli("backup", file := tmp_path / "backups" / "a")
    cli.folder.shelf.write_bytes(bytes(256 << 10))
    target = tmp_path / "backups" / "b" if doing == "backup" else file
    data = cli.folder.path if doing == "backup" else tmp_path / "new"

    ended = without_room(doing, target, "--data", data)

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"innwatch: cannot {'back up' if doing == 'backup' else 'restore'}: ")
    assert "is torn" not in line
    assert list((tmp_path / "backups").iterdir()) == [file]
    assert not (tmp_path / "new" / "innwatch.db").exists()


def without_room(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command that may write no file larger than 64 KiB: to a program, what a full disk is."""
    limited = ["sh", "-c", 'ulimit -f 128; exec "$@"', "sh", INNWATCH, *words]
    return subprocess.run(
        limited, env=quiet_environment({}), capture_output=True, text=True, timeout=50, check=False
    )  # fmt: skip


@pytest.mark.server
def test_a_backup_of_a_server_is_unpacked_beside_it_and_not_in_memory(
    postgresql: PostgreSQL, url: str, tmp_path: Path
) -> None:
    requires("pg_dump")
    (tmp_path / "backups").mkdir()
    file, cli = tmp_path / "backups" / "a.backup", CommandLine(Folder(tmp_path / "none"))
    assert cli.as_process("backup", file, DATABASE_URL=url).code == 0
    tells = tmp_path / "tools" / "pg_restore"  # the real one, which is asked what it was given
    tells.parent.mkdir()
    tells.write_text(f'#!/bin/sh\necho "$*" >{tmp_path}/given\nexec {requires("pg_restore")} "$@"\n')
    tells.chmod(0o755)

    ended = cli.as_process(
        "restore", file, DATABASE_URL=postgresql.database(), PATH=f"{tells.parent}:{os.environ['PATH']}"
    )

    assert ended.code == 0, ended.err
    assert (tmp_path / "given").read_text().split()[-1].startswith(f"{file.parent}/")
    assert list(file.parent.iterdir()) == [file]


def test_an_archive_cannot_write_elsewhere(cli: CommandLine, tmp_path: Path) -> None:
    cli("backup", tmp_path / "a")
    changed(tmp_path / "a", lambda told: told["sums"].update({"../outside": "0" * 64}))

    refused(cli, tmp_path / "a", tmp_path / "new")
    assert not (tmp_path / "outside").exists()


def test_a_folder_in_use_is_not_restored_into(cli: CommandLine, tmp_path: Path) -> None:
    cli("backup", tmp_path / "a")
    folder = Folder.make(tmp_path / "new", for_tests=False)

    with folder.broker_locked():
        ended = CommandLine(folder).refused("restore", tmp_path / "a")

    assert ended.code == 1
    assert "stop it first" in ended.err


def test_a_folder_is_not_restored_onto_a_server(cli: CommandLine, tmp_path: Path) -> None:
    cli("backup", tmp_path / "a")

    ended = cli.refused("restore", tmp_path / "a", DATABASE_URL="postgresql://inn@127.0.0.1:1/inn")

    assert ended.code == 1
    assert "innwatch copy" in ended.err
