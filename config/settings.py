"""Settings: what the environment says, checked once, then handed down as a frozen record.

An option on the command line wins over the environment; the environment wins over the defaults below.
A setting that cannot be right stops the start with one line that names it and never shows a secret.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from broker.settings import BrokerSettings, Listener, Scheme
from config.errors import BadSetting
from config.settings_broker import LISTEN, read_limits, read_listeners, read_origins, read_tls
from config.settings_uplink import BROKER, BROKER_CA, BrokerUrl, read_broker_url


class SmtpSecurity(StrEnum):
    """How the connection to the mail server is protected; `auto` upgrades when the server offers STARTTLS."""

    AUTO = "auto"
    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class Smtp(Struct, frozen=True, kw_only=True):
    host: str
    port: int = 587
    username: str | None = None
    password: str | None = None
    sender: str = "innwatch@localhost"
    security: SmtpSecurity = SmtpSecurity.AUTO

    def __repr__(self) -> str:
        return f"Smtp({self.host}:{self.port})"


class PublicWs(Struct, frozen=True):
    """Where browsers reach the broker's websocket, on the console's own host name."""

    port: int
    path: str
    secure: bool


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that a person may decide without changing code. Field docs: docs/operations.md."""

    data: Path = Path("data")
    host: str = "127.0.0.1"
    http_port: int = 8080
    mqtt_port: int = 1883
    ws_port: int = 8083
    ws_path: str = "/mqtt"
    listen: tuple[Listener, ...] = ()  # instead of a plain listener on mqtt_port and one on ws_port
    broker_url: BrokerUrl | None = None  # None: `up` runs a broker of its own
    broker_ca: Path | None = None
    broker_health_port: int = 8082
    broker: BrokerSettings = BrokerSettings()  # its limits, TLS and origins; where it listens is said by what is above
    secret_key: str | None = None  # None: the data folder keeps a key of its own
    device_token_life: timedelta = timedelta(days=30)
    smtp: Smtp | None = None
    email_recipients: tuple[str, ...] = ()
    slack_enabled: bool = True
    slack_webhook_url: str | None = None
    public_url: str | None = None
    public_ws_url: PublicWs | None = None
    metrics_token: str | None = None
    clock_file: Path | None = None
    log_level: str = "INFO"
    log_json: bool = False

    def __repr__(self) -> str:
        return f"Settings(data={self.data}, host={self.host}, http={self.http_port}, mqtt={self.mqtt_port})"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Where MQTT is served."""
        return self.listen or (
            Listener(Scheme.MQTT, self.host, self.mqtt_port),
            Listener(Scheme.WS, self.host, self.ws_port, self.ws_path),
        )


def read_settings(environment: Mapping[str, str], **options: object) -> Settings:
    """The settings of this command. `options` are fields given on the command line; None means not given.

    A command that serves passes `listen`, a list of addresses as people write them. Raises BadSetting.
    """
    settings = read_environment(environment)
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(addresses := given.get("listen"), list):
        given["listen"] = read_listeners(" ".join(addresses), name="--listen")
    settings = replace(settings, **given)
    if settings.listen and "listen" in options and not given.keys().isdisjoint({"mqtt_port", "ws_port"}):
        raise BadSetting(
            f"--listen or {LISTEN} says where MQTT is served; leave that out, or --mqtt-port and --ws-port"
        )
    return settings


def read_environment(environment: Mapping[str, str]) -> Settings:
    """What the environment says by itself: options may still contradict or complete it. Raises BadSetting."""
    read = _Reader(environment)
    public_url = read.web_address("INNWATCH_PUBLIC_URL")
    return Settings(
        data=Path(read.text("INNWATCH_DATA") or "data"),
        host=read.text("INNWATCH_HOST") or "127.0.0.1",
        http_port=read.port("INNWATCH_HTTP_PORT", 8080),
        mqtt_port=read.port("INNWATCH_MQTT_PORT", 1883),
        ws_port=read.port("INNWATCH_WS_PORT", 8083),
        ws_path=read.url_path("INNWATCH_WS_PATH", default="/mqtt"),
        listen=read_listeners(read.text("INNWATCH_LISTEN") or ""),
        broker_url=read.broker_url(BROKER),
        broker_ca=read.path(BROKER_CA),
        broker_health_port=read.port("INNWATCH_BROKER_HEALTH_PORT", 8082),
        broker=replace(
            BrokerSettings(),
            tls=read_tls(read.text),
            origins=read_origins(read.text, public_url=public_url),
            **read_limits(read.text),
        ),
        secret_key=read.text("SECRET_KEY"),
        device_token_life=timedelta(minutes=read.whole("JWT_EXPIRATION_MINUTES", 43_200, least=1, most=5_256_000)),
        smtp=_smtp(read),
        email_recipients=read.addresses("ALERT_EMAIL_RECIPIENTS"),
        slack_enabled=read.yes_or_no("SLACK_ENABLED", default=True),
        slack_webhook_url=read.web_address("SLACK_WEBHOOK_URL"),
        public_url=public_url,
        public_ws_url=read.ws_address("INNWATCH_PUBLIC_WS_URL"),
        metrics_token=read.text("INNWATCH_METRICS_TOKEN"),
        clock_file=read.path("INNWATCH_CLOCK"),
        log_level=read.choice("INNWATCH_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO"),
        log_json=read.choice("INNWATCH_LOG_FORMAT", ("TEXT", "JSON"), default="TEXT") == "JSON",
    )


def _smtp(read: "_Reader") -> Smtp | None:
    """The mail server. Every variable is checked, whether mail is on or not."""
    host, username = read.text("SMTP_HOST"), read.text("SMTP_USERNAME") or read.text("SMTP_USER")
    enabled = read.yes_or_no("SMTP_ENABLED", default=host is not None)
    port = read.port("SMTP_PORT", 587)
    security = read.choice("SMTP_SECURITY", tuple(s.value.upper() for s in SmtpSecurity), default="AUTO")
    sender = read.text("SMTP_FROM") or (username if username and "@" in username else "innwatch@localhost")
    if not enabled:
        return None
    if host is None:
        raise BadSetting("SMTP_ENABLED is true but SMTP_HOST is missing; set it to the mail server's name")
    return Smtp(
        host=host,
        port=port,
        username=username,
        password=read.text("SMTP_PASSWORD"),
        sender=sender,
        security=SmtpSecurity(security.lower()),
    )


def is_web_address(text: str) -> bool:
    """Whether `text` is a whole http(s) URL with a host and a sane port."""
    try:
        parts = urlsplit(text)
        sound = text.isprintable() and " " not in text
        return sound and parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def is_mail_address(text: str) -> bool:
    """A plain `local@domain` in ASCII, the domain a host's name (one label will do: `localhost`).

    Narrower than RFC 5321: no quoted local part, no address literal, nothing that has a meaning in a header.
    """
    # https://html.spec.whatwg.org/#valid-e-mail-address, with the dots where RFC 5321's Dot-string has them.
    word = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
    label = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    local, _, domain = text.partition("@")
    return (
        len(local) <= 64
        and len(domain) <= 253
        and re.fullmatch(rf"{word}(?:\.{word})*", local) is not None
        and re.fullmatch(rf"{label}(?:\.{label})*", domain) is not None
    )


class _Reader:
    """Reads one variable at a time and says exactly what is wrong with it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str | None:
        return self._environment.get(name, "").strip() or None

    def path(self, name: str) -> Path | None:
        text = self.text(name)
        return Path(text) if text else None

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise BadSetting(f"{name} must be a whole number from {least} to {most}")
        return int(text)

    def port(self, name: str, default: int) -> int:
        return self.whole(name, default, least=0, most=65_535)

    def yes_or_no(self, name: str, *, default: bool) -> bool:
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
            raise BadSetting(f"{name} must be true or false")
        return text.lower() in {"true", "1", "yes", "on"}

    def choice(self, name: str, choices: tuple[str, ...], *, default: str) -> str:
        text = (self.text(name) or default).upper()
        if text not in choices:
            raise BadSetting(f"{name} must be one of {', '.join(choice.lower() for choice in choices)}")
        return text

    def broker_url(self, name: str) -> BrokerUrl | None:
        text = self.text(name)
        return None if text is None else read_broker_url(text, name=name)

    def web_address(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and not is_web_address(text):
            raise BadSetting(f"{name} must be a whole URL such as https://example.com/path")
        return text

    def ws_address(self, name: str) -> PublicWs | None:
        text = self.text(name)
        if text is None:
            return None
        scheme = text.partition("://")[0]
        if scheme not in {"ws", "wss"} or not is_web_address("http" + text.removeprefix(scheme)):
            raise BadSetting(f"{name} must be a whole URL such as wss://example.com/mqtt")
        parts = urlsplit(text)
        return PublicWs(parts.port or (443 if scheme == "wss" else 80), parts.path or "/", scheme == "wss")

    def url_path(self, name: str, *, default: str) -> str:
        text = self.text(name) or default
        if re.fullmatch(r"/[A-Za-z0-9._~/-]*", text) is None:
            raise BadSetting(f"{name} must be a path such as /mqtt")
        return text

    def addresses(self, name: str) -> tuple[str, ...]:
        found = tuple(part.strip() for part in (self.text(name) or "").split(",") if part.strip())
        for address in found:
            if not is_mail_address(address):
                raise BadSetting(f"{name} must be mail addresses with commas between them")
        return found
