"""The certificate that TLS listeners show: read whole or not at all, and read again when its files change.

A connection keeps the one that it began with. New files that are of no use change nothing: the broker goes on with what
it has, and says so.
"""

import logging
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from msgspec import Struct

from broker.settings import TlsFiles

_log = logging.getLogger(__name__)

SOON = timedelta(days=14)
"""A certificate that ends before this is told of each time it is read."""

# For TLS 1.2; 1.3 has only good ones. Forward secret and authenticated, as in Mozilla's "intermediate" without DHE.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class CertificateUnusable(Exception):
    """The files cannot be served with. The message is one line that names the file and what is wrong with it."""


class _Read(Struct, frozen=True):
    context: ssl.SSLContext
    ends: datetime


class Certificate:
    """What is shown now. `context` is for the next connection; `look` may be called in a thread."""

    def __init__(self, files: TlsFiles, *, clock: Callable[[], datetime]) -> None:
        """Raises CertificateUnusable."""
        self._files = files
        self._clock = clock
        self._seen = _state_of(files)
        self._trouble: str | None = None
        self.renewed = 0  # times that new files were taken
        self.refused = 0  # times that new files were of no use
        self._read = _read(files, now=clock())
        self._say()

    @property
    def context(self) -> ssl.SSLContext:
        return self._read.context

    @property
    def days_left(self) -> float:
        """Days until it ends, negative after that."""
        return (self._read.ends - self._clock()) / timedelta(days=1)

    def look(self) -> None:
        """Read the files again if they have changed since they were last looked at."""
        if _state_of(self._files) != self._seen:
            self.read_again()

    def read_again(self) -> None:
        """Read the files, and show what they hold from now on if it is of any use."""
        self._seen = _state_of(self._files)  # Before they are read: what changes meanwhile is seen the next time.
        try:
            self._read = _read(self._files, now=self._clock())
        except CertificateUnusable as unusable:
            self._trouble = str(unusable)
            self.refused += 1
            _log.error("the new TLS certificate is not used", {"error": str(unusable), "old_one_ends": self._end})
        else:
            self._trouble = None
            self.renewed += 1
            self._say()

    def problems(self) -> list[str]:
        """What its operator should know; empty when all is well."""
        found = [] if self._trouble is None else [f"the new TLS certificate is not used: {self._trouble}"]
        if self.days_left < 0:
            found.append(f"the TLS certificate ended at {self._end}")
        return found

    @property
    def _end(self) -> str:
        return self._read.ends.isoformat()

    def _say(self) -> None:
        level = logging.WARNING if self._read.ends - self._clock() < SOON else logging.INFO
        _log.log(level, "TLS certificate", {"file": self._files.certificate, "ends": self._end})


def _state_of(files: TlsFiles) -> tuple[tuple[int, int, int] | None, ...]:
    """Return what differs when a file was written or replaced, or when what a link points to was."""
    return tuple(_state(path) for path in (files.certificate, files.key))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _read(files: TlsFiles, *, now: datetime) -> _Read:
    leaf = _leaf(files.certificate)
    if leaf.not_valid_after_utc <= now:
        raise CertificateUnusable(f"{files.certificate}: ended at {leaf.not_valid_after_utc.isoformat()}")
    if leaf.not_valid_before_utc > now:
        raise CertificateUnusable(f"{files.certificate}: not valid before {leaf.not_valid_before_utc.isoformat()}")
    if _public(leaf) != _public_of_key(files.key):
        raise CertificateUnusable(f"{files.key}: not the key of the first certificate in {files.certificate}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        # Never asked for, and if it were: OpenSSL would wait for somebody to type it.
        context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise CertificateUnusable(f"{files.certificate}: {_words(error)}") from error
    return _Read(context, leaf.not_valid_after_utc)


def _leaf(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(_content(path))[0]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateUnusable(f"{path}: no certificate in PEM") from error


def _public(leaf: x509.Certificate) -> bytes:
    return leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public_of_key(path: Path) -> bytes:
    try:
        key = load_pem_private_key(_content(path), None)
    except TypeError as error:
        raise CertificateUnusable(f"{path}: the key has a passphrase; store it without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateUnusable(f"{path}: no private key in PEM") from error
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateUnusable(f"{path}: {error.strerror or error}") from error


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return reason.replace("_", " ").lower() if reason.isupper() else reason
