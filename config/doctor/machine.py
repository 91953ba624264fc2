"""This machine, as far as Innwatch needs it: Python, open files, disk, and who may read the data folder."""

import os
import platform
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from config.doctor.findings import Finding, look, well, wrong
from config.folder import Folder

FEW_FILES: Final = 4096
LITTLE, HARDLY_ANY = 1 << 30, 200 << 20
"""Bytes. A restart, a migration and a backup need room beside what is there."""

_SECRET: Final = ("innwatch.db", "broker.sqlite3", "signing.key", "first-login.json")


def examine_machine() -> Iterator[Finding]:
    yield well("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < FEW_FILES:
        yield look(
            "open files",
            f"a process may have {most}, and every connection is one",
            "raise the hard limit (systemd: LimitNOFILE=65536, a shell: ulimit -Hn) for the broker at least",
        )
    else:
        yield well("open files", "no limit" if most == resource.RLIM_INFINITY else f"up to {most} in a process")


def examine_folder(folder: Folder) -> Iterator[Finding]:
    """A data folder that exists."""
    yield _room(folder.path)
    yield from _privacy(folder.path)
    if not os.access(folder.path, os.W_OK | os.X_OK):
        yield wrong("data folder", f"{folder.path} cannot be written by this user", "run this as Innwatch's own user")
    if folder.first_login.exists():
        yield look(
            "first login",
            f"{folder.first_login} still holds the first administrator's password",
            "read it, log in, delete the file",
        )
    if folder.is_for_tests:
        yield look("data folder", "it was made with --for-tests: its clock may be moved", "use another for real hotels")


def _room(path: Path) -> Finding:
    free = shutil.disk_usage(path).free
    says = f"{free / (1 << 30):.1f} GiB free at {path}"
    remedy = "make room: a full disk stops every acknowledgment"
    if free < HARDLY_ANY:
        return wrong("disk", says, remedy)
    return look("disk", says, remedy) if free < LITTLE else well("disk", says)


def _privacy(folder: Path) -> Iterator[Finding]:
    """What is in a folder of its owner's alone is nobody else's, whatever its own mode."""
    files = [folder / name for name in _SECRET] if _is_open(folder) else []
    open_ones = [path for path in files if path.exists() and _is_open(path)]
    for path in open_ones:
        yield wrong("permissions", f"others on this machine may look into {path}", f"chmod 700 {folder}")
    if not open_ones:
        yield well("permissions", f"{folder} is its owner's alone")


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
