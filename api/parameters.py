"""Query and path parameters that several routes share."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.params import PathParameter, QueryParameter

from api.problems import Refused, Trouble, invalid
from rules.ids import (
    NO_ID,
    AlertId,
    CommandId,
    DeviceId,
    EnrolmentId,
    IncidentId,
    IntegratorName,
    ReplayId,
    RoomId,
    UserName,
    WindowId,
    is_id,
)
from rules.messages import Aware
from rules.moments import ERA, in_our_era
from rules.place import normal_bssid
from store import NotFound

Asked = Request[Any, Any, Any]

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Items of a page, at most.")]
Cursor = Annotated[
    str | None,
    QueryParameter(pattern=r"^[A-Za-z0-9_-]{1,512}$", description="`next` of the page before; any other is 400."),
]
Name = Annotated[str, PathParameter(description="An id; one of another hotel does not exist.")]

PAGE = 50


def alert_named(text: str) -> AlertId:
    """Return the id; raises Refused (404): nothing has a name that is none."""
    return AlertId(_named(text))


def incident_named(text: str) -> IncidentId:
    """Return the id; raises Refused (404): nothing has a name that is none."""
    return IncidentId(_named(text))


def device_named(text: str) -> DeviceId:
    """Return the id; raises Refused (404): nothing has a name that is none."""
    return DeviceId(_named(text))


def command_named(text: str) -> CommandId:
    """Return the id; raises Refused (404): nothing has a name that is none."""
    return CommandId(_named(text))


def room_named(text: str) -> RoomId:
    """Return the id; raises Refused (404): nothing has a name that is none."""
    return RoomId(_named(text))


def enrolment_named(text: str) -> EnrolmentId:
    """Return the id; raises Refused (404): nothing has a name that is none."""
    return EnrolmentId(_named(text))


def checked(**ids: str | None) -> None:
    """Raise Refused (400) for one in a body that is no id, by the name that the wire has for it."""
    for field, text in ids.items():
        if text is not None and not is_id(text):
            raise invalid(field, NO_ID)


@contextmanager
def named_in_body(**fields: str) -> Iterator[None]:
    """Turn what the store does not find into what is wrong with a field of the body (400): `room="roomId"`.

    What a path names stays a 404.
    """
    try:
        yield
    except NotFound as missing:
        if missing.what not in fields:
            raise
        raise invalid(fields[missing.what], f"is no {missing.what} of this hotel") from None


def window_named(text: str) -> WindowId:
    """Return the id; raises Refused (404): nothing has a name that is none."""
    return WindowId(_named(text))


def replay_named(text: str) -> ReplayId:
    """Return the id; raises Refused (404): nothing has a name that is none."""
    return ReplayId(_named(text))


def user_named(text: str) -> UserName:
    """Return the name; raises Refused (404): nobody has a name that is none."""
    return UserName(_named(text))


def integrator_named(text: str) -> IntegratorName:
    """Return the name; raises Refused (404): nothing has a name that is none."""
    return IntegratorName(_named(text))


def moment_said(field: str, text: str) -> datetime:
    """Return a moment in UTC; raises Refused (400) for one without a zone, or outside of the calendar there."""
    try:
        return msgspec.convert(text, Aware).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise invalid(field, "is no RFC 3339 time with a zone") from None


def era_checked(field: str, said: datetime) -> datetime:
    """Return it in UTC; raises Refused (400) for one at the calendar's edges (`in_our_era`)."""
    if not in_our_era(said):
        raise invalid(field, ERA)
    return said.astimezone(UTC)


def _named(text: str) -> str:
    if not is_id(text):
        raise Refused(Trouble.NOT_FOUND)
    return text


def bssids(texts: Iterable[str], *, field: str = "accessPoints") -> tuple[str, ...]:
    """As the rules compare them, each once. Raises Refused (400)."""
    found = {text: normal_bssid(text) for text in texts}
    for text, bssid in found.items():
        if bssid is None:
            raise invalid(field, f"{text!r} is no BSSID such as a4:2b:b0:c1:d2:e3")
    return tuple(dict.fromkeys(bssid for bssid in found.values() if bssid is not None))
