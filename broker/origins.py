"""Which web pages may open a websocket to the broker: those of its own host, and those that the settings name.

A browser says with each websocket which page wants it, and lets any page try. Programs say nothing, and are let in.
"""

from urllib.parse import urlsplit

from msgspec import Struct

_USUAL_PORT = {"http": 80, "https": 443}


class Origin(Struct, frozen=True):
    """A page's origin (RFC 6454): `https://watch.example`, with the port where it is not the usual one."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port is None else f":{self.port}")


def read_origin(text: str) -> Origin | None:
    """Return what a browser or a person wrote; None when that is no origin, as `null` is none."""
    try:
        parts = urlsplit(text.strip().rstrip("/").lower())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not parts.scheme or not host or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return Origin(parts.scheme, host.rstrip("."), None if port == _USUAL_PORT.get(parts.scheme) else port)


def may_open(origins: list[str], *, hosts: list[str], allowed: frozenset[str]) -> bool:
    """Return whether a request with these Origin and Host headers may be answered. More than one of either may not."""
    if not origins:
        return True
    origin = read_origin(origins[0])
    if origin is None or len(origins) > 1 or len(hosts) != 1:
        return False
    own = read_origin(f"http://{hosts[0]}")
    return str(origin) in allowed or (own is not None and origin.host == own.host)
