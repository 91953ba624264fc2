"""Bodies are JSON and nothing else, of the types that a route wants: held to that before it gets its own record."""

from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from api.complaints import complaint
from api.problems import Refused, Trouble, field_error, invalid


async def require_json(request: Request[Any, Any, Any]) -> None:
    """Raise Refused with 415 for another media type, with 400 for what is not JSON, not there or not what is wanted.

    Litestar would read any media type as JSON, and let two exceptions of the decoder through: one for bytes that are
    not UTF-8, one for brackets nested without end.
    """
    try:
        body = await request.body()
    except InternalServerException:  # Litestar's for a caller that left before all of the body was there
        raise invalid("body", "was cut short") from None
    if not body:
        _refuse_unless_none_is_wanted(request)
        return
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(Trouble.NOT_JSON)
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("body", "is not JSON") from None
    _refuse_unless_wanted(request, body)


def is_strict(wanted: type[msgspec.Struct]) -> bool:
    """Whether a body must have the very types that are wanted, as one that may have no other fields.

    What forgives fields that nobody knows is said by tablets and hotel systems of all ages: none of it is lost for its
    type.
    """
    return wanted.__struct_config__.forbid_unknown_fields


def _refuse_unless_wanted(request: Request[Any, Any, Any], body: bytes) -> None:
    """Litestar reads types loosely, as a query needs it: "null" cleared a threshold, and 1 was true."""
    data = request.route_handler.parsed_fn_signature.parameters.get("data")
    if data is None or not is_strict(data.annotation):
        return
    wrong = complaint(body, data.annotation)
    if wrong is not None:
        raise Refused(Trouble.INVALID, errors=(field_error(wrong.path, wrong.said),))


def _refuse_unless_none_is_wanted(request: Request[Any, Any, Any]) -> None:
    wanted = request.route_handler.parsed_fn_signature.parameters.get("data")
    if wanted is None:
        return
    names = [field.encode_name for field in msgspec.structs.fields(wanted.annotation) if field.required]
    fields = f" with {' and '.join(names)}" if names else ""
    raise invalid("body", f"is empty; wanted is a JSON object{fields}")
