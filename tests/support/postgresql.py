"""A PostgreSQL of the tests' own: one for all tests of a run, another for a test that stops or kills it.

It listens on 127.0.0.1 only and believes who knocks. Tests use it as the user "innwatch", who is no superuser but owns
the databases.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import Process, Processes
from tests.support.servers import requires
from tests.support.waiting import eventually, eventually_sync

OWNER = "innwatch"

# What the tests store need not survive a power cut. A test about that says "fsync=on".
QUICK = ("fsync=off", "max_connections=200", "log_line_prefix=%m [%p] ")

# It serves a whole run, which may be ended in a way that lets no fixture clean up.
WITH_US = ["--pdeathsig=QUIT"]


class PostgreSQL:
    """One server, with its data in `folder`. `settings` are lines of postgresql.conf, such as "fsync=on".

    `start` it as often as wanted; a folder that is new is filled first (about a second). Whoever made it calls `end`.
    """

    def __init__(self, processes: Processes, folder: Path, *settings: str) -> None:
        self.port = free_port()
        self._processes = processes
        self._folder = folder
        self._data = folder / "data"
        self._settings = (*QUICK, *settings)
        self._program = requires("postgres")
        self._databases = 0
        self._templates: dict[str, str] = {}
        self.process: Process | None = None

    def url(self, database: str) -> str:
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{database}"

    def database(self, template: str = "template0") -> str:
        """Make a database that nobody has used, a copy of `template` (some 30 ms), and return its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self._copy(template, name)
        return self.url(name)

    def encoded(self, encoding: str) -> str:
        """Make an empty database in an encoding such as LATIN1, and return its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.sql(
            f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0"
            f" ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc"
        )
        return self.url(name)

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """Return the name of a database that `fill`, called once for each server, filled by its URL."""
        if name not in self._templates:
            filled = f"template_{name}"
            self._copy("template0", filled)
            fill(self.url(filled))
            self._templates[name] = filled
        return self._templates[name]

    def drop(self, url: str) -> None:
        """Drop the database at `url`, whoever is still connected."""
        self.sql(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def sql(self, *statements: str, database: str = "postgres", within: float = 30) -> str:
        """Run statements as the superuser, each by itself; return what they answer, a line for each row."""
        words = [str(requires("psql")), "-XqtA", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)]
        words += ["-U", "postgres", "-d", database]
        for statement in statements:
            words += ["-c", statement]
        done = subprocess.run(words, capture_output=True, text=True, timeout=within, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self) -> None:
        """Start it, and return when it answers: at once, or after the recovery that follows a kill."""
        if not self._data.exists():
            self._fill()
        eventually_sync(self._up, within=30)

    async def start_anew(self) -> None:
        """Start it again. In this thread, since it ends with the one that started it (WITH_US)."""
        await eventually(self._up, within=30)

    def stop(self) -> None:
        """End it as an operator does: its clients are cut off, its data are complete."""
        assert self.process is not None
        self.process.signal(signal.SIGINT)
        self.process.wait(within=20)

    def kill(self) -> None:
        """End it with SIGKILL; its sessions notice and end by themselves."""
        assert self.process is not None
        self.process.kill()

    def end(self) -> None:
        """End it without ceremony, and remove what it kept."""
        if self.process is not None and self.process.exit_code() is None:
            self.process.signal(signal.SIGQUIT)
            self.process.wait(within=20)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _up(self) -> bool:
        # Right after a kill the sessions that still end hold the old one's memory, and a new one gives up.
        if self.process is None or self.process.exit_code() is not None:
            settings = [word for line in self._settings for word in ("-c", line)]
            self.process = self._processes.start(
                [
                    *_unprivileged(*WITH_US),
                    *(self._program, "-D", self._data, "-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", *settings),
                ],
                cwd=self._data,
            )
        try:
            return self.sql("SELECT 1") == "1"
        except AssertionError as refusal:
            raise AssertionError(f"{refusal}\n{self.process.output()}") from None

    def _fill(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        _give_away(self._folder)
        made = self._processes.start(
            [
                *_unprivileged(),
                *(requires("initdb"), "--pgdata", self._data, "--username=postgres", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            ],
            cwd=self._folder,
        )
        assert made.wait(within=60) == 0, made.output()
        eventually_sync(self._up, within=30)
        self.sql(f"CREATE ROLE {OWNER} LOGIN")

    def _copy(self, template: str, name: str) -> None:
        self.sql(f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{template}"')


def _unprivileged(*options: str) -> list[str]:
    """Return the words in front of a program of PostgreSQL, all of which refuse to run as root."""
    if shutil.which("setpriv") is None:
        return []  # not Linux
    as_whom = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    return ["setpriv", *options, *as_whom, "--"] if options or as_whom else []


def _give_away(folder: Path) -> None:
    if os.getuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
