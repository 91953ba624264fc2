"""The broker's settings: where it listens, and every one of its limits, as they are written."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import fields

from broker.settings import BrokerSettings, Listener, Scheme, TlsFiles
from config.errors import BadSetting
from config.settings import KNOWN, Settings, read_settings
from config.settings_broker import Limit, check_tls, limits
from config.surprises import surprises
from config.variable import shown

TLS = {"INNWATCH_TLS_CERT": "chain.pem", "INNWATCH_TLS_KEY": "key.pem"}
SECURE = {"INNWATCH_LISTEN": "mqtts://127.0.0.1 wss://127.0.0.1:8443/mqtt"}
LIMITS = {limit.field: limit for limit in limits()}


def test_every_number_and_every_time_of_the_broker_is_a_setting() -> None:
    elsewhere = {"listeners", "tls", "origins"}
    assert {field.name for field in fields(BrokerSettings)} - elsewhere == set(LIMITS)


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_a_default_may_be_set_as_it_is_shown(limit: Limit) -> None:
    said = read_settings({limit.variable.name: shown(limit.default)}).broker
    assert said == BrokerSettings()


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_a_size_is_told_from_a_number(limit: Limit) -> None:
    assert limit.is_size == (limit.field.endswith("_bytes") or limit.field in {
        "largest_packet", "largest_connect", "longest_topic", "write_buffer",
    })  # fmt: skip


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("connections", "200", 200),
        ("queue_messages", "1", 1),
        ("queue_bytes", "65536", 65_536),
        ("queue_bytes", "64KiB", 65_536),
        ("queue_bytes", "3 MiB", 3 * 2**20),
        ("connect_deadline", "30", timedelta(seconds=30)),
        ("connect_deadline", "0.25", timedelta(seconds=0.25)),
        ("connect_deadline", "2m", timedelta(minutes=2)),
        ("linger", "1.5 h", timedelta(minutes=90)),
        ("linger", "7d", timedelta(days=7)),
    ],
)
def test_a_limit_is_read_with_its_unit(field: str, text: str, value: int | timedelta) -> None:
    said = read_settings({f"INNWATCH_MQTT_{field.upper()}": text}).broker
    assert getattr(said, field) == value
    assert {one for one in LIMITS if getattr(said, one) != getattr(BrokerSettings(), one)} == {field}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INNWATCH_MQTT_CONNECTIONS", "0"),
        ("INNWATCH_MQTT_CONNECTIONS", "-1"),
        ("INNWATCH_MQTT_CONNECTIONS", "many"),
        ("INNWATCH_MQTT_CONNECTIONS", "1e3"),
        ("INNWATCH_MQTT_CONNECTIONS", "10KiB"),
        ("INNWATCH_MQTT_CONNECTIONS", "\u0661\u0660"),
        ("INNWATCH_MQTT_CONNECTIONS", "10000000000"),
        ("INNWATCH_MQTT_QUEUE_BYTES", "1.5MiB"),
        ("INNWATCH_MQTT_QUEUE_BYTES", "1GB"),
        ("INNWATCH_MQTT_LARGEST_PACKET", "257MiB"),
        ("INNWATCH_MQTT_LONGEST_TOPIC", "65536"),
        ("INNWATCH_MQTT_IN_FLIGHT", "65536"),
        ("INNWATCH_MQTT_CONNECT_DEADLINE", "0"),
        ("INNWATCH_MQTT_CONNECT_DEADLINE", "nan"),
        ("INNWATCH_MQTT_CONNECT_DEADLINE", "5 minutes"),
        ("INNWATCH_MQTT_CONNECT_DEADLINE", "999999999d"),
        ("INNWATCH_WS_PATH", "mqtt"),
        ("INNWATCH_WS_PATH", "/mqtt?x"),
        ("INNWATCH_LISTEN", "1883"),
        ("INNWATCH_LISTEN", "http://127.0.0.1:1883"),
        ("INNWATCH_LISTEN", "mqtt://"),
        ("INNWATCH_LISTEN", "mqtt://:1883"),
        ("INNWATCH_LISTEN", "mqtt://127.0.0.1:65536"),
        ("INNWATCH_LISTEN", "mqtt://127.0.0.1:port"),
        ("INNWATCH_LISTEN", "mqtt://127.0.0.1:1883/mqtt"),
        ("INNWATCH_LISTEN", "mqtt://me@127.0.0.1:1883"),
        ("INNWATCH_LISTEN", "ws://[::1:1883/mqtt"),
        ("INNWATCH_LISTEN", "ws://127.0.0.1:1883/mqtt?x=1"),
        ("INNWATCH_LISTEN", "mqtt://127.0.0.1:1883 ws://127.0.0.1:1883/mqtt"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_the_variable(name: str, text: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        read_settings({name: text})
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.exit_code == 78


def test_where_to_listen_may_be_said_in_full() -> None:
    text = "mqtt://10.0.0.5:1883, ws://[::1]:8083 ws://localhost/other\nmqtt://localhost:0 mqtt://localhost:0"
    assert read_settings({"INNWATCH_LISTEN": text}).listeners == (
        Listener(Scheme.MQTT, "10.0.0.5", 1883),
        Listener(Scheme.WS, "::1", 8083, "/mqtt"),
        Listener(Scheme.WS, "localhost", 8083, "/other"),
        Listener(Scheme.MQTT, "localhost", 0),
        Listener(Scheme.MQTT, "localhost", 0),
    )


def test_without_that_there_is_a_listener_of_each_kind_on_the_ports_that_are_set() -> None:
    settings = read_settings({"INNWATCH_MQTT_PORT": "1884", "INNWATCH_WS_PATH": "/x"}, host="::1", ws_port=8084)
    assert settings.listeners == (Listener(Scheme.MQTT, "::1", 1884), Listener(Scheme.WS, "::1", 8084, "/x"))
    assert Settings().listeners == BrokerSettings().listeners


def test_addresses_as_options_win_over_the_environment() -> None:
    settings = read_settings({"INNWATCH_LISTEN": "mqtt://10.0.0.5"}, listen=["ws://127.0.0.1:1", "mqtt://127.0.0.1:2"])
    assert [str(one) for one in settings.listeners] == ["ws://127.0.0.1:1/mqtt", "mqtt://127.0.0.1:2"]
    with pytest.raises(BadSetting, match=r"^--listen: "):
        read_settings({}, listen=["127.0.0.1:1883"])


@pytest.mark.parametrize("option", ["mqtt_port", "ws_port"])
def test_a_port_as_an_option_contradicts_a_list_of_listeners(option: str) -> None:
    with pytest.raises(BadSetting, match="INNWATCH_LISTEN"):
        read_settings({"INNWATCH_LISTEN": "mqtt://127.0.0.1:1883"}, listen=None, **{option: 1999})


def test_a_port_says_where_a_command_goes_that_does_not_serve() -> None:
    settings = read_settings({"INNWATCH_LISTEN": "mqtt://127.0.0.1:1883"} | TLS, mqtt_port=1999)
    assert settings.mqtt_port == 1999


def test_a_mistyped_limit_is_a_surprise() -> None:
    assert surprises({"INNWATCH_MQTT_QUEUE_MESAGES": "5"}) == [
        "INNWATCH_MQTT_QUEUE_MESAGES is not a setting, and is ignored; did you mean INNWATCH_MQTT_QUEUE_MESSAGES?"
    ]
    assert {limit.variable.name for limit in LIMITS.values()} <= KNOWN


def test_tls_is_a_certificate_and_a_key_for_listeners_that_show_it() -> None:
    settings = read_settings(TLS | SECURE)
    assert settings.broker.tls == TlsFiles(Path("chain.pem"), Path("key.pem"))
    assert settings.listeners == (
        Listener(Scheme.MQTTS, "127.0.0.1", 8883),
        Listener(Scheme.WSS, "127.0.0.1", 8443, "/mqtt"),
    )


@pytest.mark.parametrize("name", TLS)
def test_a_certificate_and_a_key_go_together(name: str) -> None:
    with pytest.raises(BadSetting, match="INNWATCH_TLS_CERT and INNWATCH_TLS_KEY"):
        read_settings(SECURE | {name: "file.pem"})


@pytest.mark.parametrize("environment", [SECURE, TLS, TLS | {"INNWATCH_LISTEN": "mqtt://127.0.0.1 ws://127.0.0.1"}])
def test_what_would_be_served_without_the_protection_that_is_wanted_is_refused(environment: dict[str, str]) -> None:
    settings = read_settings(environment)
    with pytest.raises(BadSetting, match="INNWATCH_TLS_CERT"):
        check_tls(settings.listeners, settings.broker.tls)


def test_pages_that_may_open_a_websocket_are_named_and_the_consoles_is_one() -> None:
    settings = read_settings(
        {
            "INNWATCH_WS_ORIGINS": "https://Other.example:443, http://10.0.0.7:3000/",
            "INNWATCH_PUBLIC_URL": "https://watch.example/console",
        }
    )
    assert settings.broker.origins == {"https://other.example", "http://10.0.0.7:3000", "https://watch.example"}


@pytest.mark.parametrize("text", ["*", "watch.example", "null", "https://watch.example/console", "https://[::1"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="INNWATCH_WS_ORIGINS"):
        read_settings({"INNWATCH_WS_ORIGINS": text})
