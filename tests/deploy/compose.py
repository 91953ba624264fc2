"""docker-compose.yml as an engine would understand it, and what the other files of deploy/ say, read for the tests."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OURS = "innwatch"
"""How the images of ours begin."""

HEALTH_PORTS = {
    "broker": "INNWATCH_BROKER_HEALTH_PORT",
    "bridge": "INNWATCH_BRIDGE_HEALTH_PORT",
    "api": "INNWATCH_HTTP_PORT",
    "worker": "INNWATCH_WORKER_HEALTH_PORT",
}
"""The variable that says where a process of ours shows its health."""

_ENV = {"INNWATCH_DOMAIN": "watch.example"}
"""What .env says, as deploy/make-secrets writes it."""

Service = Mapping[str, Any]


def compose(**said: str) -> Mapping[str, Any]:
    """The file with its variables filled in; `said` is what .env says further."""
    whole: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    filled: Mapping[str, Any] = _filled(whole, {**_ENV, **said})
    return filled


def services(**said: str) -> dict[str, Service]:
    return dict(compose(**said)["services"])


def processes(**said: str) -> dict[str, Service]:
    """The services that run `innwatch` with a command."""
    return {
        name: service
        for name, service in services(**said).items()
        if service["image"].startswith(f"{OURS}:") and "entrypoint" not in service
    }


def environment(service: Service) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def networks_of(service: Service) -> set[str]:
    return set(service["networks"])


def can_reach(one: str, other: str) -> bool:
    """Whether two services are on one network."""
    both = services()
    return bool(networks_of(both[one]) & networks_of(both[other]))


def strings(value: object) -> Iterator[str]:
    """Every text in a piece of the file."""
    match value:
        case str():
            yield value
        case dict():
            for key, each in value.items():
                yield from strings(key)
                yield from strings(each)
        case list():
            for each in value:
                yield from strings(each)


def _filled(value: object, said: Mapping[str, str]) -> Any:  # noqa: ANN401, what YAML holds
    match value:
        case str():
            return _fill(value, said)
        case dict():
            return {key: _filled(each, said) for key, each in value.items()}
        case list():
            return [_filled(each, said) for each in value]
    return value


def _fill(text: str, said: Mapping[str, str]) -> str:
    """Interpolation as the compose specification has it: $$, ${NAME}, ${NAME:-default}, ${NAME:?complaint}."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        assert match["name"] is not None, f"a lone $ in {text!r}"
        found = said.get(match["name"], "")
        if not found and match["kind"] == ":?":
            raise KeyError(match["name"])
        return found or (match["rest"] or "" if match["kind"] == ":-" else "")

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}|\$", one, text)
