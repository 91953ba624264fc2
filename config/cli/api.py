"""`innwatch api`: the HTTP API and the console in a process of their own."""

import typer

from config.cli.installation import settings_of, warn_of_surprises
from config.cli.options import Data, ForTests, Host, HttpPort, WsPort


def api(
    *,
    host: Host = None,
    http_port: HttpPort = None,
    ws_port: WsPort = None,
    data: Data = None,
    for_tests: ForTests = False,
) -> None:
    """Start HTTP API and console, any number of times; needs DATABASE_URL, REDIS_URL and SECRET_KEY."""
    settings = settings_of(data=data, host=host, http_port=http_port, ws_port=ws_port)
    warn_of_surprises()
    from config.api_alone import run_api

    raise typer.Exit(run_api(settings, for_tests=for_tests))
