"""The description of the API (OpenAPI 3.1), as one file.

Litestar would also serve pages that load scripts from afar.
"""

import threading
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPI,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    Schema,
    SecurityRequirement,
    SecurityScheme,
)
from litestar.routes import BaseRoute
from litestar.types import ControllerRouterHandler, Method
from litestar.types.internal_types import PathParameterDefinition

BEARER: Sequence[SecurityRequirement] = [{"bearer": []}]


class _Nowhere(Router):
    """Where Litestar puts its documentation pages: not into our paths."""

    def register(self, value: ControllerRouterHandler) -> list[BaseRoute]:
        return []


def description() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Innwatch",
        version="1",
        description="Tablets of hotel rooms, and what is wrong with them. Every error is a problem detail (RFC 9457).",
        use_handler_docstrings=True,
        operation_id_creator=_operation_id,
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        render_plugins=[JsonRenderPlugin()],
        openapi_router=_Nowhere("/", route_handlers=[]),
    )


_at_it = threading.Lock()


@get("/openapi.json", include_in_schema=False, sync_to_thread=True)
def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """This description. Made when it is first asked for, in a thread: it takes a while, and tablets share the loop."""
    state = request.app.state
    with _at_it:
        if "openapi" not in state:
            state.openapi = _described(request.app.openapi_schema)
    return Response(state.openapi, media_type="application/json")


def _operation_id(handler: HTTPRouteHandler, _method: Method, _path: list[str | PathParameterDefinition]) -> str:
    first, *rest = handler.handler_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _described(schema: OpenAPI) -> bytes:
    """Encode, and say what Litestar does not.

    That bodies take no further fields, that a stream is text, and that a whole number is no second kind of number: by
    `oneOf` it would be two at once, and none.
    """
    for item in (schema.paths or {}).values():
        for operation in (item.get, item.post, item.put, item.patch, item.delete):
            if operation is not None:
                if "telemetry" not in (operation.tags or ()):  # old and new agents mix
                    _close_body(operation, schema)
                _name_stream(operation)
    described = schema.to_schema()
    _count_numbers_once(described)
    return msgspec.json.encode(described)


def _count_numbers_once(part: object) -> None:
    if isinstance(part, dict):
        choices = part.get("oneOf")
        if isinstance(choices, list) and _NUMBER in choices:
            part["oneOf"] = [choice for choice in choices if choice != _WHOLE]
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _count_numbers_once(inner)


_NUMBER, _WHOLE = {"type": "number"}, {"type": "integer"}


def _close_body(operation: Operation, schema: OpenAPI) -> None:
    body = operation.request_body
    if body is None or isinstance(body, Reference):
        return
    for media in body.content.values():
        if isinstance(media.schema, Reference) and schema.components is not None:
            schema.components.schemas[media.schema.value].additional_properties = False


def _name_stream(operation: Operation) -> None:
    for answer in (operation.responses or {}).values():
        content = None if isinstance(answer, Reference) else answer.content
        if content and "text/event-stream" in content:
            content["text/event-stream"] = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
