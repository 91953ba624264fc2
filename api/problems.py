"""Every refusal has one shape: a problem detail (RFC 9457), whoever found the trouble.

Routes raise `Refused`; what Litestar and the store raise is translated here. A fault of our own is logged whole and
told to the caller without its insides.
"""

import logging
import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, ValidationException
from litestar.openapi import ResponseSpec
from msgspec import Struct

from api.request_ids import request_id
from rules import thresholds
from rules.texts import in_words
from store import (
    AlertGone,
    AlreadyAcknowledged,
    AnswerRefused,
    BadCursor,
    DataRefused,
    Exists,
    NeedsManager,
    NotFound,
    Overtaken,
    SeenOtherwise,
    StoreUnavailable,
)

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class FieldError(Struct, frozen=True):
    """One thing wrong with a body or a query: the field as the wire names it (`items.0.id`), or `body`."""

    field: str
    detail: str


class Problem(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The body of every error. The last five are extension members; most problems have none of them."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: tuple[FieldError, ...] = ()
    missing: tuple[str, ...] = ()
    by: str | None = None
    at: datetime | None = None
    revision: int | None = None


class Trouble(Enum):
    """What can be wrong: HTTP status, the last part of the problem's `type`, and its title."""

    INVALID = (400, "invalid", "The request is not valid")
    TOKEN_MISSING = (401, "token-missing", "A bearer token is needed")
    TOKEN_INVALID = (401, "token-invalid", "The token is not valid")
    TOKEN_EXPIRED = (401, "token-expired", "The token has expired")
    TOKEN_REVOKED = (401, "token-revoked", "The token has been revoked")
    ENROLMENT_UNKNOWN = (401, "enrolment-unknown", "There is no such enrolment")
    TICKET_INVALID = (401, "ticket-invalid", "The ticket was used, has expired, or is none")
    WRONG_PASSWORD = (401, "wrong-password", "User name or password is wrong")
    FORBIDDEN = (403, "forbidden", "The token does not allow this")
    NO_HOTEL = (403, "no-hotel", "The token is for no hotel")
    NOT_A_MEMBER = (403, "not-a-member", "The account does not belong to this hotel")
    SUSPENDED = (403, "hotel-suspended", "The hotel is suspended")
    ENROLMENT_FOREIGN = (403, "enrolment-foreign", "The enrolment is for another tablet, room or hotel")
    NOT_FOUND = (404, "not-found", "There is no such thing")
    METHOD = (405, "method-not-allowed", "The path does not know this method")
    TOO_SLOW = (408, "too-slow", "The request took too long to come")
    ACKNOWLEDGED = (409, "already-acknowledged", "Somebody was first")
    CHANGED = (409, "changed", "It has changed since it was seen")
    EXISTS = (409, "exists", "There is one of that name already")
    NOTHING_PROPOSED = (409, "nothing-proposed", "Nothing is proposed for this room")
    TOO_MANY_REPLAYS = (409, "too-many-replays", "The hotel has too many replays that wait")
    TOO_MANY_WINDOWS = (409, "too-many-windows", "The hotel has too many maintenance windows that are not over")
    HAD_TOKEN = (409, "had-token", "The tablet has had a token of its own")
    ENROLMENT_WAITS = (409, "enrolment-waits", "The tablet is known, and waits for somebody's yes")
    NOBODY_WAITS = (409, "nobody-waits", "No tablet waits for a yes")
    ENROLMENT_USED = (410, "enrolment-used", "The enrolment has been used")
    ENROLMENT_EXPIRED = (410, "enrolment-expired", "The enrolment has expired")
    ENROLMENT_WITHDRAWN = (410, "enrolment-withdrawn", "The enrolment was withdrawn")
    ONESELF = (409, "oneself", "Nobody does this to their own account")
    DISABLED = (409, "disabled", "The account is disabled")
    OVER = (410, "already-over", "The incident is over")
    RESOLVED = (410, "already-resolved", "The alert is resolved")
    LINK_USED = (410, "link-used", "The link was used already")
    LINK_EXPIRED = (410, "link-expired", "The link has expired")
    TOO_LARGE = (413, "too-large", "The body is too large")
    NOT_JSON = (415, "not-json", "The body must be application/json")
    TOO_MANY = (429, "too-many", "Too many requests")
    HEAD_TOO_LARGE = (431, "head-too-large", "The head of the request is too large")
    FAULT = (500, "fault", "Something went wrong here")
    UNAVAILABLE = (503, "unavailable", "Not available just now")
    NOT_READY = (503, "not-ready", "Not ready")

    def __init__(self, status: int, slug: str, title: str) -> None:
        self.status = status
        self.slug = slug
        self.title = title

    @property
    def type(self) -> str:
        return f"urn:innwatch:problem:{self.slug}"


class Refused(Exception):
    """A request that gets a problem instead of an answer."""

    def __init__(
        self,
        trouble: Trouble,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: tuple[FieldError, ...] = (),
        missing: tuple[str, ...] = (),
        first: Overtaken | SeenOtherwise | None = None,
    ) -> None:
        super().__init__(trouble.slug)
        self.trouble = trouble
        self.headers = dict(headers or {})
        self.problem = Problem(
            type=trouble.type,
            title=trouble.title,
            status=trouble.status,
            detail=detail,
            errors=errors,
            missing=missing,
            by=first.by if first else None,
            at=first.at if first else None,
            revision=first.revision if isinstance(first, Overtaken) else None,
        )


def unauthorized(trouble: Trouble, detail: str | None = None) -> Refused:
    """Return a 401 that says how to do better (RFC 6750 §3)."""
    challenge = 'Bearer realm="innwatch"'
    if trouble not in (Trouble.TOKEN_MISSING, Trouble.WRONG_PASSWORD):
        challenge += ', error="invalid_token"'
    return Refused(trouble, detail, headers={"WWW-Authenticate": challenge})


def too_many(wait: timedelta) -> Refused:
    """Return a 429 that says when to come again."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    return Refused(Trouble.TOO_MANY, f"Try again in {seconds} s.", headers={"Retry-After": str(seconds)})


def invalid(field: str, detail: str) -> Refused:
    return Refused(Trouble.INVALID, errors=(FieldError(field, detail),))


def answer(request: Request[Any, Any, Any], fault: Exception) -> Response[bytes]:
    """Turn what was raised into its problem; the application's one exception handler."""
    refused, about = _translated(fault), {"request": request_id(request.scope)}
    if isinstance(fault, DataRefused):
        log.warning("the database refused what a request held", {**about, "error": fault})
    if refused is None:
        log.error("request failed", {"method": request.method, "path": request.scope["path"], **about}, exc_info=fault)
        refused = Refused(Trouble.FAULT)
    return Response(
        msgspec.json.encode(refused.problem),
        status_code=refused.problem.status,
        headers=refused.headers,
        media_type=MEDIA_TYPE,
    )


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Declare, for OpenAPI, the errors that a route can answer with."""
    return {
        status: ResponseSpec(
            Problem, generate_examples=False, description=HTTPStatus(status).phrase, media_type=MEDIA_TYPE
        )
        for status in statuses
    }


_BY_STATUS = {404: Trouble.NOT_FOUND, 413: Trouble.TOO_LARGE, 429: Trouble.TOO_MANY}


def _translated(fault: Exception) -> Refused | None:
    """Return what a caller may know of a fault; None when that is nothing."""
    return _of_an_answer(fault) or _of_anything(fault)


def _of_an_answer(fault: Exception) -> Refused | None:
    """What keeps somebody from answering an alert, and from changing what somebody else has changed."""
    match fault:
        case AlertGone():
            return Refused(Trouble.RESOLVED, "There is nothing left to answer.")
        case AlreadyAcknowledged():
            return Refused(Trouble.ACKNOWLEDGED, first=fault)
        case Overtaken():
            return Refused(Trouble.CHANGED, first=fault)
        case SeenOtherwise():
            return Refused(Trouble.CHANGED, str(fault), first=fault)
        case AnswerRefused():
            return invalid(fault.field, fault.why)
        case NeedsManager():
            return Refused(Trouble.FORBIDDEN, "needs the role manager")
    return None


def _of_anything(fault: Exception) -> Refused | None:
    match fault:
        case Refused():
            return fault
        case StoreUnavailable():
            return Refused(Trouble.UNAVAILABLE, headers={"Retry-After": "1"})
        case BadCursor():
            return invalid("cursor", "is none of this list")
        case DataRefused():
            return Refused(Trouble.INVALID, "The database takes no such value.")
        case NotFound():
            return Refused(Trouble.NOT_FOUND)
        case Exists():
            return Refused(Trouble.EXISTS, str(fault))
        case ValidationException():
            return Refused(Trouble.INVALID, errors=_field_errors(fault))
        case MethodNotAllowedException():
            return Refused(Trouble.METHOD, headers=fault.headers)
        case HTTPException() if fault.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return Refused(_BY_STATUS.get(fault.status_code, Trouble.INVALID), _detail(fault))
    return None


def _detail(fault: HTTPException) -> str | None:
    # Litestar's own words help only where they say what could not be read.
    return fault.detail if fault.status_code == HTTPStatus.BAD_REQUEST else None


_NAMED = re.compile(r"(?:unknown|missing required) field `(.*)`")


def _field_errors(fault: ValidationException) -> tuple[FieldError, ...]:
    lines = (line for line in fault.extra or () if isinstance(line, dict))
    return tuple(field_error(str(line.get("key", "")), str(line.get("message", ""))) for line in lines)


def field_error(key: str, message: str) -> FieldError:
    """Name the field as the wire does: Litestar calls the body `data`, and our `from` is Python's `from_`.

    Of an unknown or a missing field only the message tells.
    """
    named = _NAMED.search(message)
    path = [part for part in (key.rstrip("_"), named and named[1]) if part and part != "data"]
    said = thresholds.in_words(path[-1].rpartition(".")[2], message) if path else message
    return FieldError(".".join(path) or "body", in_words(said))
