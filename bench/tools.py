"""What the bench needs beyond Python: a C compiler, the generator that it makes, Mosquitto, PostgreSQL and Redis."""

import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from bench.failure import BenchFailed
from tests.support.servers import SEARCHED

SOURCES = Path(__file__).parent / "load"

PACKAGES = {
    "gcc": ("gcc", "libc6-dev"),
    "mosquitto": ("mosquitto",),
    "postgres": ("postgresql",),
    "redis-server": ("redis-server",),
}
"""The Debian packages of each program."""

INSTALL_SERVERS = Path(__file__).parents[1] / "tests" / "support" / "install-servers"


class Tools(Struct, frozen=True):
    load: Path
    mosquitto: Path


def set_up(folder: Path) -> Tools:
    """Install what is missing (as root, through apt) and compile the generator into `folder`.

    Raises BenchFailed, saying what to install, where that is not possible.
    """
    if _missing():
        subprocess.run([INSTALL_SERVERS], stdin=subprocess.DEVNULL, check=False)
    if missing := _missing():
        _install(missing)
    return Tools(load=_compile(folder), mosquitto=_need("mosquitto"))


def mosquitto_version(program: Path) -> str:
    """Return its name and version, `mosquitto 2.0.11`; raises BenchFailed for another major version than 2."""
    printed = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
    words = printed.partition("\n")[0].replace("version ", "")
    if not words.startswith("mosquitto 2."):
        raise BenchFailed(f"the bench compares with Mosquitto 2 and found {words or 'nothing that says its version'!r}")
    return words


def _missing() -> list[str]:
    return [program for program in PACKAGES if _find(program) is None]


def _find(program: str) -> Path | None:
    found = shutil.which(program, path=SEARCHED)
    return Path(found) if found else None


def _need(program: str) -> Path:
    found = _find(program)
    if found is None:
        raise BenchFailed(f"{program} is missing: {_advice([program])}")
    return found


def _advice(programs: list[str]) -> str:
    return "apt-get install " + " ".join(package for program in programs for package in PACKAGES[program])


def _install(programs: list[str]) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise BenchFailed(f"{' and '.join(programs)} missing, for the bench only: {_advice(programs)}")
    print("installing:", _advice(programs), flush=True)
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq"]  # servers are to stay off
    packages = _advice(programs).split()[2:]
    # Stale lists may still do, so the update may fail.
    subprocess.run([*apt, "update"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    command = [*apt, "install", "--yes", "--no-install-recommends", *packages]
    ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if ended.returncode != 0:
        raise BenchFailed(f"{_advice(programs)} failed: {_last_line(ended.stderr)}")


def _compile(folder: Path) -> Path:
    program = folder / "load"
    sources = sorted(SOURCES.glob("*.c"))
    command = [str(_need("gcc")), "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), *map(str, sources)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise BenchFailed(f"the generator does not compile:\n{ended.stderr}")
    return program


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
