"""Bodies are JSON and nothing else: held to that before a route's own record is read from them."""

from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from api.problems import Refused, Trouble, invalid


async def require_json(request: Request[Any, Any, Any]) -> None:
    """Raise Refused with 415 for another media type, with 400 for what is not JSON, or not there and wanted.

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


def _refuse_unless_none_is_wanted(request: Request[Any, Any, Any]) -> None:
    wanted = request.route_handler.parsed_fn_signature.parameters.get("data")
    if wanted is None:
        return
    names = [field.encode_name for field in msgspec.structs.fields(wanted.annotation) if field.required]
    fields = f" with {' and '.join(names)}" if names else ""
    raise invalid("body", f"is empty; wanted is a JSON object{fields}")
