"""Settings: what the environment says, checked once, then handed down as a frozen record.

An option on the command line wins over the environment; the environment wins over the defaults. A setting that cannot
be right stops the start with one line that names it and never shows a secret. Each variable is said in one place
(config/variable.py), most of them below and in the modules beside this one; SECTIONS has them all.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from broker.settings import BrokerSettings, Listener, Scheme
from broker.shared_token import SharedToken
from config.addresses import Network, is_web_address, networks
from config.errors import BadSetting
from config.settings_broker import (
    LIMITS,
    LISTEN,
    ORIGINS,
    TLS_CERT,
    TLS_KEY,
    WS_PATH,
    read_limits,
    read_listeners,
    read_origins,
    read_tls,
)
from config.settings_isolation import API_URL, ISOLATION, ISOLATION_EVERY
from config.settings_keys import KEYS, PREVIOUS_SECRETS
from config.settings_legacy import CORS_ORIGINS, LEGACY, read_shared_token
from config.settings_notices import (
    EMAIL_RECIPIENTS,
    NOTICES,
    SLACK_ENABLED,
    SLACK_WEBHOOK_URL,
    WEB_ADDRESS,
    read_smtp,
)
from config.settings_store import (
    DATABASE_URL,
    REDIS_URL,
    STORE,
    DatabaseLimits,
    DatabaseUrl,
    RedisUrl,
    Retention,
    read_database_limits,
    read_retention,
)
from config.settings_uplink import BROKER, BROKER_CA, BrokerUrl
from config.variable import FILE, PORT, TEXT, Environment, Kind, Variable, at_least, choice, whole
from worker.smtp import Smtp


class PublicWs(Struct, frozen=True):
    """Where browsers reach the broker's websocket, on the console's own host name."""

    port: int
    path: str
    secure: bool


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that a person may decide without changing code. Field docs: the variables that they are read from."""

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
    bridge_health_port: int = 8084
    worker_health_port: int = 8085
    broker: BrokerSettings = BrokerSettings()  # its limits, TLS and origins; where it listens is said by what is above
    database_url: DatabaseUrl | None = None  # None: a file in the data folder
    database: DatabaseLimits = DatabaseLimits()
    retention: Retention = Retention()
    redis_url: RedisUrl | None = None
    secret_key: str | None = None  # None: the data folder keeps a key of its own
    keys_file: Path | None = None  # None: one in the data folder, where the database is a file
    previous_secrets: Sequence[str] = ()
    device_token_life: timedelta = timedelta(days=30)
    smtp: Smtp | None = None
    email_recipients: tuple[str, ...] = ()
    slack_enabled: bool = True
    slack_webhook_url: str | None = None
    public_url: str | None = None
    public_ws_url: PublicWs | None = None
    public_mqtt_url: str | None = None
    proxies: tuple[Network, ...] = ()
    shared_token: SharedToken | None = None  # None: no token that tablets share is let in
    cors_origins: tuple[str, ...] = ()
    metrics_token: str | None = None
    isolation_every: timedelta = timedelta(minutes=10)  # nothing: never
    api_url: str | None = None
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
    said = Environment(environment)
    public_url = said.read(PUBLIC_URL)
    return Settings(
        data=said.read(DATA),
        host=said.read(HOST),
        http_port=said.read(HTTP_PORT),
        mqtt_port=said.read(MQTT_PORT),
        ws_port=said.read(WS_PORT),
        ws_path=said.read(WS_PATH),
        listen=said.read(LISTEN),
        broker_url=said.read(BROKER),
        broker_ca=said.read(BROKER_CA),
        broker_health_port=said.read(BROKER_HEALTH_PORT),
        bridge_health_port=said.read(BRIDGE_HEALTH_PORT),
        worker_health_port=said.read(WORKER_HEALTH_PORT),
        broker=replace(
            BrokerSettings(),
            tls=read_tls(said),
            origins=read_origins(said, public_url=public_url),
            **read_limits(said),
        ),
        database_url=said.read(DATABASE_URL),
        database=read_database_limits(said),
        retention=read_retention(said),
        redis_url=said.read(REDIS_URL),
        secret_key=said.read(SECRET_KEY),
        keys_file=said.read(KEYS),
        previous_secrets=said.read(PREVIOUS_SECRETS),
        device_token_life=timedelta(minutes=said.read(TOKEN_MINUTES)),
        smtp=read_smtp(said),
        email_recipients=said.read(EMAIL_RECIPIENTS),
        slack_enabled=said.read(SLACK_ENABLED),
        slack_webhook_url=said.read(SLACK_WEBHOOK_URL),
        public_url=public_url,
        public_ws_url=said.read(PUBLIC_WS_URL),
        public_mqtt_url=said.read(PUBLIC_MQTT_URL),
        proxies=said.read(PROXIES),
        shared_token=read_shared_token(said, secret_key=said.read(SECRET_KEY)),
        cors_origins=said.read(CORS_ORIGINS),
        metrics_token=said.read(METRICS_TOKEN),
        isolation_every=said.read(ISOLATION_EVERY),
        api_url=said.read(API_URL),
        clock_file=said.read(CLOCK),
        log_level=said.read(LOG_LEVEL),
        log_json=said.read(LOG_FORMAT) == "JSON",
    )


def _ws_address(text: str) -> PublicWs | None:
    scheme = text.partition("://")[0]
    if scheme not in {"ws", "wss"} or not is_web_address("http" + text.removeprefix(scheme)):
        return None
    parts = urlsplit(text)
    return PublicWs(parts.port or (443 if scheme == "wss" else 80), parts.path or "/", scheme == "wss")


def _mqtt_address(text: str) -> str | None:
    scheme = text.partition("://")[0]
    if scheme not in {"mqtt", "mqtts"} or not is_web_address("http" + text.removeprefix(scheme)):
        return None
    parts = urlsplit(text)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    return None if extra else f"{scheme}://{parts.netloc}"


DATA: Final = Variable("INNWATCH_DATA", FILE, Path("data"), "The data folder (`--data`).")
HOST: Final = Variable(
    "INNWATCH_HOST",
    TEXT,
    "127.0.0.1",
    f"The address of HTTP and health, and of MQTT unless {LISTEN} is set (`--host`).",
)
HTTP_PORT: Final = Variable("INNWATCH_HTTP_PORT", PORT, 8080, "Console and API (`--http-port`).")
MQTT_PORT: Final = Variable("INNWATCH_MQTT_PORT", PORT, 1883, "MQTT (`--mqtt-port`).")
WS_PORT: Final = Variable("INNWATCH_WS_PORT", PORT, 8083, "MQTT over websocket (`--ws-port`).")
BROKER_HEALTH_PORT: Final = Variable(
    "INNWATCH_BROKER_HEALTH_PORT", PORT, 8082, "Health and metrics of `innwatch broker` (`--health-port`)."
)
BRIDGE_HEALTH_PORT: Final = Variable(
    "INNWATCH_BRIDGE_HEALTH_PORT", PORT, 8084, "Health and metrics of `innwatch bridge` (`--health-port`)."
)
WORKER_HEALTH_PORT: Final = Variable(
    "INNWATCH_WORKER_HEALTH_PORT", PORT, 8085, "Health and metrics of `innwatch worker` (`--health-port`)."
)
SECRET_KEY: Final = Variable(
    "SECRET_KEY",
    TEXT,
    None,
    "Signs tokens: at least 32 random bytes, the same for every process of an installation.",
    unset="the data folder's own",
    is_secret=True,
)
TOKEN_MINUTES: Final = Variable(
    "JWT_EXPIRATION_MINUTES", whole(1, 5_256_000), 43_200, "How long a device's token is good, in minutes."
)
PUBLIC_URL: Final = Variable(
    "INNWATCH_PUBLIC_URL",
    WEB_ADDRESS,
    None,
    "Where people reach the console, such as `https://watch.example`: for links in notices.",
)
PUBLIC_WS_URL: Final = Variable(
    "INNWATCH_PUBLIC_WS_URL",
    Kind("a whole URL such as wss://example.com/mqtt", _ws_address),
    None,
    "Where browsers reach the broker on that same host, such as `wss://watch.example/mqtt`.",
)
PUBLIC_MQTT_URL: Final = Variable(
    "INNWATCH_PUBLIC_MQTT_URL",
    Kind("an address such as mqtts://mqtt.example.com:8883", _mqtt_address),
    None,
    "Where tablets reach the broker, such as `mqtts://watch.example:8883`: what they are told when they enrol.",
    unset="the console's host, and the broker's port",
)
PROXIES: Final[Variable[tuple[Network, ...]]] = Variable(
    "INNWATCH_PROXIES",
    Kind("addresses or networks such as 127.0.0.1 or 10.0.0.0/8, with blanks between", networks),
    (),
    "Proxies in front of the API that are believed when they say by `X-Forwarded-For` whose request it is.",
    unset="nobody",
)
METRICS_TOKEN: Final = Variable(
    "INNWATCH_METRICS_TOKEN",
    at_least(16),
    None,
    "Lets a Prometheus on another machine read `/metrics`.",
    is_secret=True,
)
LOG_LEVEL: Final = Variable(
    "INNWATCH_LOG_LEVEL",
    choice("DEBUG", "INFO", "WARNING", "ERROR"),
    "INFO",
    "What is logged at least: `debug`, `info`, `warning` or `error`.",
)
LOG_FORMAT: Final = Variable(
    "INNWATCH_LOG_FORMAT", choice("TEXT", "JSON"), "TEXT", "`text` for people or `json` for programs."
)
CLOCK: Final = Variable(
    "INNWATCH_CLOCK",
    FILE,
    None,
    "A file with seconds to add to the clock, or the moment at which it stands; for folders made with `--for-tests`.",
)

SECTIONS: Final[Mapping[str, tuple[Variable[object], ...]]] = {
    "Where it keeps things, and who signs": (DATA, *STORE, SECRET_KEY, PREVIOUS_SECRETS, KEYS, TOKEN_MINUTES),
    "Where it serves": (
        HOST,
        HTTP_PORT,
        MQTT_PORT,
        WS_PORT,
        WS_PATH,
        LISTEN,
        TLS_CERT,
        TLS_KEY,
        ORIGINS,
        BROKER_HEALTH_PORT,
        BRIDGE_HEALTH_PORT,
        WORKER_HEALTH_PORT,
        PUBLIC_URL,
        PUBLIC_WS_URL,
        PUBLIC_MQTT_URL,
        PROXIES,
        METRICS_TOKEN,
    ),
    "A broker elsewhere": (BROKER, BROKER_CA),
    "The way over from the old system": LEGACY,
    "Telling people": NOTICES,
    "Whether hotels are apart": ISOLATION,
    "Logs and time": (LOG_LEVEL, LOG_FORMAT, CLOCK),
    "Limits of the broker": LIMITS,
}
"""Every variable there is, in the order of docs/configuration.md."""

KNOWN: Final = frozenset(name for variables in SECTIONS.values() for variable in variables for name in variable.names)
"""Every name that somebody may set."""
