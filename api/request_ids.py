"""A name for each request: it stands in the head of the answer and in every log line about it.

A caller, or a proxy, that names its requests itself by X-Request-ID keeps its name.
"""

import re
import secrets
from typing import Final

from litestar.types import Scope

HEADER: Final = "X-Request-ID"

_STATE: Final = "innwatch_request_id"
_sane = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch


def request_id(scope: Scope) -> str:
    """Return the name; the same each time, also where no route was found."""
    state = scope["state"]
    if _STATE not in state:
        said = dict(scope["headers"]).get(HEADER.lower().encode(), b"")
        state[_STATE] = said.decode() if _sane(said) else secrets.token_hex(8)
    name: str = state[_STATE]
    return name
