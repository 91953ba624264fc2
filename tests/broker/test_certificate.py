"""The certificate of TLS listeners: what is refused in one line, and how a new one is taken."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.certificate import Certificate, CertificateUnusable
from broker.settings import TlsFiles
from tests.broker.authority import LATE, LONG_AGO, Authority

NOW = datetime.now(UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def opened(files: TlsFiles, *, now: datetime = NOW) -> Certificate:
    return Certificate(files, clock=lambda: now)


def test_a_good_one_is_shown_with_a_modern_minimum(authority: Authority) -> None:
    certificate = opened(authority.files())
    assert certificate.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert certificate.context.options & ssl.OP_NO_RENEGOTIATION
    assert certificate.days_left == pytest.approx((LATE - NOW) / timedelta(days=1), abs=0.001)
    assert certificate.problems() == []


def test_only_ciphers_with_forward_secrecy_are_offered(authority: Authority) -> None:
    names = [one["name"] for one in opened(authority.files()).context.get_ciphers()]
    assert names
    assert all(name.startswith(("TLS_", "ECDHE-")) for name in names)


Spoil = Callable[[Authority, TlsFiles], TlsFiles]


def _other_key(authority: Authority, files: TlsFiles) -> TlsFiles:
    return TlsFiles(files.certificate, authority.files("other").key)


def _written(path: str, content: bytes) -> Spoil:
    def spoil(authority: Authority, files: TlsFiles) -> TlsFiles:
        getattr(files, path).write_bytes(content)
        return files

    return spoil


SPOILT: dict[str, tuple[Spoil, str]] = {
    "no certificate": (lambda _, files: TlsFiles(files.certificate / "x", files.key), "server.pem/x: Not a directory"),
    "missing certificate": (
        lambda _, files: TlsFiles(files.certificate.with_name("no.pem"), files.key),
        "no.pem: No such file",
    ),
    "missing key": (lambda _, files: TlsFiles(files.certificate, files.key.with_name("no.key")), "no.key: No such"),
    "a folder": (lambda _, files: TlsFiles(files.certificate.parent, files.key), "Is a directory"),
    "empty certificate": (_written("certificate", b""), "server.pem: no certificate in PEM"),
    "garbage": (_written("certificate", bytes(range(256)) * 20), "server.pem: no certificate in PEM"),
    "torn certificate": (
        _written("certificate", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
        "server.pem: no certificate in PEM",
    ),
    "empty key": (_written("key", b""), "server.key: no private key in PEM"),
    "another key": (_other_key, "other.key: not the key of the first certificate in .*server.pem"),
    "a passphrase": (lambda made, files: TlsFiles(files.certificate, made.locked_key()), "locked.key: .* passphrase"),
    "expired": (lambda made, _: made.files(ends=NOW - timedelta(seconds=1)), "server.pem: ended at 20"),
    "not yet": (lambda made, _: made.files(begins=NOW + timedelta(days=1)), "server.pem: not valid before 20"),
    "the root first": (lambda made, files: TlsFiles(made.trusted, files.key), "not the key of the first certificate"),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_cannot_be_served_with_is_refused_in_one_line(authority: Authority, spoilt: str) -> None:
    spoil, words = SPOILT[spoilt]
    with pytest.raises(CertificateUnusable, match=words) as refusal:
        opened(spoil(authority, authority.files()))
    assert "\n" not in str(refusal.value)


def test_new_files_are_taken_when_they_are_there(authority: Authority) -> None:
    certificate = opened(authority.files(ends=NOW + timedelta(days=20)))
    first = certificate.context
    certificate.look()
    assert certificate.context is first
    authority.files()
    certificate.look()
    assert certificate.context is not first
    assert certificate.days_left > 80
    assert (certificate.renewed, certificate.refused) == (1, 0)


@pytest.mark.parametrize("spoilt", SPOILT)
def test_new_files_that_are_of_no_use_change_nothing_and_are_told(
    authority: Authority, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    spoil, _ = SPOILT[spoilt]
    files = authority.files()
    served = TlsFiles(files.certificate.with_name("live.pem"), files.key.with_name("live.key"))
    _link(served, files)
    certificate = opened(served)
    shown = certificate.context
    _link(served, spoil(authority, files))

    certificate.look()
    certificate.look()

    assert certificate.context is shown
    assert (certificate.renewed, certificate.refused) == (0, 1)
    (problem,) = certificate.problems()
    assert problem.startswith("the new TLS certificate is not used: ")
    assert len([one for one in caplog.records if "is not used" in one.getMessage()]) == 1

    _link(served, authority.files("good"))
    certificate.look()
    assert certificate.problems() == []
    assert certificate.context is not shown


def _link(links: TlsFiles, files: TlsFiles) -> None:
    """Point to other files, as those programs do that renew certificates."""
    for link, path in ((links.certificate, files.certificate), (links.key, files.key)):
        link.unlink(missing_ok=True)
        link.symlink_to(path)


def test_half_of_a_renewal_is_not_taken_and_the_whole_is(authority: Authority) -> None:
    files = authority.files()
    certificate = opened(files)
    old_key = files.key.read_bytes()
    authority.files()
    new_key = files.key.read_bytes()
    files.key.write_bytes(old_key)
    certificate.look()
    assert certificate.problems() != []
    files.key.write_bytes(new_key)
    certificate.look()
    assert certificate.problems() == []


def test_it_can_be_read_again_without_a_change(authority: Authority) -> None:
    certificate = opened(authority.files())
    certificate.read_again()
    assert certificate.renewed == 1


def test_its_end_is_a_problem(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    now = [NOW]
    certificate = Certificate(authority.files(begins=LONG_AGO, ends=NOW + timedelta(days=3)), clock=lambda: now[0])
    assert [one.levelname for one in caplog.records] == ["WARNING"]
    now[0] += timedelta(days=4)
    assert certificate.days_left == pytest.approx(-1, abs=0.001)
    assert "ended at" in certificate.problems()[0]
