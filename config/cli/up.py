"""`innwatch up`: everything in one process, or everything but the broker."""

from typing import Annotated

import typer

from config.cli.installation import settings_of, warn_of_surprises
from config.cli.options import BrokerAt, Data, ForTests, Host, HttpPort, Listen, MqttPort, WsPort, broker_at
from config.errors import BadSetting


def up(  # noqa: PLR0913, typer spells options as arguments
    data: Data = None,
    *,
    host: Host = None,
    http_port: HttpPort = None,
    mqtt_port: MqttPort = None,
    ws_port: WsPort = None,
    listen: Listen = None,
    broker: BrokerAt = None,
    demo: Annotated[
        int | None, typer.Option("--demo", help="With a demo hotel of so many simulated tablets.", min=1, max=2_000)
    ] = None,
    for_tests: ForTests = False,
) -> None:
    """Start broker, bridge, worker, API and console in one process, on one data folder.

    With --broker it uses the broker there instead of one of its own.
    """
    url = broker_at(broker)
    if url is not None and mqtt_port is not None:
        raise BadSetting("--broker says where MQTT is; leave out --mqtt-port")
    settings = settings_of(
        data=data,
        host=host,
        http_port=http_port,
        mqtt_port=mqtt_port,
        ws_port=ws_port,
        listen=listen or None,
        broker_url=url,
    )
    warn_of_surprises()
    from config.embedded import run_embedded

    raise typer.Exit(run_embedded(settings, demo=demo, for_tests=for_tests))
