"""The experiments by name, in the order in which a round makes them. `overload` takes a minute, so it is made once."""

from collections.abc import Callable, Mapping

from bench.experiments import consoles, fleet, latency, overload, queries, replay, saturated, server, soak
from bench.figures import Findings
from bench.house import House

EACH_ROUND: Mapping[str, Callable[[House], Findings]] = {
    "saturated": saturated.measure,
    "latency": latency.measure,
    "fleet": fleet.measure,
    "consoles": consoles.measure,
    "server": server.measure,
}

ONCE: Mapping[str, Callable[[House], Findings]] = {"overload": overload.measure}

ON_DEMAND: Mapping[str, Callable[[House], Findings]] = {
    "queries": queries.measure,
    "replay": replay.measure,
    "soak": soak.measure,
}
"""Only when asked for by name: some minutes, and a quarter of an hour."""
