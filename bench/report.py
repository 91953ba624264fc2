"""From rounds to the table: medians, ratios of the same round, and how one knows that the generator did not decide."""

import statistics
import textwrap
from collections.abc import Callable, Sequence

from msgspec import Struct

from bench.generator import Latency, Run
from bench.machine import Machine
from bench.rounds import EVERY, RATE, Plan, Round

SATURATED = 0.95
"""A generator that uses more of its core than this may itself be what was measured."""

NOISY = 0.15
"""Cores in the hands of others from which on a round is called disturbed."""

HEADINGS = ("figure", "Innwatch", "lowest to highest round", "Mosquitto", "ratio")

NOTES = """\
Innwatch: one process as `innwatch up` starts it; JWT, access, rules, deduplication, SQLite with synchronous=FULL; its
acknowledgment means committed to disk, and in every phase the acknowledged messages were counted as rows. Mosquitto at
full speed: raw fan-in, anonymous, nothing stored, nobody subscribed; its acknowledgment means received. Mosquitto at
{rate}/s: while it relays every {every}th message, as it is, to a console by websocket. Same generator, same payloads
({payload} bytes), one message in flight for each tablet. Latencies are counted from the write of the PUBLISH, those to
a console over {mixed} and {storm} Reports a round, each of another tablet. Ratio: median of the ratios within each
round."""


class Figure(Struct, frozen=True):
    """One line: a value for each round of ours, and of Mosquitto's where it has one."""

    name: str
    digits: int
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

    def cells(self) -> tuple[str, ...]:
        def shown(value: float) -> str:
            return f"{value:,.{self.digits}f}"

        return (
            self.name,
            shown(self.median),
            f"{shown(min(self.innwatch))} to {shown(max(self.innwatch))}",
            shown(statistics.median(self.mosquitto)) if self.mosquitto else "–",
            f"{self.ratio:.2f}" if self.ratio is not None else "–",
        )


class Verdict(Struct, frozen=True):
    """Whether the generator had room to spare, and the figures that say so."""

    had_room: bool
    text: str


def figures(rounds: Sequence[Round], plan: Plan) -> list[Figure]:
    """Return the lines of the table, in order."""

    def each(pick: Callable[[Round], float]) -> tuple[float, ...]:
        return tuple(pick(one) for one in rounds)

    lines = [
        Figure(
            f"stored heartbeats/s, QoS 1, {plan.tablets:,} tablets",
            0,
            each(lambda r: r.ours.full.per_second),
            each(lambda r: r.others.mosquitto.per_second),
        ),
        Figure(
            "CPU s per 10,000 stored, saturated",
            3,
            each(lambda r: r.ours.full.cpu_per_10_000),
            each(lambda r: r.others.mosquitto.cpu_per_10_000),
        ),
        Figure(
            f"CPU s per 10,000 stored at {RATE}/s",
            3,
            each(lambda r: r.ours.paced.cpu_per_10_000),
            each(lambda r: r.others.relay.cpu_per_10_000),
        ),
    ]
    lines += _latencies(
        f"acknowledgment at {RATE}/s",
        ours=[r.ours.paced.ack_us for r in rounds],
        theirs=[r.others.relay.ack_us for r in rounds],
    )
    mixed, storm = [r.ours.mixed for r in rounds], [r.ours.storm for r in rounds]
    relayed = _heard([r.others.relay for r in rounds], 0)
    lines += _breach(f"{RATE}/s, every {EVERY}th a Report", mixed, relayed=relayed)
    lines += _breach(f"{RATE} Reports/s", storm)
    return lines


def generator_verdict(rounds: Sequence[Round]) -> Verdict:
    """Judge by every full-speed run: the generator's share of its own core, and what it reaches against nothing."""
    ceiling = statistics.median(r.others.sink.per_second for r in rounds)
    servers = {"Mosquitto": [r.others.mosquitto for r in rounds], "Innwatch": [r.ours.full for r in rounds]}
    shares = {name: max(run.generator_share for run in runs) for name, runs in servers.items()}
    had_room = all(share <= SATURATED for share in shares.values())
    says = ", ".join(f"{_percent(shares[name])} with {name} ({_busy(runs)})" for name, runs in servers.items())
    text = (
        f"The generator used of its own core at most {says}. Against a sink that only acknowledges it reached "
        f"{ceiling:,.0f}/s ({_percent(max(r.others.sink.generator_share for r in rounds))} of its core): "
        + ", ".join(f"{ceiling / _median_rate(runs):.1f} × {name}" for name, runs in servers.items())
        + "."
    )
    if not had_room:
        return Verdict(had_room=False, text=f"SUSPECT: the generator may be the bottleneck. {text}")
    if any(run.foreign_share > NOISY for runs in servers.values() for run in runs):
        return Verdict(had_room=True, text=f"The generator shared its core with others, so this proves little. {text}")
    return Verdict(had_room=True, text=f"The generator is not the bottleneck. {text}")


def disturbance(rounds: Sequence[Round]) -> str:
    """Say how much of the machine somebody else used while it was measured."""
    runs = [run for r in rounds for run in (r.others.mosquitto, r.ours.full, r.ours.paced, r.ours.mixed, r.ours.storm)]
    worst = max(run.foreign_share for run in runs)
    warning = "NOISY, not for quoting: o" if worst > NOISY else "O"
    return f"{warning}ther processes and the hypervisor took at most {_percent(worst)} of a core in any run."


def table(lines: Sequence[Figure]) -> str:
    """Return a Markdown table that is also aligned for a terminal."""
    rows = [HEADINGS, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    rule = tuple("-" * width if column == 0 else "-" * (width - 1) + ":" for column, width in enumerate(widths))
    return "\n".join(
        "| " + " | ".join(_aligned(cell, column=n, width=widths[n]) for n, cell in enumerate(row)) + " |"
        for row in (rows[0], rule, *rows[1:])
    )


def text(rounds: Sequence[Round], *, plan: Plan, machine: Machine) -> str:
    """Return everything that the bench prints at its end."""
    first = rounds[0].ours
    notes = NOTES.format(
        rate=RATE,
        every=EVERY,
        payload=first.full.payload_bytes,
        mixed=first.mixed.reports,
        storm=first.storm.reports,
    )
    headline = f"Medians of {len(rounds)} round{'s' if len(rounds) > 1 else ''} with windows of {plan.seconds:g} s."
    paragraphs = [f"{headline} {notes}", generator_verdict(rounds).text, disturbance(rounds), str(machine)]
    wrapped = [textwrap.fill(paragraph, 120, break_on_hyphens=False) for paragraph in paragraphs]
    return "\n\n".join([table(figures(rounds, plan)), *wrapped])


def _breach(name: str, runs: Sequence[Run], *, relayed: Sequence[Latency | None] = ()) -> list[Figure]:
    """Return the lines of the two readers, in the order in which the rounds name them to the generator."""
    return [
        *_latencies(f"breach → console by websocket, {name}", ours=_heard(runs, 0), theirs=relayed),
        *_latencies(f"breach → console by event stream, {name}", ours=_heard(runs, 1)),
    ]


def _heard(runs: Sequence[Run], place: int) -> list[Latency | None]:
    return [run.readers[place].latency_us for run in runs]


def _latencies(
    name: str, *, ours: Sequence[Latency | None], theirs: Sequence[Latency | None] = ()
) -> tuple[Figure, Figure]:
    """Return the p50 and the p99 of every round, in milliseconds."""
    mine, others = [one for one in ours if one], [one for one in theirs if one]
    return (
        Figure(f"{name}, p50 ms", 2, tuple(_ms(one.p50) for one in mine), tuple(_ms(one.p50) for one in others)),
        Figure(f"{name}, p99 ms", 2, tuple(_ms(one.p99) for one in mine), tuple(_ms(one.p99) for one in others)),
    )


def _ms(microseconds: float) -> float:
    return microseconds / 1000


def _median_rate(runs: Sequence[Run]) -> float:
    return statistics.median(run.per_second for run in runs)


def _busy(runs: Sequence[Run]) -> str:
    return f"which used {_percent(statistics.median(run.server_share for run in runs))} of a core itself"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _aligned(cell: str, *, column: int, width: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
