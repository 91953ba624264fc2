"""Variables of the environment that somebody set and nobody reads: a mistyped name, a setting of the old system.

They stop nothing, so they are told and no more; their values may be secrets and are never shown.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from config.settings import KNOWN

OURS = "INNWATCH_"

_OF_THE_OLD_SYSTEM = {
    "API_TOKEN": "this version has no shared token; use `innwatch token`",
    "CORS_ORIGINS": "this version serves its console itself and lets no other site in",
}


def surprises(environment: Mapping[str, str]) -> list[str]:
    """A line for each such variable, in order of name."""
    return [line for name in sorted(environment) if environment[name].strip() for line in _about(name)]


def _about(name: str) -> Iterator[str]:
    if name in _OF_THE_OLD_SYSTEM:
        yield f"{name} is set, but {_OF_THE_OLD_SYSTEM[name]}"
    elif name.startswith(OURS) and name not in KNOWN:
        close = get_close_matches(name, [one for one in KNOWN if one.startswith(OURS)], n=1, cutoff=0.8)
        yield f"{name} is not a setting, and is ignored" + (f"; did you mean {close[0]}?" if close else "")
