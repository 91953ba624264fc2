"""The mail server, as the settings name it. By itself, because reading settings must not load the mail library."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


class SmtpSecurity(StrEnum):
    """`auto`: TLS on port 465; else STARTTLS if offered, and insisted on before a password leaves this machine."""

    AUTO = "auto"
    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class Smtp(Struct, frozen=True, kw_only=True):
    """The mail server. `timeout` bounds each wait on it; a delivery takes several."""

    host: str
    port: int = 587
    username: str | None = None
    password: str | None = None
    sender: str = "innwatch@localhost"
    security: SmtpSecurity = SmtpSecurity.AUTO
    timeout: timedelta = timedelta(seconds=10)

    def __repr__(self) -> str:
        return f"Smtp({self.host}:{self.port})"
