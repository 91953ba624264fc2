"""`innwatch agent`: the reference agent, one tablet that is a real client: from a blank machine to its heartbeats."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import settings_of
from config.cli.options import id_text
from config.errors import BadSetting, StartRefused
from rules.ids import DeviceId

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from datetime import datetime

    from config.simulate.fleet import Plan
    from config.simulate.home import Enrolled, Home

HOME = Path("agent")


def agent(
    *,
    enrol: Annotated[
        str | None,
        typer.Option(
            "--enrol", help="The link of the QR code, or the code with --server; `-` reads it.", metavar="LINK|CODE"
        ),
    ] = None,
    server: Annotated[
        str | None, typer.Option("--server", help="Where a code is taken to.", metavar="http(s)://HOST")
    ] = None,
    home: Annotated[
        Path, typer.Option("--home", help="What it keeps: who it is, and its token.", metavar="FOLDER")
    ] = HOME,
    name: Annotated[
        str | None,
        typer.Option("--id", help="Who it is.", metavar="DEVICE", parser=id_text, show_default="a name of its own"),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", help="Trust these authorities (PEM).", metavar="FILE", show_default="usual")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--for", help="Stop after so long.", min=0, metavar="SECONDS", show_default="at Ctrl-C"),
    ] = None,
) -> None:
    """Be one tablet, as docs/agents.md tells it. The first time with --enrol; from then on with what --home holds.

    Its battery and its signal are made up, its messages and its alerts are real.
    """
    from config.clock import Clock
    from config.simulate.fleet import Fleet
    from config.simulate.home import Home

    place, clock, tls = Home(home), Clock(settings_of().clock_file).now, _trust(ca)
    wanted = None if name is None else DeviceId(name)
    if enrol is not None:
        _enrol(_read() if enrol == "-" else enrol, place, server=server, wanted=wanted, tls=tls, clock=clock)
    enrolled = _kept(place, wanted)
    plan = _plan(enrolled)
    secure = enrolled.broker.startswith("mqtts:")
    fleet = Fleet(plan, clock=clock, say=_say, tls=tls if secure else None, keep=place.keep_token)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: fleet.stop())
    _say(f"{enrolled.identity.device_id} speaks to {plan.host}:{plan.port}; Ctrl-C ends it")
    fleet.run(seconds=seconds)
    tally = fleet.tally
    _say(f"ended: {tally.sent} sent, {tally.acknowledged} acknowledged, {tally.renewed} tokens renewed")


def _enrol(
    link: str,
    place: "Home",
    *,
    server: str | None,
    wanted: DeviceId | None,
    tls: "ssl.SSLContext",
    clock: "Callable[[], datetime]",
) -> None:
    """Raises StartRefused; what was kept before stays then."""
    from config.simulate.enrol import enrol, read_ticket

    ticket = read_ticket(link, server=server)
    device_id = place.device_id(wanted, otherwise=_own_name())
    enrolled = enrol(ticket, device_id, tls=tls, clock=clock, say=_say)
    place.keep(enrolled)
    who = enrolled.identity
    _say(f"enrolled: {who.device_id} is in room {who.room_id} of {who.hotel_id}; its token is kept in {place.path}")


def _kept(place: "Home", wanted: DeviceId | None) -> "Enrolled":
    enrolled = place.enrolled()
    if enrolled is None:
        raise StartRefused(f"{place.path} holds no token yet; make a code by `innwatch enrol HOTEL ROOM`, give --enrol")
    if wanted is not None:
        place.device_id(wanted, otherwise=wanted)
    return enrolled


def _plan(enrolled: "Enrolled") -> "Plan":
    from urllib.parse import urlsplit

    from config.simulate.fleet import Plan

    parts = urlsplit(enrolled.broker)
    if parts.scheme not in {"mqtt", "mqtts"} or parts.hostname is None:
        raise StartRefused(f"{enrolled.broker} is no mqtt:// or mqtts:// address")
    port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    return Plan(tablets=(enrolled.identity,), host=parts.hostname, port=port)


def _trust(ca: Path | None) -> "ssl.SSLContext":
    import ssl

    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(f"--ca {ca}: {error}") from error


def _own_name() -> DeviceId:
    import secrets

    return DeviceId(f"tab-{secrets.token_hex(4)}")


def _read() -> str:
    """From standard input, where nobody else on the machine sees it."""
    import sys

    return sys.stdin.readline().strip()


def _say(line: str) -> None:
    print(line, flush=True)
