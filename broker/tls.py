"""TLS between the socket and whoever speaks over it: MQTT, or a websocket.

The event loop has TLS of its own, but tells a protocol of a connection only when the handshake is done. Here a
connection is one before its first byte: it counts, its CONNECT deadline runs, and until it has said something it costs
little more than a plain one. Bytes go through OpenSSL in memory, a record at a time, so that its buffers stay small.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from broker.packets import Fault

if TYPE_CHECKING:
    from broker.connection import Connection
    from broker.hub import Hub
    from broker.websocket import WebSocket

RECORD = 16 * 1024
"""Bytes of a TLS record at most, and what is given to OpenSSL at once: its buffers grow, and never shrink."""

EMPTY = 4 * RECORD
"""Bytes of TLS that may come with nothing in them: only what OpenSSL has to work for (new keys, say) is like that."""

_REASONS = {
    "HTTP_REQUEST": "tls-plain-http",
    "HTTPS_PROXY_REQUEST": "tls-plain-http",
    "WRONG_VERSION_NUMBER": "tls-plain",
    "UNSUPPORTED_PROTOCOL": "tls-too-old",
    "NO_SHARED_CIPHER": "tls-no-shared-cipher",
    "TLSV1_ALERT_UNKNOWN_CA": "tls-distrusted",
    "SSLV3_ALERT_BAD_CERTIFICATE": "tls-distrusted",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "tls-distrusted",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "tls-distrusted",
}
"""What OpenSSL says of the handshakes that fail most, in words that an operator can act on."""


class TlsStream(asyncio.Protocol):
    """The server's end of TLS on a stream transport, and the transport of the protocol above it."""

    __slots__ = (
        "_above", "_closed", "_context", "_empty", "_hub", "_in", "_later", "_out", "_paused", "_shaken", "_stopped",
        "_tls", "_wire",
    )  # fmt: skip

    def __init__(self, hub: "Hub", context: ssl.SSLContext, above: "Connection | WebSocket") -> None:
        self._hub = hub
        self._context = context
        self._above = above
        self._wire: asyncio.Transport | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None  # made when the client has said something
        self._shaken = False  # the handshake is done
        self._empty = 0  # bytes given to OpenSSL since there last was something for the protocol above
        self._later = b""  # what OpenSSL was not given yet
        self._paused = self._closed = False
        self._stopped = False  # nothing is read from the wire

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast("asyncio.Transport", transport)
        self._above.connection_made(cast("asyncio.Transport", self))

    def connection_lost(self, exc: Exception | None) -> None:
        self._wire = None
        self._closed = True
        self._above.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._later = self._later + data if self._later else data
        self._work()

    def pause_writing(self) -> None:
        self._above.pause_writing()

    def resume_writing(self) -> None:
        self._above.resume_writing()

    # Reading

    def _work(self) -> None:
        """Give OpenSSL what has come, a record's worth at a time, and what it reads to the protocol above."""
        while not (self._paused or self._closed):
            if self._shaken and self._reads():
                continue
            if not self._later:
                self._read_on()
                return
            self._feed()

    def _read_on(self) -> None:
        if self._stopped and self._wire is not None:
            self._stopped = False
            self._wire.resume_reading()

    def _feed(self) -> None:
        data = self._later
        self._later = b""
        if len(data) > RECORD:
            data, self._later = data[:RECORD], data[RECORD:]
        self._in.write(data)
        self._empty += len(data)
        if not self._shaken:
            self._shake_hands()

    def _shake_hands(self) -> None:
        if self._tls is None:
            self._tls = self._context.wrap_bio(self._in, self._out, server_side=True)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            if self._empty > self._hub.settings.largest_connect:
                self._refuse("tls-too-large")
        except ssl.SSLError as error:
            self._flush()  # the alert that tells the client why
            self._refuse(_REASONS.get(error.reason or "", "tls"))
        else:
            self._shaken = True
            self._flush()

    def _refuse(self, reason: str) -> None:
        self._closed = True
        self._above.turned_away(reason)

    def _reads(self) -> bool:
        """Read a record for the protocol above; False when there is none, or only a part of one."""
        tls = cast("ssl.SSLObject", self._tls)
        if not self._in.pending and not tls.pending():
            return False
        try:
            data = tls.read(RECORD)
        except ssl.SSLWantReadError:
            self._flush()  # It may have been something that OpenSSL answers by itself.
            if self._empty > EMPTY:
                self._fail()
            return False
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            data = b""
        except ssl.SSLError:
            self._flush()
            self._fail()
            return False
        self._flush()
        self._empty = 0
        if data:
            self._above.data_received(data)
        else:
            self.close()
        return True

    def _fail(self) -> None:
        self._closed = True
        self._above.violated(Fault.TLS)

    def _flush(self) -> None:
        if self._wire is not None and self._out.pending:
            self._wire.write(self._out.read())

    # What the protocol above calls

    def write(self, data: bytes) -> None:
        if self._closed or not self._shaken or self._tls is None:
            return
        left = memoryview(data)
        try:
            while left:  # One record each time.
                left = left[self._tls.write(left) :]
                self._flush()
        except ssl.SSLError:
            self.abort()  # There is no way on, and whoever writes has others to write to.

    def close(self) -> None:
        if self._tls is not None and self._shaken and not self._closed:
            with suppress(ssl.SSLError):  # It would like to hear the same from the client, for which we do not wait.
                self._tls.unwrap()
            self._flush()
        self._closed = True
        if self._wire is not None:
            self._wire.close()

    def abort(self) -> None:
        self._closed = True
        if self._wire is not None:
            self._wire.abort()

    def pause_reading(self) -> None:
        self._paused = True
        if self._wire is not None and not self._stopped:
            self._stopped = True
            self._wire.pause_reading()

    def resume_reading(self) -> None:
        """Go on with what had come. Only when all of it is handled is there more from the socket."""
        self._paused = False
        self._hub.loop.call_soon(self._work)  # A transport never calls back from within a call.

    def set_write_buffer_limits(self, high: int | None = None) -> None:
        if self._wire is not None:
            self._wire.set_write_buffer_limits(high)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401, asyncio's own signature
        return default if self._wire is None else self._wire.get_extra_info(name, default)
