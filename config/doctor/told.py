"""What the settings say by themselves: whether they can be right, and what they leave open to others."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from broker.certificate import Certificate, CertificateUnusable
from broker.settings import TlsFiles
from config.database import database_of
from config.doctor.findings import Finding, look, well, wrong
from config.errors import BadSetting
from config.folder import Folder
from config.keys import Keys, key_ring
from config.settings import Settings
from config.surprises import surprises

_CERTIFICATE_SOON = 14


def examine_settings(
    settings: Settings, folder: Folder, environment: Mapping[str, str], *, clock: Callable[[], datetime]
) -> Iterator[Finding]:
    found = [look("settings", line, "correct the name, or take the variable away") for line in surprises(environment)]
    yield from found or [well("settings", "each that is set is known and can be right")]
    yield _key(settings, folder, clock=clock)
    if settings.broker.tls is not None:
        yield _certificate(settings.broker.tls, clock=clock)
    yield from _in_the_clear(settings)
    yield from _notices(settings)


def _key(settings: Settings, folder: Folder, *, clock: Callable[[], datetime]) -> Finding:
    if settings.secret_key is None and not (folder.path / "signing.key").exists() and _is_file(settings, folder):
        remedy = (
            "put signing.key back, or set SECRET_KEY; a new one, which `innwatch up` makes, voids every token there is"
        )
        return wrong("signing key", f"{folder.path} has none", remedy)
    try:
        signs = key_ring(settings, folder, now=clock()).signing(clock()).kid
        keys = Keys(settings, folder)
    except BadSetting as weakness:
        remedy = "set SECRET_KEY to what `openssl rand -hex 32` prints, everywhere, or put the file of keys back"
        return wrong("signing key", str(weakness), remedy)
    file = None if keys.file is None or not keys.file.path.exists() else keys.file.path
    if file is not None and file.stat().st_mode & 0o077:
        return look("signing key", f"{file} can be read by others", f"chmod 600 {file}")
    return well("signing key", keys.where(signs))


def _is_file(settings: Settings, folder: Folder) -> bool:
    return database_of(settings, folder).file is not None


def _certificate(tls: TlsFiles, *, clock: Callable[[], datetime]) -> Finding:
    try:
        days = Certificate(tls, clock=clock).days_left
    except CertificateUnusable as unusable:
        return wrong("certificate", str(unusable), "put a certificate and its key there; see TLS in docs/operations.md")
    says = f"{tls.certificate} ends in {days:.0f} days"
    return look("certificate", says, "renew it") if days < _CERTIFICATE_SOON else well("certificate", says)


def _in_the_clear(settings: Settings) -> Iterator[Finding]:
    """Only for what `up` and `broker` serve themselves; who has a server behind proxies knows where those are."""
    if settings.database_url is not None and settings.database_url.file is None:
        return
    remedy = (
        "use mqtts and wss (INNWATCH_LISTEN, INNWATCH_TLS_CERT), or a TLS proxy and an address of this machine only"
    )
    for listener in settings.listeners if settings.broker_url is None else ():
        behind_a_proxy = listener.is_websocket and settings.public_ws_url is not None and settings.public_ws_url.secure
        if not (listener.is_secure or is_loopback(listener.host) or behind_a_proxy):
            yield look("encryption", f"tokens can be read on their way to {listener}", remedy)
    if not is_loopback(settings.host) and not (settings.public_url or "").startswith("https://"):
        remedy = "put a TLS proxy before it, and tell its address by INNWATCH_PUBLIC_URL"
        yield look("encryption", f"passwords can be read on their way to http://{settings.host}", remedy)


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _notices(settings: Settings) -> Iterator[Finding]:
    if settings.public_url is None:
        yield look("links", "notices have no link to the console", "set INNWATCH_PUBLIC_URL to where people reach it")
    if settings.smtp is None and not settings.slack_enabled:
        yield look("notices", "neither mail nor Slack is on: nobody is told", "set SMTP_HOST, or SLACK_ENABLED=true")
