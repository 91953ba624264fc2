"""Writes docs/configuration.md from the settings: python -m tests.config.configuration.

With --check it writes nothing and exits 1 if the page is not what would be written. What stands above the mark in the
page is written by hand and stays.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.settings import SECTIONS
from config.variable import Variable

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
HERE = "<!-- What follows is written by `python -m tests.config.configuration`. -->\n"

EVERYBODY = "all"
_BROKER, _BRIDGE, _API, _WORKER = "broker", "bridge", "api", "worker"
_SERVING = (_BROKER, _BRIDGE, _API, _WORKER)


READERS: Mapping[str, Sequence[str]] = {
    "INNWATCH_DATA": ["up", _BROKER, "commands on a folder"],
    "DATABASE_URL": [EVERYBODY],
    "INNWATCH_DATABASE_": [EVERYBODY],
    "INNWATCH_RETENTION_DAYS": [_BRIDGE],
    "INNWATCH_HISTORY_DAYS": [_BRIDGE],
    "INNWATCH_EVENTS_DAYS": [_BRIDGE],
    "INNWATCH_QUARANTINE_DAYS": [_BRIDGE],
    "REDIS_URL": [_BRIDGE, _API, _WORKER],
    "SECRET_KEY": [*_SERVING, "token", "access"],
    "INNWATCH_PREVIOUS_SECRET_KEYS": [_BROKER, _BRIDGE, _API],
    "INNWATCH_KEYS": [_BROKER, _BRIDGE, _API, "keys", "token"],
    "JWT_EXPIRATION_MINUTES": [_API, "token", "simulate"],
    "INNWATCH_HOST": _SERVING,
    "INNWATCH_HTTP_PORT": [_API],
    "INNWATCH_MQTT_PORT": [_BROKER, _API, "simulate"],
    "INNWATCH_WS_": [_BROKER],
    "INNWATCH_WS_PORT": [_BROKER, _API],
    "INNWATCH_WS_PATH": [_BROKER, _API],
    "INNWATCH_LISTEN": [_BROKER, _API],
    "INNWATCH_TLS_": [_BROKER],
    "INNWATCH_BROKER": [_BRIDGE, "up", "access"],
    "INNWATCH_BROKER_HEALTH_PORT": [_BROKER],
    "INNWATCH_BRIDGE_HEALTH_PORT": [_BRIDGE],
    "INNWATCH_WORKER_HEALTH_PORT": [_WORKER],
    "INNWATCH_PUBLIC_URL": [_BROKER, _API, _WORKER, "enrol"],
    "INNWATCH_PUBLIC_WS_URL": [_API],
    "INNWATCH_PUBLIC_MQTT_URL": [_API],
    "INNWATCH_PROXIES": [_API],
    "INNWATCH_METRICS_TOKEN": _SERVING,
    "API_TOKEN": [_API],
    "INNWATCH_LEGACY_HOTEL": [_API, "import"],
    "CORS_ORIGINS": [_API],
    "SMTP_": [_WORKER],
    "SLACK_ENABLED": [_WORKER],
    "SLACK_WEBHOOK_URL": ["hotel add"],
    "ALERT_EMAIL_RECIPIENTS": ["hotel add"],
    "INNWATCH_LOG_": [EVERYBODY],
    "INNWATCH_CLOCK": [EVERYBODY],
    "INNWATCH_ISOLATION_EVERY": [_BRIDGE],
    "INNWATCH_API_URL": [_BRIDGE],
    "INNWATCH_MQTT_": [_BROKER],
}
"""Whom a variable, or those that begin so, concerns; the longest beginning counts. `up` is all that serve in one."""


def readers(variable: Variable[Any]) -> Sequence[str]:
    """The commands that a variable concerns. Raises LookupError for one that is not in READERS."""
    beginnings = [one for one in READERS if variable.name.startswith(one)]
    if not beginnings:
        raise LookupError(f"who reads {variable}? Say it in READERS of {__name__}")
    return READERS[max(beginnings, key=len)]


def page(before: str) -> str:
    """The page as it should be, given the page as it is."""
    return before.partition(HERE)[0] + HERE + "\n" + "\n".join(_lines()) + "\n"


def main(arguments: Sequence[str]) -> int:
    before = DOCUMENT.read_text(encoding="utf-8")
    after = page(before)
    if arguments == ["--check"]:
        if before != after:
            print("docs/configuration.md is out of date: python -m tests.config.configuration", file=sys.stderr)  # noqa: T201, a command line
            return 1
        return 0
    DOCUMENT.write_text(after, encoding="utf-8")
    return 0


def _lines() -> Iterator[str]:
    for number, (title, variables) in enumerate(SECTIONS.items()):
        yield from [""] * (number > 0)
        yield f"## {title}"
        yield ""
        yield "| variable | what it may be | default | concerns | |"
        yield "| --- | --- | --- | --- | --- |"
        yield from (_row(variable) for variable in variables)


def _row(variable: Variable[Any]) -> str:
    name = f"`{variable.name}`" + (" (or `_FILE`)" if variable.is_secret else "")
    default = variable.shown_default
    if default != variable.unset:
        default = f"`{default}`"
    cells = (name, variable.kind.wanted, default, ", ".join(readers(variable)), variable.about)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
