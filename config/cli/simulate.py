"""`innwatch simulate`: tablets that do not exist, in a hotel that does."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, settings_of, with_installation
from config.cli.options import Data, HotelArgument
from config.errors import StartRefused
from config.simulate.names import Scenario
from rules.ids import HotelId
from rules.policy import Policy
from rules.state import LinkState

if TYPE_CHECKING:
    from config.simulate.fleet import Fleet
    from config.simulate.front_desk import FrontDeskIdentity
    from config.simulate.identity import TabletIdentity

PROGRESS_EVERY = 10.0


def simulate(  # noqa: PLR0913, typer spells options as arguments
    hotel: HotelArgument,
    *,
    tablets: Annotated[int, typer.Option("--tablets", help="How many.", min=1, max=2_000)] = 10,
    scenario: Annotated[Scenario, typer.Option("--scenario", help="What happens.")] = Scenario.CALM,
    affected: Annotated[int, typer.Option("--affected", help="To how many of them.", min=1)] = 1,
    broker_host: Annotated[
        str | None, typer.Option("--broker-host", help="Where the broker listens.", show_default="127.0.0.1")
    ] = None,
    mqtt_port: Annotated[
        int | None,
        typer.Option(
            "--mqtt-port",
            help="Its port.",
            min=1,
            max=65_535,
            metavar="PORT",
            show_default="INNWATCH_MQTT_PORT, or 1883",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--for", help="Stop after so long.", min=0, metavar="SECONDS", show_default="at Ctrl-C"),
    ] = None,
    speed: Annotated[float, typer.Option("--speed", help="How much quicker than life.", min=0.1, max=100)] = 1.0,
    seed: Annotated[int | None, typer.Option("--seed", help="The same numbers, the same chance.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Even where people get the alerts, or the tablets are online already.")
    ] = False,
    data: Data = None,
) -> None:
    """Simulate tablets as real MQTT clients. Rooms and tablets named demo-… are added where they are missing, and
    for a check-out an integrator demo-pms.

    Their alerts are real: for their scenarios, and a minute after the end for each tablet, since it is gone.
    """
    from config.clock import Clock
    from config.simulate.fleet import Fleet, Plan

    settings = settings_of(data=data, mqtt_port=mqtt_port)
    identities, front_desk = _identities(HotelId(hotel), tablets, scenario, data=data, yes=yes)
    plan = Plan(
        tablets=identities,
        host=broker_host or "127.0.0.1",
        port=settings.mqtt_port,
        scenario=scenario,
        affected=affected,
        speed=speed,
        seed=seed,
        front_desk=front_desk,
    )
    fleet = Fleet(plan, clock=Clock(settings.clock_file).now, say=_say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: fleet.stop())
    _say(f"{len(identities)} tablets of {hotel} at {plan.host}:{plan.port}, scenario {scenario}; Ctrl-C ends it")
    fleet.run(seconds=seconds, every_tick=_Progress(fleet))
    _say(f"ended: {_summary(fleet)}")
    if fleet.tally.sent:
        _say(f"{_grace()} from now each of them opens a silence alert in {hotel}, unless it is simulated again")


def _identities(
    hotel_id: HotelId, tablets: int, scenario: Scenario, *, data: Path | None, yes: bool
) -> "tuple[tuple[TabletIdentity, ...], FrontDeskIdentity | None]":
    async def work(at: Installation) -> "tuple[tuple[TabletIdentity, ...], FrontDeskIdentity | None]":
        from config.simulate.hotel import demo_front_desk, demo_tablets

        if not yes:
            await _refuse_to_disturb(at, hotel_id, tablets)
        made = await demo_tablets(
            at.store, hotel_id, keys=at.keys, count=tablets, now=at.now(), ttl=at.settings.device_token_life
        )
        needed = scenario is Scenario.CHECK_OUT
        return made, await demo_front_desk(at.store, hotel_id, keys=at.keys, now=at.now()) if needed else None

    return with_installation(data, work)


async def _refuse_to_disturb(at: Installation, hotel_id: HotelId, tablets: int) -> None:
    """Raises StartRefused where somebody would be paged, or where tablets of the same names are connected."""
    from config.simulate.hotel import demo_names

    facts = await at.store.load_hotel(hotel_id)
    kinds = {row.channel.kind for row in await at.store.channels(hotel_id)}
    if kinds:
        raise StartRefused(
            f"{hotel_id} tells people by {' and '.join(sorted(kinds))}, who would get the alerts of simulated tablets,"
            " also those of their end; use another hotel, or --yes"
        )
    names = demo_names(tablets)
    online = [row.device.id for row in facts.devices if row.device.id in names and row.state.link is LinkState.ONLINE]
    if online:
        raise StartRefused(
            f"{len(online)} of these tablets are online already, such as {online[0]} (by `up --demo` or another"
            f" `simulate`?); two of a name throw each other out; use another hotel than {hotel_id}, or --yes"
        )


def _grace() -> str:
    return f"{Policy().bye_reconnect.total_seconds():.0f} s"


class _Progress:
    def __init__(self, fleet: "Fleet") -> None:
        self._fleet = fleet
        self._next_at = 0.0

    def __call__(self, at: float) -> None:
        if at >= self._next_at:
            if self._next_at:
                _say(_summary(self._fleet))
            self._next_at = at + PROGRESS_EVERY


def _summary(fleet: "Fleet") -> str:
    tally = fleet.tally
    trouble = "".join(
        f" · {number} {what}" for number, what in ((tally.rejected, "rejected"), (tally.refusals, "refused")) if number
    )
    return (
        f"{tally.online} of {len(fleet.agents)} online · {tally.sent} sent · {tally.acknowledged} acknowledged"
        f" · {tally.receipts} receipts{trouble}"
    )


def _say(line: str) -> None:
    print(line, flush=True)
