"""Variables of the environment that somebody set and nobody reads: a mistyped name, a setting of the old system.

They stop nothing, so they are told and no more; their values may be secrets and are never shown.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches

from config.settings import KNOWN
from config.settings_legacy import API_TOKEN, LEGACY_HOTEL

OURS = "INNWATCH_"


def surprises(environment: Mapping[str, str]) -> list[str]:
    """A line for each such variable, in order of name."""
    said = {name for name, value in environment.items() if value.strip()}
    return [line for name in sorted(said) for line in _about(name, said)]


def _about(name: str, said: AbstractSet[str]) -> Iterator[str]:
    if name in API_TOKEN.names and LEGACY_HOTEL.name not in said:
        yield f"{name} is set, and opens nothing without {LEGACY_HOTEL}, the hotel in which it is to act"
    elif name.startswith(OURS) and name not in KNOWN:
        close = get_close_matches(name, [one for one in KNOWN if one.startswith(OURS)], n=1, cutoff=0.8)
        yield f"{name} is not a setting, and is ignored" + (f"; did you mean {close[0]}?" if close else "")
