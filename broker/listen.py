"""Addresses to listen on: all of them or none."""

import asyncio
import errno
import socket
from collections.abc import Sequence

from broker.settings import Listener

BACKLOG = 1024
"""Connections that wait to be accepted: a hotel's tablets come back all at once. The kernel may have a lower bound."""


class ListenFailed(Exception):
    """An address cannot be listened on. The message names it and says why."""


async def bind(listeners: Sequence[Listener]) -> list[list[socket.socket]]:
    """Return bound sockets, a list for each listener; raises ListenFailed with nothing left open.

    A host name may have several addresses; a port 0 is chosen by the system, on the first of them only.
    """
    bound: list[list[socket.socket]] = []
    try:
        for listener in listeners:
            sockets: list[socket.socket] = []
            bound.append(sockets)
            for family, address in await _addresses(listener.host, listener.port):
                sockets.append(_bind(family, address, host=listener.host, port=listener.port))
    except ListenFailed:
        for sockets in bound:
            for opened in sockets:
                opened.close()
        raise
    return bound


async def _addresses(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError, OverflowError) as error:
        raise ListenFailed(f"cannot listen on {host}:{port}: {error}") from error
    unique = list(dict.fromkeys((int(family), (str(address[0]), port)) for family, _, _, _, address in found))
    return unique[:1] if port == 0 else unique


def _bind(family: int, address: tuple[str, int], *, host: str, port: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        opened.listen(BACKLOG)  # Not before this does the system notice that somebody else listens there.
        opened.setblocking(False)
    except (OSError, OverflowError) as error:
        opened.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "another program listens there" if taken else str(error)
        raise ListenFailed(f"cannot listen on {host}:{port}: {why}") from error
    return opened
