"""Keeps the TLS certificate of this process renewed: looks at its files now and then, and when told to by SIGHUP."""

import asyncio
import signal

from broker.certificate import Certificate

LOOK = 5.0
"""Seconds between two looks at the files."""


async def keep_renewed(certificate: Certificate, *, every: float = LOOK) -> None:
    """Take what the files hold when they change, until cancelled. In a thread: a file may be on a slow disk."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        while True:
            try:
                async with asyncio.timeout(every):
                    await asked.wait()
            except TimeoutError:
                await asyncio.to_thread(certificate.look)
            else:
                asked.clear()
                await asyncio.to_thread(certificate.read_again)
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
