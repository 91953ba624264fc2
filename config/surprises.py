"""Variables of the environment that somebody set and nobody reads: a mistyped name, a setting of the old system.

They stop nothing, so they are told and no more; their values may be secrets and are never shown.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from config.settings import read_environment

OURS = "INNWATCH_"

_OF_THE_OLD_SYSTEM = {
    "REDIS_URL": "this version needs no Redis",
    "API_TOKEN": "this version has no shared token; use `innwatch token`",
    "CORS_ORIGINS": "this version serves its console itself and lets no other site in",
}


def surprises(environment: Mapping[str, str]) -> list[str]:
    """A line for each such variable, in order of name. Assumes that `read_settings` takes this environment."""
    known = known_names(environment)
    return [
        line
        for name in sorted(environment)
        if environment[name].strip()
        for line in _about(name, environment[name], known)
    ]


def known_names(environment: Mapping[str, str]) -> frozenset[str]:
    """The names that reading the settings of this environment asks for. Raises BadSetting."""
    asked = _Asked(environment)
    read_environment(asked)
    return frozenset(asked.names)


def _about(name: str, value: str, known: frozenset[str]) -> Iterator[str]:
    if name == "DATABASE_URL" and not value.strip().startswith("sqlite"):
        yield "DATABASE_URL is set, but this version stores in the data folder only"
    elif name in _OF_THE_OLD_SYSTEM and name not in known:
        yield f"{name} is set, but {_OF_THE_OLD_SYSTEM[name]}"
    elif name.startswith(OURS) and name not in known:
        close = get_close_matches(name, [one for one in known if one.startswith(OURS)], n=1, cutoff=0.8)
        yield f"{name} is not a setting, and is ignored" + (f"; did you mean {close[0]}?" if close else "")


class _Asked(Mapping[str, str]):
    """An environment that remembers which names it was asked for: so they stand in one place, where they are read."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.names: set[str] = set()
        self._environment = environment

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._environment[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)
