"""HTTP without TLS, to servers on this machine: a client as httpx makes it reads the certificates of the whole world.

That takes longer than most requests, and a test that waits for an answer asks many times.
"""

import ssl
from typing import Final

import httpx

TRUSTS_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What a client that a test makes for itself verifies by."""

plain: Final = httpx.Client(
    verify=TRUSTS_NOBODY, trust_env=False, timeout=10, limits=httpx.Limits(max_keepalive_connections=0)
)
"""Of everybody: each request has a connection of its own."""
