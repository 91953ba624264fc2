"""Where a request comes from: what tries to log in are counted by.

Behind a proxy every request comes from the proxy's address, and whoever guesses passwords there would use up the tries
of all. So a proxy that the settings name is asked for whom it speaks. Of what it says only the last address counts: it
wrote that one itself, and those before it may be the client's invention. From anybody else the header means nothing.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from litestar.connection import ASGIConnection


class Callers:
    """Knows by address who calls; `proxies` are networks that are believed."""

    def __init__(self, proxies: Sequence[str]) -> None:
        self._proxies = [ip_network(proxy) for proxy in proxies]

    def address(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """The address of whoever made the request; `?` where the server knows none."""
        if connection.client is None:
            return "?"
        peer = _read(connection.client.host)
        if peer is None or not any(peer in network for network in self._proxies):
            return connection.client.host
        said = ",".join(connection.headers.getall("x-forwarded-for", []))
        told = _read(said.rpartition(",")[2].strip())
        return connection.client.host if told is None else str(told)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
