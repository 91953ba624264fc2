"""The data folder of an embedded installation: database, signing key, first login. Only its owner may look in.

One running `up` owns a folder, and one broker the broker's part of it: they hold locks that the operating system
releases with the process, however the process ends. So `innwatch broker` and `innwatch up --broker` may share one.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from config import private_file
from config.errors import BadSetting, StartRefused


class FirstLogin(msgspec.Struct, frozen=True, rename="camel"):
    """What `first-login.json` holds: where the console is, and the first administrator's login."""

    url: str
    username: str
    password: str
    hotel_id: str


class Folder:
    """A data folder that exists. Made by `Folder.make`, found by `Folder.find`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def make(cls, path: Path, *, for_tests: bool) -> "Folder":
        """The folder at `path`, made (0700) where there is none. Raises StartRefused or BadSetting."""
        folder = cls(path)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_new = not any((path / name).exists() for name in ("innwatch.db", "broker.sqlite3", "signing.key"))
            if not is_new or not any(path.iterdir()):
                path.chmod(0o700)  # ours alone; a folder with other things in it is left as its owner made it
            if is_new and for_tests:
                private_file.write(path / "for-tests", "made with --for-tests: its clock may be moved\n")
        except FileExistsError as error:
            raise StartRefused(f"--data {path} is not a folder") from error
        except OSError as error:
            raise StartRefused(f"--data {path}: {error.strerror}; give a folder that this user can write") from error
        if for_tests and not folder.is_for_tests:
            raise BadSetting(f"--for-tests: {path} was made without it; use a new folder")
        return folder

    @classmethod
    def find(cls, path: Path) -> "Folder":
        """The folder that an earlier `up` made at `path`. Raises StartRefused."""
        folder = cls(path)
        if not folder.database.exists():
            raise StartRefused(f"no Innwatch data in {path}; start `innwatch up --data {path}` once to make it")
        return folder

    @property
    def database(self) -> Path:
        return self.path / "innwatch.db"

    @property
    def database_url(self) -> str:
        return f"sqlite+aiosqlite:///{self.database.absolute()}"

    @property
    def shelf(self) -> Path:
        """What a broker of ours keeps for its clients."""
        return self.path / "broker.sqlite3"

    @property
    def first_login(self) -> Path:
        return self.path / "first-login.json"

    @property
    def is_for_tests(self) -> bool:
        return (self.path / "for-tests").exists()

    @property
    def keys(self) -> Path:
        """What `innwatch keys` made."""
        return self.path / "keys.json"

    def signing_key(self) -> str:
        """This installation's own signing key; made the first time, 0600."""
        file = self.path / "signing.key"
        try:
            return file.read_text().strip()
        except UnicodeDecodeError as error:
            raise BadSetting(f"{file} holds no key; put the right one back, every token was signed by it") from error
        except FileNotFoundError:
            private_file.write_once(file, secrets.token_urlsafe(48) + "\n")
            return file.read_text().strip()

    def write_first_login(self, login: FirstLogin) -> None:
        private_file.write(self.first_login, msgspec.json.format(msgspec.json.encode(login)).decode() + "\n")

    def write_address(self, url: str) -> None:
        private_file.write(self.path / "address", url + "\n")

    def address(self) -> str | None:
        """Where the last `up` here was reached by browsers; None before the first."""
        try:
            return (self.path / "address").read_text().strip() or None
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Own all but the broker's part until the block ends. Raises StartRefused if somebody else does."""
        with self._lock("innwatch.lock", taken="is in use by another `innwatch up`; stop it first"):
            yield

    @contextmanager
    def broker_locked(self) -> Iterator[None]:
        """Own the broker's part of the folder until the block ends. Raises StartRefused if somebody else does."""
        taken = "has a broker already, an `innwatch broker` or an `innwatch up` without --broker; stop it first"
        with self._lock("broker.lock", taken=taken):
            yield

    @contextmanager
    def wholly_locked(self) -> Iterator[None]:
        """Own all of the folder until the block ends. Raises StartRefused if somebody else does of any part."""
        with self.locked(), self.broker_locked():
            yield

    @contextmanager
    def _lock(self, name: str, *, taken: str) -> Iterator[None]:
        descriptor = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StartRefused(f"{self.path} {taken}") from error
            yield
        finally:
            os.close(descriptor)
