"""Where whoever is given a link finds Innwatch: as said here, else as people reach it, else where `up` says it is."""

from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from config.addresses import is_web_address
from config.cli.printing import warn
from config.database import database_of
from config.settings import PUBLIC_URL

if TYPE_CHECKING:
    from config.cli.installation import Installation


def _server(text: str) -> str:
    if not is_web_address(text):
        raise typer.BadParameter("not a whole address; use one such as https://watch.example")
    return text.rstrip("/")


Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        help="The address at which whoever gets the link finds Innwatch.",
        parser=_server,
        metavar="URL",
        show_default=f"{PUBLIC_URL}, or this machine",
    ),
]


def address_of(at: "Installation", server: str | None) -> str:
    """The address of API and console, without a slash at its end."""
    from config.greeting import console_url

    here = console_url(at.settings, http_port=at.settings.http_port)
    # What `up` wrote holds for its own database: a server's API is another process, which writes nothing.
    by_up = at.settings.public_url is None and database_of(at.settings, at.folder).file is not None
    return (server or (at.folder.address() if by_up else None) or here).rstrip("/")


def warn_of_this_machine(link: str, *, server: str | None, what_for: str) -> None:
    """Say that a link leads nowhere else, unless whoever asked for it said so."""
    if server is None and _is_here(link):
        warn(f"the link leads to this machine alone; say --server, or set {PUBLIC_URL}, for {what_for} elsewhere")


def _is_here(link: str) -> bool:
    name = urlsplit(link).hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
