"""Arguments and options that several commands share, and what makes a value acceptable. Imports nothing heavy."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from typer.models import OptionInfo

from config.addresses import is_web_address
from config.cli.printing import warn
from config.settings_uplink import BrokerUrl, read_broker_url
from rules.ids import NO_ID, DeviceId, HotelId, IntegratorName, RoomId, UserName, is_id
from rules.mail import is_mail_address
from rules.place import normal_bssid

Id = TypeVar("Id", HotelId, RoomId, DeviceId, UserName, IntegratorName)

LONGEST_NAME = 200
LONGEST_LIFE = timedelta(days=3_650)


def id_text(text: str) -> str:
    if not is_id(text):
        raise typer.BadParameter(f"{text!r} {NO_ID}")
    return text


def length_text(text: str) -> timedelta:
    from config.variable import seconds

    found = seconds(text)
    if not found:
        raise typer.BadParameter(f"{text!r} is no time such as 30m, 2h or 1d")
    if found > LONGEST_LIFE.total_seconds():
        raise typer.BadParameter(f"{text!r} is too long: {LONGEST_LIFE.days} days at most")
    return timedelta(seconds=found)


def _name(text: str) -> str:
    if not (text.strip() and text.isprintable() and len(text) <= LONGEST_NAME):
        raise typer.BadParameter(f"a name has 1 to {LONGEST_NAME} printable characters")
    return text.strip()


def _time_zone(text: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text).key
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
        raise typer.BadParameter(f"{text!r} is no time zone; use a name such as Europe/Berlin") from None


def _bssid(text: str) -> str:
    bssid = normal_bssid(text)
    if bssid is None:
        raise typer.BadParameter(f"{text!r} is no access point's BSSID; use six bytes such as a4:2b:b0:c1:d2:e3")
    return bssid


def _mail_address(text: str) -> str:
    if not is_mail_address(text):
        raise typer.BadParameter(f"{text!r} is no mail address; use one such as desk@example.com")
    return text


def _webhook(text: str) -> str:
    if not is_web_address(text):  # not repeated: whoever knows a webhook's URL may post
        raise typer.BadParameter("not a whole URL; use the one that Slack shows, https://hooks.slack.com/services/…")
    return text


def life(seconds: int | None) -> timedelta | None:
    """What `--ttl` says; None when it says nothing."""
    return None if seconds is None else timedelta(seconds=seconds)


def broker_at(text: str | None) -> BrokerUrl | None:
    """What `--broker` says. Raises BadSetting."""
    if text is None:
        return None
    url = read_broker_url(text, name="--broker")
    if url.password is not None:
        warn_of_password("--broker", instead="INNWATCH_BROKER_FILE")
    return url


def warn_of_password(option: str, *, instead: str) -> None:
    """Say that a command line is no place for a secret."""
    warn(f"{option} has a password in it, which others on this machine can read (ps): name a file by {instead}")


def _port(option: str, what: str, *, default: str) -> OptionInfo:
    port: OptionInfo = typer.Option(option, help=what, min=0, max=65_535, metavar="PORT", show_default=default)
    return port


Host = Annotated[
    str | None, typer.Option("--host", help="The address to listen on.", show_default="INNWATCH_HOST, or 127.0.0.1")
]
HttpPort = Annotated[int | None, _port("--http-port", "Console and API.", default="INNWATCH_HTTP_PORT, or 8080")]
MqttPort = Annotated[int | None, _port("--mqtt-port", "MQTT over TCP.", default="INNWATCH_MQTT_PORT, or 1883")]
WsPort = Annotated[
    int | None,
    _port("--ws-port", "MQTT over websocket; with --broker, the broker's.", default="INNWATCH_WS_PORT, or 8083"),
]
_HEALTH = "/health/live, /health/ready and /metrics."
BrokerHealthPort = Annotated[
    int | None, _port("--health-port", _HEALTH, default="INNWATCH_BROKER_HEALTH_PORT, or 8082")
]
BridgeHealthPort = Annotated[
    int | None, _port("--health-port", _HEALTH, default="INNWATCH_BRIDGE_HEALTH_PORT, or 8084")
]
WorkerHealthPort = Annotated[
    int | None, _port("--health-port", _HEALTH, default="INNWATCH_WORKER_HEALTH_PORT, or 8085")
]
BrokerAt = Annotated[
    str | None,
    typer.Option(
        "--broker",
        help="The broker's address (mqtt:// or mqtts://); one with a password in INNWATCH_BROKER_FILE.",
        metavar="URL",
        show_default="INNWATCH_BROKER",
    ),
]
Listen = Annotated[
    list[str] | None,
    typer.Option(
        "--listen",
        help="An address for MQTT (mqtt, mqtts, ws or wss://…), instead of --mqtt-port and --ws-port; repeatable.",
        metavar="URL",
        show_default="INNWATCH_LISTEN",
    ),
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The data folder.", show_default="INNWATCH_DATA, or ./data")
]
ForTests = Annotated[bool, typer.Option("--for-tests", help="Make a folder whose clock may be moved (INNWATCH_CLOCK).")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
HotelArgument = Annotated[str, typer.Argument(metavar="HOTEL", help="The hotel's id.", parser=id_text)]
RoomArgument = Annotated[str, typer.Argument(metavar="ROOM", help="The room's id.", parser=id_text)]
DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="The tablet's id.", parser=id_text)]
PersonArgument = Annotated[str, typer.Argument(metavar="NAME", help="The person's login name.", parser=id_text)]
IntegratorArgument = Annotated[str, typer.Argument(metavar="NAME", help="The integrator's name.", parser=id_text)]
Name = Annotated[str | None, typer.Option("--name", help="A name for people.", parser=_name, metavar="TEXT")]
TimeZone = Annotated[str, typer.Option("--timezone", help="IANA time zone.", parser=_time_zone, metavar="ZONE")]
AccessPoints = Annotated[
    list[str] | None,
    typer.Option("--ap", help="BSSID of an access point of the room; repeatable.", parser=_bssid, metavar="BSSID"),
]
Emails = Annotated[
    list[str] | None,
    typer.Option("--email", help="Who gets alerts by mail; repeatable.", parser=_mail_address, metavar="ADDRESS"),
]
SlackWebhook = Annotated[
    str | None,
    typer.Option("--slack-webhook", help="Where alerts go in Slack.", parser=_webhook, metavar="URL"),
]
Ttl = Annotated[
    int | None,
    typer.Option(
        "--ttl", help="Life of the token in seconds.", metavar="SECONDS", min=1, max=int(LONGEST_LIFE.total_seconds())
    ),
]
