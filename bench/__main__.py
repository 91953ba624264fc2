"""`make bench`: set up, measure in rounds, print the table; exit code 1 and one line where the figures do not count."""

import argparse
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import machine, report, tools
from bench.failure import BenchFailed
from bench.rounds import RATE, Bench, Plan, Round

ON_DISK = Path("/var/tmp")  # noqa: S108 - only the parent of a folder that tempfile makes
"""Not the temporary folder for small things, which is often memory: there fsync is free."""


def main(words: Sequence[str]) -> int:
    options = _options(words)
    try:
        _bench(
            Plan(rounds=options.rounds, seconds=options.seconds, tablets=options.tablets),
            parent=options.folder,
            json=options.json,
        )
    except BenchFailed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    return 0


def _bench(plan: Plan, *, parent: Path, json: Path | None) -> None:
    if sys.platform != "linux":
        raise BenchFailed("it runs on Linux only: epoll, /proc and pinning")
    if not parent.is_dir():
        raise BenchFailed(f"{parent} is no folder")
    _allow_sockets(plan.tablets)
    with tempfile.TemporaryDirectory(dir=parent.resolve(), prefix="innwatch-bench-") as made:
        folder = Path(made)
        found = tools.set_up(folder)
        here = machine.describe(folder, mosquitto=tools.mosquitto_version(found.mosquitto))
        cores = machine.share_cores()
        print(here)
        print(f"generator on core {_listed(cores.generator)}, every server on {_listed(cores.servers)}", flush=True)
        bench = Bench(plan, tools=found, cores=cores, folder=folder)
        rounds = []
        for number in range(1, plan.rounds + 1):
            rounds.append(bench.round())
            _print_round(number, rounds[-1])
    print(f"\n{report.text(rounds, plan=plan, machine=here)}")
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": here, "plan": plan, "rounds": rounds})))
    if not report.generator_verdict(rounds).had_room:
        raise BenchFailed("these figures are the generator's, not the servers'")


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure Innwatch side by side with Mosquitto.")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--seconds", type=float, default=10, help="length of each measured window (10)")
    parser.add_argument("--tablets", type=int, default=2000, help="how many are connected (2000)")
    parser.add_argument("--folder", type=Path, default=ON_DISK, help=f"where the servers keep their data ({ON_DISK})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures of every round into FILE")
    parser.add_argument("--quick", action="store_true", help="one round of 3 s: does it work? Not for quoting")
    options = parser.parse_args(words)
    if options.quick:
        options.rounds, options.seconds = 1, 3.0
    if options.rounds < 1 or options.seconds < 1 or not 8 <= options.tablets <= 20_000:
        parser.error(f"at least one round, one second, 8 to 20,000 tablets ({RATE} messages/s are spread over them)")
    return options


def _allow_sockets(tablets: int) -> None:
    """Raise the limit of open files for this process and all that it starts, servers and generator alike."""
    wanted = tablets + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchFailed(f"at most {hard} files may be open here, {tablets} tablets need {wanted}: ulimit -n {wanted}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _print_round(number: int, done: Round) -> None:
    runs = {"sink": done.others.sink, "Mosquitto": done.others.mosquitto, "Innwatch": done.ours.full}
    rates = ", ".join(f"{name} {run.per_second:,.0f}/s" for name, run in runs.items())
    print(f"round {number}: {rates} stored", flush=True)


def _listed(cores: frozenset[int]) -> str:
    return ", ".join(str(core) for core in sorted(cores))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
