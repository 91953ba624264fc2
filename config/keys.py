"""Which keys sign and verify the tokens of an installation, and taking up in a running process that they changed.

They stand in SECRET_KEY, or in the data folder's own file; in INNWATCH_PREVIOUS_SECRET_KEYS; and in the file that
`innwatch keys` writes. Only that file changes while a process runs.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from broker.keys import Key, hs256
from broker.secret import WeakSecret, strong
from broker.tokens import KeyRing, NoKeySigns
from config.database import database_of
from config.errors import BadSetting
from config.folder import Folder
from config.key_file import KeyFile, keys_of
from config.settings import SECRET_KEY, Settings
from config.settings_keys import KEYS, PREVIOUS_SECRETS
from config.settings_store import DATABASE_URL

LOOK: Final = 1.0
"""Seconds between two looks at the file."""

ISSUER: Final = "innwatch"

_log = logging.getLogger(__name__)


class Keys:
    """Where the keys stand. `own` and `previous` are those that the file of keys does not have."""

    def __init__(self, settings: Settings, folder: Folder) -> None:
        """Raises BadSetting, which never shows a key."""
        self.file = _file(settings, folder)
        self._own_where = str(SECRET_KEY) if settings.secret_key else f"{folder.path}/signing.key"
        self.own = _own(settings, folder, where=self._own_where)
        self.previous = _previous(settings)

    def all(self) -> list[Key]:
        """Every key there is at this moment. Raises BadSetting."""
        elsewhere = ([] if self.own is None else [self.own]) + self.previous
        return keys_of(() if self.file is None else self.file.lines(), elsewhere=elsewhere)

    def where(self, kid: str) -> str:
        """What holds a key, for people."""
        if self.own is not None and kid == self.own.kid:
            return self._own_where
        if any(kid == one.kid for one in self.previous):
            return str(PREVIOUS_SECRETS)
        return "nothing" if self.file is None else str(self.file.path)


def key_ring(settings: Settings, folder: Folder, *, now: datetime) -> KeyRing:
    """The ring of all keys. Raises BadSetting, which never shows one."""
    return LiveKeys(settings, folder, now=lambda: now).ring


class LiveKeys:
    """The ring of a process that serves, kept as the file says: within two seconds of each change."""

    def __init__(self, settings: Settings, folder: Folder, *, now: Callable[[], datetime]) -> None:
        """Raises BadSetting where no key signs, or one cannot be used."""
        if settings.keys_file is not None and not settings.keys_file.exists():
            raise BadSetting(f"{KEYS}: there is no file {settings.keys_file}; `innwatch keys rotate` makes it")
        self._keys = Keys(settings, folder)
        self._now = now
        self._mark = self._file_mark()  # before it is read: what is written meanwhile is news
        self.ring = self._ring_of(self._keys.all())
        self._trouble: str | None = None

    async def run(self, *, taken_out: Callable[[], None] = lambda: None) -> None:
        """Look at the file until cancelled. Calls `taken_out` when a key verifies no longer that did."""
        known = self.ring.known(self._now())
        while True:
            await asyncio.sleep(LOOK)
            mark = await asyncio.to_thread(self._file_mark)
            if mark != self._mark:
                await self._take_up(mark)
            before, known = known, self.ring.known(self._now())
            if before - known:
                taken_out()

    def problems(self) -> list[str]:
        """What is wrong, in words for the health page; empty when nothing is."""
        # Anybody may read that page: where the file is stands in the log.
        return [] if self._trouble is None else ["the file of keys cannot be used, those of before are: see the log"]

    async def _take_up(self, mark: tuple[int, int, int] | None) -> None:
        try:
            if mark is None:
                raise BadSetting(f"{self._path()} is gone")
            found = await asyncio.to_thread(self._keys.all)
            self._ring_of(found)
        except BadSetting as trouble:
            if str(trouble) != self._trouble:
                _log.error("the keys have changed and cannot be used", {"error": trouble})
            self._trouble = str(trouble)
            return
        self._mark, self._trouble = mark, None
        self.ring.adopt(found)
        _log.info("keys taken up", {"number": len(found), "signs": self.ring.signing(self._now()).kid})

    def _ring_of(self, keys: list[Key]) -> KeyRing:
        """Raises BadSetting where none of them signs."""
        try:
            ring = KeyRing(keys, issuer=ISSUER)
            ring.signing(self._now())
        except NoKeySigns:
            raise BadSetting(f"{self._path()} has no key that signs at this moment") from None
        return ring

    def _file_mark(self) -> tuple[int, int, int] | None:
        return None if self._keys.file is None else self._keys.file.mark()

    def _path(self) -> Path | None:
        return None if self._keys.file is None else self._keys.file.path


def _file(settings: Settings, folder: Folder) -> KeyFile | None:
    """Processes that share a database server may share no folder: there a file of keys is named, or there is none."""
    if settings.keys_file is not None:
        return KeyFile(settings.keys_file)
    return None if database_of(settings, folder).file is None else KeyFile(folder.keys)


def _own(settings: Settings, folder: Folder, *, where: str) -> Key | None:
    """The key of SECRET_KEY, or else of the folder; None where a file of keys has all there are.

    A key that one of several processes makes up helps nobody where they share no folder.
    """
    if settings.secret_key is None and database_of(settings, folder).file is None:
        if settings.keys_file is not None:
            return None
        raise BadSetting(
            f"{SECRET_KEY} is missing: {DATABASE_URL} names a server, and all who use it need the same key"
        )
    if settings.secret_key is None and not folder.path.is_dir():
        raise BadSetting(
            f"there is no data folder {folder.path} with a key in it; give it by --data, or set {SECRET_KEY}"
        )
    return _usable(settings.secret_key or folder.signing_key(), where=where)


def _previous(settings: Settings) -> list[Key]:
    """They verify and never sign."""
    found = (_usable(secret, where=str(PREVIOUS_SECRETS)) for secret in settings.previous_secrets)
    return [replace(key, signs_from=None) for key in found]


def _usable(secret: str, *, where: str) -> Key:
    try:
        return hs256(strong(secret))
    except WeakSecret as weakness:
        raise BadSetting(f"{where}: {weakness}; use at least 32 random bytes, such as `openssl rand -hex 32`") from None
