"""What the environment says of the broker: where it listens, and every limit that `BrokerSettings` has.

A limit's variable is its field's name: `queue_messages` is INNWATCH_MQTT_QUEUE_MESSAGES. A field that is added there is
a setting at once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final, get_args, get_origin
from urllib.parse import urlsplit

from msgspec import Meta, Struct
from msgspec.structs import fields

from broker.origins import read_origin
from broker.settings import BrokerSettings, Listener, Scheme, TlsFiles
from config.errors import BadSetting
from config.variable import FILE, TEXT, Environment, Kind, Variable, seconds, shown

PREFIX = "INNWATCH_MQTT_"

Value = int | timedelta

_LONGEST = timedelta(days=3_650).total_seconds()
_MOST, _LARGEST = 10**9, 2**40
_USUAL_PORT = {Scheme.MQTT: 1883, Scheme.MQTTS: 8883, Scheme.WS: 8083, Scheme.WSS: 8084}


class Limit(Struct, frozen=True):
    """One limit of the broker, and what may be set. Durations are seconds here, sizes bytes."""

    field: str
    about: str
    kind: type[Value]
    is_size: bool
    default: Value
    least: float
    most: float

    @property
    def variable(self) -> Variable[Value]:
        kind: Kind[Value] = Kind(self._wanted(), self._read, shown)
        return Variable(PREFIX + self.field.upper(), kind, self.default, self.about)

    def _read(self, text: str) -> Value | None:
        value = seconds(text) if self.kind is timedelta else _whole(text, with_unit=self.is_size)
        if value is None or not self.least <= value <= self.most:
            return None
        return timedelta(seconds=value) if self.kind is timedelta else int(value)

    def _wanted(self) -> str:
        if self.kind is timedelta:
            least, most = shown(timedelta(seconds=self.least)), shown(timedelta(seconds=self.most))
            return f"a time in seconds from {least} to {most}, such as 30, 0.5, 10m, 12h or 7d"
        between = f"from {shown(int(self.least))} to {shown(int(self.most))}"
        if self.is_size:
            return f"a number of bytes {between}, such as 65536, 64KiB or 1MiB"
        return f"a whole number {between}"


def limits() -> Iterator[Limit]:
    """Every limit that BrokerSettings has, in its order."""
    for field in fields(BrokerSettings):
        kind, metas, about = _annotation(field.type)
        if kind is not int and kind is not timedelta:
            continue  # Where to listen and how: read by name.
        is_size = any(isinstance(meta.extra, Mapping) and meta.extra.get("unit") == "bytes" for meta in metas)
        most = _LONGEST if kind is timedelta else _LARGEST if is_size else _MOST
        yield Limit(
            field.name,
            about,
            kind,
            is_size,
            field.default,
            least=max((meta.ge for meta in metas if meta.ge is not None), default=0.01 if kind is timedelta else 1),
            most=min((meta.le for meta in metas if meta.le is not None), default=most),
        )


def read_limits(environment: Environment) -> dict[str, Value]:
    """Every limit, by field. Raises BadSetting."""
    return {limit.field: environment.read(limit.variable) for limit in limits()}


def read_tls(environment: Environment) -> TlsFiles | None:
    """Where the certificate and its key are; they are looked at when the broker is made. Raises BadSetting."""
    certificate, key = environment.read(TLS_CERT), environment.read(TLS_KEY)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise BadSetting(f"{TLS_CERT} and {TLS_KEY} go together: files in PEM, the chain and its private key")
    return TlsFiles(certificate, key)


def check_tls(listeners: Sequence[Listener], tls: TlsFiles | None) -> None:
    """Refuse what would be served without the protection that somebody wanted. Raises BadSetting."""
    secure = [str(listener) for listener in listeners if listener.is_secure]
    if secure and tls is None:
        raise BadSetting(f"{secure[0]} needs a certificate: set {TLS_CERT} and {TLS_KEY}")
    if tls is not None and not secure:
        raise BadSetting(f"{TLS_CERT} is set, but {LISTEN} has no mqtts:// or wss:// address that would show it")


def read_origins(environment: Environment, *, public_url: str | None) -> frozenset[str]:
    """Pages that may open a websocket, besides those of its own host: the console's among them. Raises BadSetting."""
    said = (environment.read(ORIGINS) or "").replace(",", " ").split()
    origins = {origin: read_origin(origin) for origin in said}
    for wrong in [one for one, origin in origins.items() if origin is None]:
        raise BadSetting(f"{ORIGINS}: {wrong} is no origin; write https://HOST or https://HOST:PORT")
    if public_url is not None:
        parts = urlsplit(public_url)
        origins[public_url] = read_origin(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    return frozenset(str(origin) for origin in origins.values() if origin is not None)


def read_listeners(text: str, *, name: str = "INNWATCH_LISTEN") -> tuple[Listener, ...]:
    """The addresses in a text, with blanks or commas between them. Raises BadSetting, which calls them `name`."""
    listeners = tuple(_listener(url, name=name) for url in text.replace(",", " ").split())
    taken = [(one.host, one.port) for one in listeners if one.port]
    for address in taken:
        if taken.count(address) > 1:
            raise BadSetting(f"{name} has {address[0]}:{address[1]} twice; a port can serve one kind of client only")
    return listeners


def _listener(url: str, *, name: str) -> Listener:
    wrong = BadSetting(
        f"{name}: {url} is no address to listen on; write mqtt://HOST:PORT, mqtts://…, ws://HOST:PORT/PATH or wss://…"
    )
    try:
        parts = urlsplit(url)
        scheme, host, port = Scheme(parts.scheme), parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    listener = Listener(scheme, host or "", _USUAL_PORT[scheme] if port is None else port, parts.path or "/mqtt")
    if not host or parts.query or parts.fragment or "@" in parts.netloc or not url.isprintable():
        raise wrong
    if parts.path.strip("/") and not listener.is_websocket:
        raise wrong
    return listener


def _path(text: str) -> str | None:
    return text if re.fullmatch(r"/[A-Za-z0-9._~/-]*", text) else None


def _annotation(annotation: object) -> tuple[Any, tuple[Meta, ...], str]:
    """A field's plain type, and what is noted about it: bounds, and in words."""
    if get_origin(annotation) is not Annotated:
        return annotation, (), ""
    plain, *notes = get_args(annotation)
    metas = tuple(note for note in notes if isinstance(note, Meta))
    return plain, metas, next((note for note in notes if isinstance(note, str)), "")


def _whole(text: str, *, with_unit: bool) -> int | None:
    match = re.fullmatch(r"([0-9]{1,15}) ?(KiB|MiB|)", text, re.ASCII)
    if match is None or (match[2] and not with_unit):
        return None
    return int(match[1]) * {"": 1, "KiB": 2**10, "MiB": 2**20}[match[2]]


LISTEN: Final = Variable(
    "INNWATCH_LISTEN",
    Kind("addresses such as mqtt://HOST:PORT with blanks between them", read_listeners),
    (),
    "Every address where MQTT is served, with blanks between them, instead of the two ports (`--listen URL`).",
)
WS_PATH: Final = Variable(
    "INNWATCH_WS_PATH", Kind("a path such as /mqtt", _path), "/mqtt", "The path of the websocket on its port."
)
TLS_CERT: Final = Variable(
    "INNWATCH_TLS_CERT", FILE, None, "The chain in PEM that `mqtts` and `wss` show, the server's certificate first."
)
TLS_KEY: Final = Variable("INNWATCH_TLS_KEY", FILE, None, "Its private key, in PEM and without a passphrase.")
ORIGINS: Final = Variable(
    "INNWATCH_WS_ORIGINS", TEXT, None, "Further pages that may open a websocket, `https://HOST`, with blanks between."
)

LIMITS: Final = tuple(limit.variable for limit in limits())
