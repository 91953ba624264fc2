"""Ports for the servers that tests start."""

import secrets
import socket

LOWEST, HIGHEST = 20_000, 32_767
"""Below the kernel's range for outgoing connections, or a client of another test could be given the port meanwhile."""

_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, never the same one twice in a process.

    `secrets` and not `random`: pytest-randomly seeds the latter, and parallel runs would all ask for the same ports.
    """
    while True:
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST + 1)
        if port not in _given and _nobody_listens(port):
            _given.add(port)
            return port


def _nobody_listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
