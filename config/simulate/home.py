"""What an agent keeps on its own disk: who it is, and the token by which it is let in. For its owner's eyes alone.

A file is replaced whole or not at all, and is on disk when a verb returns. No verb throws a token away: what is there
goes only when a newer one has come.
"""

import os
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from config.errors import StartRefused
from config.simulate.identity import TabletIdentity
from rules.ids import DeviceId


class Enrolled(Struct, frozen=True, rename="camel", kw_only=True):
    """A tablet that has a place. `server` is where it enrolled, `broker` an `mqtt://` or `mqtts://` address."""

    server: str
    broker: str
    identity: TabletIdentity


class _Kept(Struct, frozen=True, rename="camel", kw_only=True):
    device_id: DeviceId
    enrolled: Enrolled | None = None


class Home:
    """A folder of one agent, made (0700) when something is first kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path / "agent.json"

    def device_id(self, wanted: DeviceId | None, *, otherwise: DeviceId) -> DeviceId:
        """Who this is: as it was kept, or else `wanted`, or `otherwise`, which is then kept. Raises StartRefused.

        Kept before anybody is told of it: one that enrols and dies is the same when it comes again.
        """
        kept = self._read()
        if kept is None:
            kept = _Kept(device_id=wanted or otherwise)
            self._write(kept)
        elif wanted not in (None, kept.device_id):
            raise StartRefused(f"{self.path} is the home of {kept.device_id}; give {wanted} another by --home")
        return kept.device_id

    def enrolled(self) -> Enrolled | None:
        """Raises StartRefused for a file that cannot be read."""
        kept = self._read()
        return None if kept is None else kept.enrolled

    def keep(self, enrolled: Enrolled) -> None:
        self._write(_Kept(device_id=enrolled.identity.device_id, enrolled=enrolled))

    def keep_token(self, identity: TabletIdentity, token: str, received_at: datetime) -> None:
        enrolled = self.enrolled()
        if enrolled is not None:
            self.keep(replace(enrolled, identity=replace(identity, token=token, received_at=received_at)))

    def _read(self) -> _Kept | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StartRefused(f"cannot read {self._file}: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise StartRefused(f"cannot read {self._file}: {error}") from error

    def _write(self, kept: _Kept) -> None:
        new = self._file.with_suffix(".new")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(kept))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._file)
            folder = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StartRefused(f"cannot write {self._file}: {error}") from error
