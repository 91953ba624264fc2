"""`innwatch bridge`: the bridge in a process of its own."""

import typer

from config.cli.installation import settings_of, warn_of_surprises
from config.cli.options import BridgeHealthPort, BrokerAt, Data, ForTests, Host, broker_at


def bridge(
    broker: BrokerAt = None,
    *,
    host: Host = None,
    health_port: BridgeHealthPort = None,
    data: Data = None,
    for_tests: ForTests = False,
) -> None:
    """Start a bridge. Of several, one watches and the others stand by; needs DATABASE_URL, REDIS_URL and SECRET_KEY."""
    settings = settings_of(data=data, host=host, bridge_health_port=health_port, broker_url=broker_at(broker))
    warn_of_surprises()
    from config.bridge_alone import run_bridge

    raise typer.Exit(run_bridge(settings, for_tests=for_tests))
