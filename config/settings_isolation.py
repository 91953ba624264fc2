"""What the environment says of the isolation audit."""

from datetime import timedelta
from typing import Final

from config.settings_notices import WEB_ADDRESS
from config.variable import Kind, Variable, duration, shown

_SOUND: Final[Kind[timedelta]] = duration(timedelta(seconds=1), timedelta(days=1))
_OFF: Final = "off"


def _every(text: str) -> timedelta | None:
    return timedelta() if text.lower() == _OFF else _SOUND.read(text)


ISOLATION_EVERY: Final[Variable[timedelta]] = Variable(
    "INNWATCH_ISOLATION_EVERY",
    Kind(f"{_SOUND.wanted}, or {_OFF}", _every, lambda every: shown(every) if every else _OFF),
    timedelta(minutes=10),
    "How often two hidden hotels try to reach each other; `off`: never.",
)
API_URL: Final = Variable(
    "INNWATCH_API_URL",
    WEB_ADDRESS,
    None,
    "Where `innwatch bridge` finds the API, such as `http://api:8080`, to try it that way too.",
)
ISOLATION: Final = (ISOLATION_EVERY, API_URL)
