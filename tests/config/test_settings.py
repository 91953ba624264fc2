"""Settings: each bad value stops the start with one line that names it, and no secret is ever shown."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.addresses import is_web_address
from config.errors import BadSetting
from config.servers import store_limits
from config.settings import KNOWN, SECTIONS, PublicWs, Settings, read_settings
from config.settings_store import DatabaseLimits
from config.variable import Variable
from rules.mail import is_mail_address
from store.limits import USUAL
from worker.smtp import Smtp, SmtpSecurity

VARIABLES = [variable for section in SECTIONS.values() for variable in section]
SECRETS = {
    "DATABASE_URL": "postgresql://innwatch:s3cr3t@db/innwatch",
    "REDIS_URL": "redis://:s3cr3t@cache/0",
    "SECRET_KEY": "s3cr3t-key",
    "SMTP_PASSWORD": "s3cr3t-mail",
    "SLACK_WEBHOOK_URL": "https://hooks.example/s3cr3t-hook",
    "INNWATCH_METRICS_TOKEN": "s3cr3t-of-the-metrics",
    "API_TOKEN": "s3cr3t-of-all-tablets",
    "INNWATCH_PREVIOUS_SECRET_KEYS": "s3cr3t-key-of-before",
    "INNWATCH_BROKER": "mqtt://bridge:s3cr3t@broker",
}


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()


def test_a_variable_that_is_set_to_nothing_counts_as_not_set() -> None:
    assert read_settings({"INNWATCH_HTTP_PORT": "", "SMTP_HOST": "  ", "SECRET_KEY": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INNWATCH_HTTP_PORT", "http"),
        ("INNWATCH_HTTP_PORT", "-1"),
        ("INNWATCH_HTTP_PORT", "65536"),
        ("INNWATCH_MQTT_PORT", "1883.0"),
        ("INNWATCH_MQTT_PORT", "١٨٨٣"),
        ("INNWATCH_WS_PORT", "0x50"),
        ("JWT_EXPIRATION_MINUTES", "0"),
        ("JWT_EXPIRATION_MINUTES", "a month"),
        ("JWT_EXPIRATION_MINUTES", "99999999999"),
        ("SMTP_ENABLED", "perhaps"),
        ("SMTP_PORT", "mail"),
        ("SMTP_SECURITY", "ssl3"),
        ("SLACK_ENABLED", "2"),
        ("SLACK_WEBHOOK_URL", "hooks.slack.com/services/T0/B0/s3cr3t"),
        ("SLACK_WEBHOOK_URL", "ftp://hooks.slack.com/s3cr3t"),
        ("SLACK_WEBHOOK_URL", "https:///s3cr3t"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com:port/s3cr3t"),
        ("INNWATCH_PUBLIC_URL", "desk.hotel.example"),
        ("ALERT_EMAIL_RECIPIENTS", "desk"),
        ("ALERT_EMAIL_RECIPIENTS", "desk@hotel.example; night@hotel.example"),
        ("ALERT_EMAIL_RECIPIENTS", "desk@hotel.example\r\nBcc: all@example.com"),
        ("INNWATCH_LOG_LEVEL", "LOUD"),
        ("INNWATCH_METRICS_TOKEN", "s3cr3t"),
        ("INNWATCH_LOG_FORMAT", "xml"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_the_variable(name: str, value: str) -> None:
    host = {"SMTP_HOST": "mail.example"} if name.startswith("SMTP_") else {}

    with pytest.raises(BadSetting) as refusal:
        read_settings({name: value} | host)

    text = str(refusal.value)
    assert name in text
    assert "\n" not in text
    assert "s3cr3t" not in text
    assert refusal.value.exit_code == 78


def test_mail_that_is_wanted_needs_a_server() -> None:
    with pytest.raises(BadSetting, match="SMTP_HOST"):
        read_settings({"SMTP_ENABLED": "true"})


def test_mail_can_be_switched_off_although_a_server_is_named() -> None:
    assert read_settings({"SMTP_HOST": "mail.example", "SMTP_ENABLED": "false"}).smtp is None


@pytest.mark.parametrize("user", ["SMTP_USERNAME", "SMTP_USER"])
def test_the_mail_settings_of_the_old_system_are_read(user: str) -> None:
    settings = read_settings(
        {
            "SMTP_HOST": "mail.example",
            "SMTP_PORT": "465",
            user: "desk@hotel.example",
            "SMTP_PASSWORD": "s3cr3t",
            "SMTP_SECURITY": "TLS",
        }
    )

    assert settings.smtp == Smtp(
        host="mail.example",
        port=465,
        username="desk@hotel.example",
        password="s3cr3t",
        sender="desk@hotel.example",
        security=SmtpSecurity.TLS,
    )


def test_an_option_wins_over_the_environment() -> None:
    settings = read_settings(
        {"INNWATCH_DATA": "elsewhere", "INNWATCH_HTTP_PORT": "8000"}, data=Path("here"), http_port=0
    )

    assert (settings.data, settings.http_port) == (Path("here"), 0)


def test_an_option_that_is_not_given_leaves_the_environment_alone() -> None:
    assert read_settings({"INNWATCH_DATA": "elsewhere"}, data=None).data == Path("elsewhere")


def test_several_recipients_have_commas_between_them() -> None:
    settings = read_settings({"ALERT_EMAIL_RECIPIENTS": "desk@hotel.example, night@hotel.example,"})

    assert settings.email_recipients == ("desk@hotel.example", "night@hotel.example")


def test_the_life_of_device_tokens_is_given_in_minutes() -> None:
    assert read_settings({"JWT_EXPIRATION_MINUTES": "90"}).device_token_life == timedelta(minutes=90)


@pytest.mark.parametrize(("text", "meaning"), [("TRUE", True), ("on", True), ("0", False), ("No", False)])
def test_yes_and_no_have_the_usual_spellings(text: str, meaning: bool) -> None:
    assert read_settings({"SLACK_ENABLED": text}).slack_enabled is meaning


def test_printing_the_settings_shows_no_secret() -> None:
    settings = read_settings(SECRETS | {"SMTP_HOST": "mail.example"})

    assert "s3cr3t" not in f"{settings!r} {settings} {settings.smtp!r}"


@pytest.mark.parametrize("text", ["http://127.0.0.1:8025/x", "https://hooks.slack.com/services/T/B/x", "http://[::1]/"])
def test_whole_urls_are_web_addresses(text: str) -> None:
    assert is_web_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "desk@hotel.example",
        "night.desk+alerts@mail.hotel.example",
        "o'brien@hotel.example",
        "innwatch@localhost",
        "desk@xn--htel-vqa.example",
        "desk@127.0.0.1",
    ],
)
def test_plain_addresses_are_mail_addresses(text: str) -> None:
    assert is_mail_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "desk",
        "@hotel.example",
        "desk@",
        "a b@hotel.example",
        "<desk@hotel.example>",
        "'a@['",
        "a@[",
        "ü@[",
        "(.|@):",
        "a@[127.0.0.1]",
        "desk@front@hotel.example",
        ".desk@hotel.example",
        "night..desk@hotel.example",
        "desk@hotel..example",
        "desk@hotel.example.",
        "desk@-hotel.example",
        "desk@hotel_1.example",
        "dësk@hotel.example",
        "desk@hôtel.example",
        "desk@hotel.example\n",
        "d" * 65 + "@hotel.example",
        "desk@" + "h" * 64,
        "desk@" + ".".join(["hotel"] * 50),
    ],
)
def test_what_could_break_a_header_line_is_no_mail_address(text: str) -> None:
    assert not is_mail_address(text)


LOCAL = st.text(alphabet="aZ9.-_+'`{}|~!?#$%&*/=^", min_size=1, max_size=8)
LABEL = st.from_regex(r"[a-zA-Z0-9]([a-z0-9-]{0,4}[a-z0-9])?", fullmatch=True)
ADDRESSES = st.builds(
    lambda local, labels: f"{local}@{'.'.join(labels)}", LOCAL, st.lists(LABEL, min_size=1, max_size=3)
)


@given(text=ADDRESSES.filter(is_mail_address))
def test_every_mail_address_can_stand_in_a_mail(text: str) -> None:
    mail = EmailMessage()
    mail["To"] = f"desk@hotel.example, {text}"

    assert [each.addr_spec for each in mail["To"].addresses] == ["desk@hotel.example", text]
    assert text.encode() in mail.as_bytes()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("wss://watch.example/mqtt", PublicWs(443, "/mqtt", secure=True)),
        ("ws://watch.example:9000/x", PublicWs(9000, "/x", secure=False)),
    ],
)
def test_where_browsers_reach_the_broker_may_be_told(text: str, place: PublicWs) -> None:
    assert read_settings({"INNWATCH_PUBLIC_WS_URL": text}).public_ws_url == place


@pytest.mark.parametrize("text", ["https://watch.example/mqtt", "watch.example", "wss://", "wss:// x/"])
def test_an_address_that_is_no_websocket_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="INNWATCH_PUBLIC_WS_URL"):
        read_settings({"INNWATCH_PUBLIC_WS_URL": text})


class Asked(Mapping[str, str]):
    """An environment that remembers which names it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_what_is_declared_is_what_is_read() -> None:
    asked = Asked()

    read_settings(asked)

    assert asked.names == KNOWN


@pytest.mark.parametrize("variable", VARIABLES, ids=str)
def test_every_variable_says_what_it_is_in_one_sentence(variable: Variable[object]) -> None:
    assert variable.about.endswith(".")
    assert "\n" not in variable.about
    assert variable.about[0].isupper() or variable.about[0] == "`"


@pytest.mark.parametrize("variable", [one for one in VARIABLES if one.shown_default != one.unset], ids=str)
def test_a_default_may_be_written_as_it_is_shown(variable: Variable[object]) -> None:
    assert read_settings({variable.name: variable.shown_default}) == Settings()


@pytest.mark.parametrize("variable", [one for one in VARIABLES if one.is_secret], ids=str)
def test_a_secret_may_stand_in_a_file(variable: Variable[object], tmp_path: Path) -> None:
    text = SECRETS[variable.name]
    file = tmp_path / "secret"
    file.write_text(text + "\n")
    also = {"SMTP_HOST": "mail.example"}

    assert read_settings({f"{variable.name}_FILE": str(file)} | also) == read_settings({variable.name: text} | also)
    with pytest.raises(BadSetting, match=f"{variable.name} and {variable.name}_FILE are both set") as refusal:
        read_settings({f"{variable.name}_FILE": str(file), variable.name: text})
    assert "s3cr3t" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "is empty"), (b"\xff\xfe", "holds no text"), (None, "No such file")]
)
def test_a_file_without_a_secret_is_refused_by_its_name(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(BadSetting, match=rf"^SECRET_KEY_FILE: .*secret.*{why}") as refusal:
        read_settings({"SECRET_KEY_FILE": str(file)})

    assert refusal.value.exit_code == 78


def test_a_bad_value_in_a_file_is_refused_by_the_variables_name(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("mysql://root:s3cr3t@db/innwatch")

    with pytest.raises(BadSetting, match=r"^DATABASE_URL must be ") as refusal:
        read_settings({"DATABASE_URL_FILE": str(file)})

    assert "s3cr3t" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://innwatch:s3cr3t@db:5433/inn", "postgresql://innwatch@db:5433/inn"),
        ("postgresql+asyncpg://innwatch:s3cr3t%40@[::1]/inn?ssl=require", "postgresql://innwatch@[::1]/inn"),
        ("postgresql://db/inn?password=s3cr3t", "postgresql://db/inn"),
        ("postgresql:///inn?host=/run/postgresql", "postgresql:///inn"),
        ("sqlite+aiosqlite:////var/lib/innwatch/inn.db", "/var/lib/innwatch/inn.db"),
        ("sqlite+aiosqlite:///inn.db", "inn.db"),
    ],
)
def test_the_database_is_shown_without_a_password(text: str, shown: str) -> None:
    url = read_settings({"DATABASE_URL": text}).database_url

    assert url is not None
    assert (url.url, str(url), repr(url)) == (text, shown, f"DatabaseUrl({shown})")
    assert (url.file is not None) == text.startswith("sqlite")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "innwatch"),
        ("DATABASE_URL", "mysql://db/s3cr3t"),
        ("DATABASE_URL", "sqlite:///s3cr3t.db"),
        ("DATABASE_URL", "sqlite+aiosqlite:///"),
        ("DATABASE_URL", "postgresql://:s3cr3t@db"),
        ("DATABASE_URL", "postgresql:///s3cr3t"),
        ("DATABASE_URL", "postgresql://db:port/s3cr3t"),
        ("DATABASE_URL", "postgresql://u:s3cr3t @db/innwatch"),
        ("REDIS_URL", "cache:6379"),
        ("REDIS_URL", "http://cache/s3cr3t"),
        ("REDIS_URL", "redis://:s3cr3t@/0"),
        ("REDIS_URL", "redis://:s3cr3t@cache/first"),
        ("REDIS_URL", "redis://:s3cr3t@cache:0"),
        ("INNWATCH_DATABASE_CONNECTIONS", "1"),
        ("INNWATCH_DATABASE_STATEMENT_TIMEOUT", "0"),
        ("INNWATCH_DATABASE_LOCK_TIMEOUT", "a while"),
        ("INNWATCH_BRIDGE_HEALTH_PORT", "health"),
    ],
)
def test_what_is_no_server_is_refused_and_no_password_shown(name: str, text: str) -> None:
    with pytest.raises(BadSetting, match=rf"^{name} must be ") as refusal:
        read_settings({name: text})

    assert "s3cr3t" not in str(refusal.value)
    assert refusal.value.exit_code == 78


def test_redis_is_shown_without_a_password() -> None:
    url = read_settings({"REDIS_URL": "rediss://worker:s3cr3t@cache:6380/2"}).redis_url

    assert url is not None
    assert (url.url, f"{url} {url!r}") == (
        "rediss://worker:s3cr3t@cache:6380/2",
        "rediss://cache:6380/2 RedisUrl(rediss://cache:6380/2)",
    )


def test_the_store_has_the_same_limits_as_the_settings() -> None:
    assert store_limits(Settings()) == USUAL


def test_how_long_the_database_may_take_is_a_setting() -> None:
    settings = read_settings(
        {
            "INNWATCH_DATABASE_CONNECTIONS": "40",
            "INNWATCH_DATABASE_STATEMENT_TIMEOUT": "1m",
            "INNWATCH_DATABASE_IDLE_TIMEOUT": "0.5",
        }
    )

    assert settings.database == DatabaseLimits(
        connections=40, statement_timeout=timedelta(minutes=1), idle_timeout=timedelta(seconds=0.5)
    )


def test_proxies_are_addresses_or_networks() -> None:
    said = read_settings({"INNWATCH_PROXIES": "127.0.0.1, 10.0.0.0/8 fd00::/8"}).proxies

    assert [str(network) for network in said] == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize("text", ["proxy", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1:8080", "*"])
def test_what_is_no_network_is_no_proxy(text: str) -> None:
    with pytest.raises(BadSetting, match="INNWATCH_PROXIES"):
        read_settings({"INNWATCH_PROXIES": text})
