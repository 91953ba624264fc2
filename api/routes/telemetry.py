"""What agents of the old system say over HTTP, each with its own tablet's token or the one that they share."""

from functools import partial

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.gate import Caller, needs_agent
from api.parameters import Asked
from api.problems import problems
from api.records import Taken, TakenHeartbeat
from api.telemetry import (
    LARGEST_MESSAGE,
    Letterbox,
    SaidBattery,
    SaidBreach,
    SaidHeartbeat,
    SaidTamper,
    while_speaking,
)
from rules.snapshot import legacy_status

_say = partial(
    post,
    tags=["telemetry"],
    opt=needs_agent(),
    status_code=200,
    request_max_body_size=LARGEST_MESSAGE,
    responses=problems(400, 401, 403, 404, 413, 415, 429, 503),
)
"""How each of these routes is declared."""


@_say("/heartbeat")
async def heartbeat(
    request: Asked,
    letterbox: NamedDependency[Letterbox],
    caller: NamedDependency[Caller],
    data: JSONBody[SaidHeartbeat],
) -> TakenHeartbeat:
    """A sign of life with a sample of signal and battery; the answer says how the tablet stands."""
    state = await letterbox.take(caller, data, await request.body())
    return TakenHeartbeat(legacy_status(while_speaking(state)))


@_say("/alert/breach")
async def breach(
    request: Asked,
    letterbox: NamedDependency[Letterbox],
    caller: NamedDependency[Caller],
    data: JSONBody[SaidBreach],
) -> Taken:
    """The tablet says that it is being carried off."""
    await letterbox.take(caller, data, await request.body())
    return Taken()


@_say("/alert/battery")
async def battery(
    request: Asked,
    letterbox: NamedDependency[Letterbox],
    caller: NamedDependency[Caller],
    data: JSONBody[SaidBattery],
) -> Taken:
    """The tablet says that its battery runs down; `level` is percent."""
    await letterbox.take(caller, data, await request.body())
    return Taken()


@_say("/alert/tamper")
async def tamper(
    request: Asked,
    letterbox: NamedDependency[Letterbox],
    caller: NamedDependency[Caller],
    data: JSONBody[SaidTamper],
) -> Taken:
    """The tablet says that somebody is at its software."""
    await letterbox.take(caller, data, await request.body())
    return Taken()
