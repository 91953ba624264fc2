"""`make fuzz`: let Atheris look for inputs that break a target. Exit code 1 when one was found, and where it lies.

Needs Atheris on the path (tests/fuzz/requirements.txt; the make target sees to it). Each target runs in a process of
its own, since libFuzzer ends the process that it runs in. What it learned lies in .fuzz/corpus and is used again.
"""

import argparse
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

TARGETS = ("packets", "frames", "tokens", "clients")
FOLDER = Path(".fuzz")
LONGEST_INPUT = 4096
SLOWEST = 10
"""Seconds for one input, above which it counts as one that hangs."""
LARGEST = 1024
"""MiB of memory, above which an input counts as one that leaks."""


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="which of them; all, if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="how long, for each target")
    parser.add_argument("--replay", type=Path, help="run the target named once, on this file")
    parser.add_argument("--here", action="store_true", help="fuzz in this process")
    options = parser.parse_args(words)
    targets = options.targets or TARGETS
    if options.replay is not None:
        _target(targets[0])(options.replay.read_bytes())
        return 0
    if options.here:
        _fuzz(targets[0], seconds=options.seconds)
    return _one_after_another(targets, seconds=options.seconds)


def _one_after_another(targets: Sequence[str], *, seconds: int) -> int:
    broken = []
    for target in targets:
        print(f"\n{target}: {seconds} s", flush=True)
        words = [sys.executable, "-m", "tests.fuzz", target, "--here", "--seconds", str(seconds)]
        if subprocess.run(words, check=False).returncode:
            broken.append(target)
    for target in broken:
        print(f"{target} broke: python -m tests.fuzz {target} --replay {FOLDER}/found/{target}-…")
    return bool(broken)


def _fuzz(target: str, *, seconds: int) -> None:
    import atheris  # noqa: PLC0415, only on demand

    with atheris.instrument_imports(include=["broker"], enable_loader_override=False):
        test = _target(target)
    corpus, found = FOLDER / "corpus" / target, FOLDER / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(_seeds(target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    switches = {
        "max_total_time": seconds,
        "max_len": LONGEST_INPUT,
        "timeout": SLOWEST,
        "rss_limit_mb": LARGEST,
        "artifact_prefix": f"{found}/{target}-",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    atheris.Setup([sys.argv[0], *(f"-{name}={value}" for name, value in switches.items()), str(corpus)], test)
    atheris.Fuzz()


def _target(name: str) -> Callable[[bytes], None]:
    from tests.fuzz import clients, frames, packets, tokens  # noqa: PLC0415, after the instruments

    logging.disable(logging.WARNING)
    if name == "clients":
        return clients.Stage(Path(tempfile.mkdtemp(prefix="fuzz-"))).target
    return {"packets": packets.target, "frames": frames.target, "tokens": tokens.target}[name]


def _seeds(name: str) -> list[bytes]:
    from tests.fuzz.seeds import SEEDS  # noqa: PLC0415

    return SEEDS[name]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
