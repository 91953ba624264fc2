"""The statements of the standard as they are listed in statements.toml, and which tests show them."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

LIST = Path(__file__).with_name("statements.toml")

# The standard's own order: by chapter, and the number within it.
SECTIONS = {
    "1.5.3": "Text",
    "2.2.2": "Flags",
    "2.3.1": "Packet ids",
    "3.1": "CONNECT",
    "3.2": "CONNACK",
    "3.3": "PUBLISH",
    "3.6": "PUBREL",
    "3.8": "SUBSCRIBE",
    "3.9": "SUBACK",
    "3.10": "UNSUBSCRIBE",
    "3.12": "PINGREQ",
    "3.14": "DISCONNECT",
    "4.1": "Sessions",
    "4.3": "Quality of service",
    "4.4": "Sending again",
    "4.5": "Taking over",
    "4.6": "Order",
    "4.7": "Topics",
    "4.8": "Faults",
    "6": "Websocket",
    "7": "Conformance",
}


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [MQTT-x.y.z-n]; statements.toml explains the fields."""

    binds: Literal["server", "client", "both"]
    says: str
    otherwise: str | None = None
    void: str | None = None

    @property
    def needs_a_test(self) -> bool:
        return self.binds != "client" and self.void is None


class Shown(msgspec.Struct, frozen=True):
    """A test that carries a statement's number: the file, from the root of the project, and the name to run it by."""

    file: str
    name: str


def read(path: Path = LIST) -> dict[str, Statement]:
    """Return the statements by number, in the standard's order; raises msgspec.ValidationError for a wrong field."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, Statement])


def section(number: str) -> str:
    """Return the title of the section that a statement stands in."""
    of = number.partition("-")[0]
    return next(title for prefix, title in SECTIONS.items() if f"{of}.".startswith(f"{prefix}."))


def faults(statements: Mapping[str, Statement], shown: Mapping[str, Sequence[Shown]]) -> Iterator[str]:
    """Yield what is wrong with the marks, a line each."""
    for number, tests in shown.items():
        if number not in statements:
            where = ", ".join(f"{test.file}::{test.name}" for test in tests)
            yield f"there is no statement MQTT-{number}: {where}"
        elif statements[number].void is not None:
            yield f"MQTT-{number} cannot be shown, since nothing of ours can break it: {statements[number].void}"
    for number, statement in statements.items():
        if statement.needs_a_test and not shown.get(number):
            yield f"no test shows MQTT-{number}: {statement.says}"
