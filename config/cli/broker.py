"""`innwatch broker`: the broker in a process of its own."""

import typer

from config.cli.installation import settings_of, warn_of_surprises
from config.cli.options import BrokerHealthPort, Data, ForTests, Host, Listen, MqttPort, WsPort


def broker(
    data: Data = None,
    *,
    host: Host = None,
    mqtt_port: MqttPort = None,
    ws_port: WsPort = None,
    listen: Listen = None,
    health_port: BrokerHealthPort = None,
    for_tests: ForTests = False,
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
