"""The console's files, read once at the start and served from memory under a strict Content-Security-Policy.

Nothing but scripts of our own runs, nothing frames the page, and it connects to this server and its broker only.
"""

import gzip
import hashlib
import mimetypes
import re
from pathlib import Path
from typing import Any

from litestar import HttpMethod, Request, Response, Router, route
from litestar.params import FromPath
from msgspec import Struct

from api.problems import Refused, Trouble
from api.settings import ApiSettings

Asked = Request[Any, Any, Any]

READ = [HttpMethod.GET, HttpMethod.HEAD]

WORTH_PACKING = 1024
"""Bytes; what is smaller fits into one packet anyway."""


class File(Struct, frozen=True, kw_only=True):
    """A file as it is sent: `packed` is its gzip, where that is worth the trouble."""

    media_type: str
    etag: str
    plain: bytes
    packed: bytes | None


def console(settings: ApiSettings) -> Router | None:
    """Return the routes of the page, `/`, `/enrol` and `/console/…`; None when there is no page."""
    files = _read(settings.console)
    if not {"/index.html", "/enrol.html"} <= files.keys():
        return None

    @route("/", http_method=READ, include_in_schema=False, sync_to_thread=False)
    def index(request: Asked) -> Response[bytes]:
        return _send(files["/index.html"], request, settings)

    @route("/enrol", http_method=READ, include_in_schema=False, sync_to_thread=False)
    def enrol(request: Asked) -> Response[bytes]:
        """What a browser shows of an enrolment's link: its code stays behind the `#`, where we never see it."""
        return _send(files["/enrol.html"], request, settings)

    @route("/console/{path:path}", http_method=READ, include_in_schema=False, sync_to_thread=False)
    def asset(request: Asked, path: FromPath[str]) -> Response[bytes]:
        if path not in files:
            raise Refused(Trouble.NOT_FOUND)
        return _send(files[path], request, settings)

    return Router("/", route_handlers=[index, enrol, asset])


def policy(settings: ApiSettings, *, host: str) -> str:
    """Return the page's Content-Security-Policy: the broker listens on the host that the browser asked for the page."""
    # The grammar of a policy has no IPv6 addresses, and a strange Host header must not write one: any host, that port.
    name = host.rpartition(":")[0] if re.search(r":[0-9]+\Z", host) else host
    name = name if _HOST_NAME.fullmatch(name) else "*"
    scheme = "wss" if settings.mqtt_secure else "ws"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"manifest-src 'self'; connect-src 'self' {scheme}://{name}:{settings.mqtt_port}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


_HOST_NAME = re.compile(r"[A-Za-z0-9.-]{1,253}")


def _read(folder: Path) -> dict[str, File]:
    found = (path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else ()
    return {f"/{path.relative_to(folder).as_posix()}": _file(path) for path in found}


def _file(path: Path) -> File:
    plain = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(plain, mtime=0) if len(plain) > WORTH_PACKING else plain
    return File(
        media_type=media_type,
        etag=hashlib.blake2b(plain, digest_size=16).hexdigest(),
        plain=plain,
        packed=packed if len(packed) < len(plain) else None,
    )


# Said here because the machine's own table may say something else, and browsers refuse a module of another type.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


def _send(file: File, request: Asked, settings: ApiSettings) -> Response[bytes]:
    """Send a file, or say that the browser has it: it asks each time, so that page and scripts are of one version."""
    packed = file.packed if "gzip" in request.headers.get("accept-encoding", "") else None
    etag = f'"{file.etag}-gz"' if packed else f'"{file.etag}"'
    headers = {
        "Cache-Control": "no-cache",
        "ETag": etag,
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": policy(settings, host=request.headers.get("host", "")),
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=file.media_type)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(packed or file.plain, headers=headers, media_type=file.media_type)
