"""`innwatch broker`: the broker in a process of its own."""

from typing import Annotated

import typer

from config.cli.installation import settings_of, warn_of_surprises
from config.cli.options import Data, Listen


def broker(
    data: Data = None,
    host: Annotated[
        str | None, typer.Option("--host", help="The address to listen on.", show_default="INNWATCH_HOST, or 127.0.0.1")
    ] = None,
    mqtt_port: Annotated[
        int | None,
        typer.Option(
            "--mqtt-port",
            help="Tablets, and the rest of Innwatch.",
            min=0,
            max=65_535,
            metavar="PORT",
            show_default="INNWATCH_MQTT_PORT, or 1883",
        ),
    ] = None,
    ws_port: Annotated[
        int | None,
        typer.Option(
            "--ws-port",
            help="MQTT over websocket.",
            min=0,
            max=65_535,
            metavar="PORT",
            show_default="INNWATCH_WS_PORT, or 8083",
        ),
    ] = None,
    listen: Listen = None,
    health_port: Annotated[
        int | None,
        typer.Option(
            "--health-port",
            help="/health/live, /health/ready and /metrics.",
            min=0,
            max=65_535,
            metavar="PORT",
            show_default="INNWATCH_BROKER_HEALTH_PORT, or 8082",
        ),
    ] = None,
    for_tests: Annotated[
        bool, typer.Option("--for-tests", help="Make a folder whose clock may be moved (INNWATCH_CLOCK).")
    ] = False,
) -> None:
    """Start the broker alone; `innwatch up --broker mqtt://HOST:PORT` runs everything else, on the same data folder.

    On another machine both need the same SECRET_KEY.
    """
    settings = settings_of(
        data=data,
        host=host,
        mqtt_port=mqtt_port,
        ws_port=ws_port,
        listen=listen or None,
        broker_health_port=health_port,
    )
    warn_of_surprises()
    from config.broker_alone import run_broker

    raise typer.Exit(run_broker(settings, for_tests=for_tests))
