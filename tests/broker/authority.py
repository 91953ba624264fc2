"""A certificate authority that a test makes for itself, and the files that it gives a server."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from broker.settings import TlsFiles

Key = ec.EllipticCurvePrivateKey

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATE = max(datetime.now(UTC), datetime(2026, 11, 22, 12, tzinfo=UTC)) + timedelta(days=90)
"""TLS clients look at the machine's clock, the broker at the one that the test gives it: this is late for both."""


class Authority:
    """Signs certificates for 127.0.0.1 and localhost, through an intermediate one."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        self.folder = folder
        self._root_key, self._key = _key(), _key()
        root, between = _name(name), _name(f"{name} between")
        self._root = _made(root, self._root_key, issuer=root, signed_by=self._root_key, is_authority=True)
        self._issuer = between
        self._between = _made(between, self._key, issuer=root, signed_by=self._root_key, is_authority=True)
        self.trusted = folder / f"{name}.pem"
        self.trusted.write_bytes(self._root.public_bytes(Encoding.PEM))

    def files(self, name: str = "server", *, begins: datetime = LONG_AGO, ends: datetime = LATE) -> TlsFiles:
        """Write a new chain and its key under a name, over what is there, and return where they are."""
        key = _key()
        leaf = _made(_name("localhost"), key, issuer=self._issuer, signed_by=self._key, begins=begins, ends=ends)
        found = TlsFiles(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        found.certificate.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, self._between)))
        found.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return found

    def locked_key(self) -> Path:
        """Write a key that needs a passphrase."""
        path = self.folder / "locked.key"
        path.write_bytes(_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
        return path


def _key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _made(
    subject: x509.Name,
    key: Key,
    *,
    issuer: x509.Name,
    signed_by: Key,
    is_authority: bool = False,
    begins: datetime = LONG_AGO,
    ends: datetime = LATE,
) -> x509.Certificate:
    building = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
        building = building.add_extension(x509.SubjectAlternativeName(names), critical=False).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    return building.sign(signed_by, hashes.SHA256())
