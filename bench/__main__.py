"""`make bench`: set up, measure in rounds, print the table; exit code 1 and one line where the figures do not count."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from bench import machine, report, tools
from bench.experiments import EACH_ROUND, ON_DEMAND, ONCE
from bench.experiments.overload import IN_FLIGHT
from bench.failure import BenchFailed
from bench.figures import Findings, Plan
from bench.house import House
from bench.markdown import check_marks, put_figures

ON_DISK = Path("/var/tmp")  # noqa: S108 - only the parent of a folder that tempfile makes
"""Not the temporary folder for small things, which is often memory: there fsync is free."""


def main(words: Sequence[str]) -> int:
    options = _options(words)
    try:
        _bench(options)
    except BenchFailed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    return 0


def _bench(options: argparse.Namespace) -> None:
    plan = _plan(options)
    _check(options, plan)
    with tempfile.TemporaryDirectory(dir=options.folder.resolve(), prefix="innwatch-bench-") as made:
        folder = Path(made)
        found = tools.set_up(folder)
        here = machine.describe(folder, mosquitto=tools.mosquitto_version(found.mosquitto))
        cores = machine.share_cores()
        print(here)
        print(f"generator on core {_listed(cores.generator)}, every server on {_listed(cores.servers)}", flush=True)
        house = House(plan, tools=found, cores=cores, folder=folder)
        rounds = [_round(house, number, only=options.only) for number in range(1, plan.rounds + 1)]
    conditions = report.Conditions(plan, here, IN_FLIGHT)
    figures = report.text(rounds, house.runs, conditions=conditions)
    print(f"\n{figures}")
    if options.json is not None:
        written = {"machine": here, "plan": plan, "rounds": rounds, "runs": house.runs}
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(written, enc_hook=str)))
    verdict = report.generator_verdict(house.runs)
    if verdict is not None and not verdict.had_room:
        raise BenchFailed("these figures are the generator's, not the servers'")
    if options.markdown is not None:
        put_figures(options.markdown, figures)


def _round(house: House, number: int, *, only: str | None) -> Findings:
    """One round of what is to be measured, each figure printed as it is found; the last round has what is made once."""
    is_last = number == house.plan.rounds
    experiments: Mapping[str, Callable[[House], Findings]] = {**EACH_ROUND, **(ONCE if is_last else {})}
    findings: Findings = {}
    if only in ON_DEMAND:
        experiments = ON_DEMAND
    for name, measure in experiments.items():
        if only in (None, name):
            found = measure(house)
            print(f"round {number}, {name}:", _said(found), flush=True)
            findings |= found
    return findings


def _said(found: Findings) -> str:
    """A line to follow a long run by."""
    return ", ".join(
        f"{key} {one.innwatch:,.4g}" + (f" ({one.mosquitto:,.4g})" if one.mosquitto is not None else "")
        for key, one in found.items()
    )


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure Innwatch side by side with Mosquitto.")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--seconds", type=float, default=4, help="length of each measured window (4)")
    parser.add_argument("--only", choices=[*EACH_ROUND, *ONCE, *ON_DEMAND], help="measure nothing else")
    parser.add_argument("--folder", type=Path, default=ON_DISK, help=f"where the servers keep their data ({ON_DISK})")
    parser.add_argument("--soak", type=float, metavar="SECONDS", default=900, help="length of the soak (900)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the soak into FILE, an SVG")
    parser.add_argument("--plans", type=Path, metavar="FILE", help="write PostgreSQL's plans of `queries` into FILE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures of every round into FILE")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put table and notes into FILE, between its marks"
    )
    parser.add_argument(
        "--quick", action="store_true", help="one round of short windows: does it work? Not for quoting"
    )
    options = parser.parse_args(words)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("at least one round and one second")
    return options


def _plan(options: argparse.Namespace) -> Plan:
    if options.quick:
        return Plan(rounds=1, seconds=1, warm_up=0.5, many=4000, overload_s=4, calm_s=4, soak_s=30)
    return Plan(
        rounds=options.rounds,
        seconds=options.seconds,
        soak_s=options.soak,
        soak_picture=options.picture,
        plans=options.plans,
    )


def _check(options: argparse.Namespace, plan: Plan) -> None:
    if sys.platform != "linux":
        raise BenchFailed("it runs on Linux only: epoll, /proc and pinning")
    if not options.folder.is_dir():
        raise BenchFailed(f"{options.folder} is no folder")
    if options.markdown is not None:
        check_marks(options.markdown)
    machine.allow_sockets(plan.sockets)


def _listed(cores: frozenset[int]) -> str:
    return ", ".join(str(core) for core in sorted(cores))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
