"""From rounds to the table: medians, ratios of the same round, targets, and whether the generator or others decided."""

import statistics
import textwrap
from collections.abc import Sequence

from msgspec import Struct

from bench.figures import BUSY, BUSY_IN_FLIGHT, EVERY, FIGURES, RATE, Figure, Findings, Plan
from bench.generator import Run
from bench.house import Ran
from bench.machine import Machine
from bench.servers import SETTINGS

SATURATED = 0.95
"""A generator that uses more of its core than this may itself be what was measured."""

NOISY = 0.15
"""Cores in the hands of others from which on a round is called disturbed."""

FULL_SPEED = "saturated"

HEADINGS = ("figure", "Innwatch", "lowest to highest", "Mosquitto", "ratio", "must", "goal")

NOTES = f"""\
Innwatch: one process as `innwatch up` starts it; JWT, access, rules, deduplication, SQLite with synchronous=FULL,
metrics; its acknowledgment means committed to disk, and the acknowledged messages of every load were counted as rows.
Mosquitto: anonymous, nothing stored; its acknowledgment means received. At full speed nobody is subscribed there; at
{RATE}/s it relays every {EVERY}th message, as it is, to a console by websocket. Same generator, same payloads, one
message in flight for each tablet ({BUSY_IN_FLIGHT} at {BUSY:,}/s, {{in_flight}} in the overload). Latencies are counted
from the write of the PUBLISH, those to a console over {{mixed}} and {{storm}} Reports a round, each of another tablet.
CPU is user and system time of the server's process with all its threads; memory is resident memory (RSS), that of a
tablet the slope between two counts. Tablets and consoles all come from one address and the consoles from one person:
{{settings}}. One server: broker, bridge, API and worker as processes on a PostgreSQL that keeps what it commits
(fsync) and on Redis, with all cores, which the generator shares; its bridge stores on PostgreSQL what its broker has
acknowledged before; CPU is that of the named processes with their children. Ratio: median of the ratios within each
round. Must and goal are held against the median, in the first line against the ratio."""


class Line(Struct, frozen=True):
    """A figure with its value of each round, and Mosquitto's where the same was asked of it."""

    figure: Figure
    name: str
    innwatch: tuple[float, ...]
    mosquitto: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.innwatch)

    @property
    def ratio(self) -> float | None:
        """The median over the rounds of ours divided by Mosquitto's; None where that says nothing."""
        if not self.mosquitto or 0 in self.mosquitto:
            return None
        return statistics.median(ours / theirs for ours, theirs in zip(self.innwatch, self.mosquitto, strict=True))

    def met(self, limit: float) -> bool:
        """Whether the figure, or its ratio, is on the right side of a limit."""
        target = self.figure.target
        value = self.ratio if target is not None and target.of_ratio else self.median
        return target is not None and value is not None and target.holds(value, limit)

    @property
    def misses_must(self) -> bool:
        target = self.figure.target
        return target is not None and not self.met(target.must)

    def cells(self) -> tuple[str, ...]:
        target = self.figure.target
        return (
            self.name,
            self._shown(self.median),
            f"{self._shown(min(self.innwatch))} to {self._shown(max(self.innwatch))}",
            self._shown(statistics.median(self.mosquitto)) if self.mosquitto else "–",
            f"{self.ratio:.2f}" if self.ratio is not None else "–",
            self._judged(target.must if target else None),
            self._judged(target.goal if target else None),
        )

    def _shown(self, value: float) -> str:
        return f"{value:,.{self.figure.digits}f}"

    def _judged(self, limit: float | None) -> str:
        target = self.figure.target
        if target is None or limit is None:
            return "–"
        asked = f"{target.bound} {limit:,g}{' ×' if target.of_ratio else ''}"
        return f"{asked} met" if self.met(limit) else f"{asked} MISSED"


class Verdict(Struct, frozen=True):
    """Whether the generator had room to spare, and the figures that say so."""

    had_room: bool
    text: str


def lines(rounds: Sequence[Findings], plan: Plan) -> list[Line]:
    """Return the lines of the table, in order: of every figure that a round found."""
    found = []
    for figure in FIGURES:
        measured = [one[figure.key] for one in rounds if figure.key in one]
        if measured:
            found.append(
                Line(
                    figure,
                    figure.name.format(few=plan.few, some=plan.some, many=plan.many, consoles=plan.consoles),
                    tuple(one.innwatch for one in measured),
                    tuple(one.mosquitto for one in measured if one.mosquitto is not None),
                )
            )
    return found


def generator_verdict(runs: Sequence[Ran]) -> Verdict | None:
    """Judge by every full-speed run: the generator's share of its own core, and what it reaches against nothing.

    None where nothing was measured at full speed.
    """
    full = [ran for ran in runs if ran.what == FULL_SPEED]
    sinks = [ran.run for ran in full if ran.server == "sink"]
    servers = {
        "Mosquitto": [ran.run for ran in full if ran.server == "mosquitto"],
        "Innwatch": [ran.run for ran in full if ran.server == "innwatch"],
    }
    if not full:
        return None
    ceiling = _median_rate(sinks)
    shares = {name: max(run.generator_share for run in ran) for name, ran in servers.items()}
    had_room = all(share <= SATURATED for share in shares.values())
    says = ", ".join(f"{_percent(shares[name])} with {name} ({_busy(ran)})" for name, ran in servers.items())
    text = (
        f"The generator used of its own core at most {says}. Against a sink that only acknowledges it reached "
        f"{ceiling:,.0f}/s ({_percent(max(run.generator_share for run in sinks))} of its core): "
        + ", ".join(f"{ceiling / _median_rate(ran):.1f} × {name}" for name, ran in servers.items())
        + "."
    )
    if not had_room:
        return Verdict(had_room=False, text=f"SUSPECT: the generator may be the bottleneck. {text}")
    if any(run.foreign_share > NOISY for ran in servers.values() for run in ran):
        return Verdict(had_room=True, text=f"The generator shared its core with others, so this proves little. {text}")
    return Verdict(had_room=True, text=f"The generator is not the bottleneck. {text}")


def disturbance(runs: Sequence[Ran]) -> str | None:
    """Say how much of the machine somebody else used while it was measured; None where no server was."""
    shares = [ran.run.foreign_share for ran in runs if ran.server != "sink"]
    if not shares:
        return None
    worst = max(shares)
    warning = "NOISY, not for quoting: o" if worst > NOISY else "O"
    return f"{warning}ther processes and the hypervisor took at most {_percent(worst)} of a core in any run."


def judgement(table: Sequence[Line]) -> str:
    """Say how many of the targets are met, and name those that must be and are not."""
    targets = [(line, line.figure.target) for line in table if line.figure.target is not None]
    goals = [(line, target.goal) for line, target in targets if target.goal is not None]
    missed = [line.name for line in table if line.misses_must]
    musts = f"{len(targets) - len(missed)} of {len(targets)} musts are met"
    met = f"{sum(line.met(goal) for line, goal in goals)} of {len(goals)} goals"
    return f"{musts}, {met}. Missed musts: {'; '.join(missed)}." if missed else f"{musts}, {met}."


def table(found: Sequence[Line]) -> str:
    """Return a Markdown table that is also aligned for a terminal."""
    rows = [HEADINGS, *(line.cells() for line in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    rule = tuple("-" * width if column == 0 else "-" * (width - 1) + ":" for column, width in enumerate(widths))
    return "\n".join(
        "| " + " | ".join(_aligned(cell, column=n, width=widths[n]) for n, cell in enumerate(row)) + " |"
        for row in (rows[0], rule, *rows[1:])
    )


class Conditions(Struct, frozen=True):
    """What the notes under the table name beside the figures."""

    plan: Plan
    machine: Machine
    in_flight: int


def text(rounds: Sequence[Findings], runs: Sequence[Ran], *, conditions: Conditions) -> str:
    """Return everything that the bench prints at its end."""
    plan = conditions.plan
    found = lines(rounds, plan)
    notes = NOTES.format(
        mixed=plan.mixed_reports,
        storm=plan.storm_reports,
        settings=" ".join(f"`{name}={value}`" for name, value in SETTINGS.items()),
        in_flight=conditions.in_flight,
    )
    headline = f"Medians of {len(rounds)} round{'s' if len(rounds) > 1 else ''} with windows of {plan.seconds:g} s."
    verdict = generator_verdict(runs)
    paragraphs = (
        judgement(found),
        f"{headline} {notes}" if runs else None,
        verdict.text if verdict else None,
        disturbance(runs),
        str(conditions.machine),
    )
    wrapped = [textwrap.fill(paragraph, 120, break_on_hyphens=False) for paragraph in paragraphs if paragraph]
    return "\n\n".join([table(found), *wrapped])


def _median_rate(runs: Sequence[Run]) -> float:
    return statistics.median(run.per_second for run in runs)


def _busy(runs: Sequence[Run]) -> str:
    return f"which used {_percent(statistics.median(run.server_share for run in runs))} of a core itself"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _aligned(cell: str, *, column: int, width: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
