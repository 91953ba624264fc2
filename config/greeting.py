"""The one thing that a person who starts Innwatch wants to know: where to look, and how to get in."""

import sys
from collections.abc import Sequence

from msgspec.structs import replace

from broker.settings import Listener
from config.first_run import DEMO
from config.folder import FirstLogin
from config.settings import Settings

_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104, compared with, not bound to


def console_url(settings: Settings, *, http_port: int) -> str:
    """Where a browser finds the console: as people reach it if that is set, else on this machine."""
    if settings.public_url is not None:
        return settings.public_url.rstrip("/") + "/"
    return f"http://{_reachable(settings.host)}:{http_port}/"


def greet(
    login: FirstLogin, *, settings: Settings, listeners: Sequence[Listener], demo: int | None, is_first: bool
) -> None:
    """Say it on standard output. The password is for a person's eyes: once, and never again into a journal."""
    lines = [
        "Innwatch is watching."
        if settings.broker_url is None
        else "Innwatch is up, and watches while it hears its broker.",
        f"  console  {login.url}",
        f"  login    {login.username} / {_password(login, settings=settings, is_first=is_first)}",
        f"  mqtt     {'   '.join(_address(listener) for listener in listeners)}",
        f"  data     {settings.data}",
    ]
    if demo:
        lines.append(f"  demo     simulated tablets in hotel {DEMO}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def greet_broker(*, settings: Settings, listeners: Sequence[Listener], health: str) -> None:
    """Say where a broker by itself listens."""
    lines = [
        "Innwatch's broker is listening.",
        f"  mqtt     {'   '.join(_address(listener) for listener in listeners)}",
        f"  health   {health}",
        f"  data     {settings.data}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def greet_process(name: str, **places: str) -> None:
    """Say that a process of several has begun, and where to look."""
    width = max(map(len, places))
    lines = [f"Innwatch's {name} has started.", *(f"  {what:{width}}  {where}" for what, where in places.items())]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _password(login: FirstLogin, *, settings: Settings, is_first: bool) -> str:
    if not login.password:
        return "(as you set it; forgotten: `innwatch user password`)"
    return login.password if is_first or sys.stdout.isatty() else f"(in {settings.data}/first-login.json)"


def _address(listener: Listener) -> str:
    return str(replace(listener, host="127.0.0.1") if listener.host in _EVERYWHERE else listener)


def _reachable(host: str) -> str:
    name = "127.0.0.1" if host in _EVERYWHERE else host
    return f"[{name}]" if ":" in name else name
