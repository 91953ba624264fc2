"""What the environment says of a broker that is another process: where it is, and how to know it for the right one."""

import ssl
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from config.errors import BadSetting
from config.variable import FILE, Kind, Variable

_USUAL_PORT = {"mqtt": 1883, "mqtts": 8883}


class BrokerUrl(Struct, frozen=True, kw_only=True):
    """A parsed mqtt:// or mqtts:// address. Without a user name we log in with a token of our own."""

    host: str
    port: int
    is_secure: bool
    username: str | None = None
    password: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is taken for a broker of ours, which knows our tokens and asks for nothing else."""
        return self.username is None

    def __repr__(self) -> str:
        return f"BrokerUrl({self.host}:{self.port})"


def read_broker_url(text: str, *, name: str = "INNWATCH_BROKER") -> BrokerUrl:
    """The address in a text. Raises BadSetting, which calls it `name` and shows nothing of a password."""
    wrong = BadSetting(f"{name} must be mqtt://HOST:PORT or mqtts://HOST:PORT, with USER:PASSWORD@ if the broker asks")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    extra = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in _USUAL_PORT or not host or port == 0 or extra or not text.isprintable() or " " in text:
        raise wrong
    if (parts.username or "") == "" and parts.password is not None:
        raise wrong
    return BrokerUrl(
        host=host,
        port=port or _USUAL_PORT[parts.scheme],
        is_secure=parts.scheme == "mqtts",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password is not None else None,
    )


def trust(url: BrokerUrl, *, ca: Path | None) -> ssl.SSLContext | None:
    """How to know the broker at `url`: by the system's authorities, or those in the file `ca`; None is plain TCP.

    Raises BadSetting.
    """
    if not url.is_secure:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except FileNotFoundError:
        raise BadSetting(f"{BROKER_CA}: there is no file {ca}") from None
    except ssl.SSLError:
        raise BadSetting(f"{BROKER_CA}: {ca} holds no certificates in PEM form") from None
    except OSError as error:
        raise BadSetting(f"{BROKER_CA}: {ca}: {error.strerror}") from None


BROKER: Final = Variable(
    "INNWATCH_BROKER",
    Kind("mqtt://HOST:PORT or mqtts://HOST:PORT", read_broker_url),
    None,
    "The broker, `mqtt://` or `mqtts://`, that `up` uses instead of one of its own, and `bridge` always (`--broker`).",
    is_secret=True,
)
BROKER_CA: Final = Variable(
    "INNWATCH_BROKER_CA", FILE, None, "A file with the authorities that may vouch for it, in PEM.", unset="the system's"
)
