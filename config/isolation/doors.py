"""The front doors of this installation, as far as this process knows where they are."""

import ssl
from collections.abc import Sequence

from msgspec import Struct

from broker.settings import Listener, Scheme
from config.settings import Settings
from config.settings_uplink import trust
from device_bridge.mqtt_wire import BrokerAddress

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104, read, not listened on


class MqttDoor(Struct, frozen=True):
    address: BrokerAddress


class HttpDoor(Struct, frozen=True):
    url: str


class Doors(Struct, frozen=True, kw_only=True):
    """None: there is none that can be tried, for the reason beside it."""

    mqtt: MqttDoor | None
    http: HttpDoor | None
    no_mqtt: str = ""
    no_http: str = ""


def own_doors(settings: Settings, reach: Sequence[Listener], *, http_port: int) -> Doors:
    """Of `up`: the listeners that it opened itself, or the broker that it was told of, and its own API."""
    host = _at(settings.host)
    http = HttpDoor(f"http://{f'[{host}]' if ':' in host else host}:{http_port}")
    if settings.broker_url is not None:
        return far_doors(settings, http=http)
    plain = next((one for one in reach if one.scheme is Scheme.MQTT), None)
    secure = next((one for one in reach if one.scheme is Scheme.MQTTS), None)
    listener = plain or secure
    if listener is None:
        return Doors(mqtt=None, http=http, no_mqtt="the broker listens for websockets only")
    tls = None if plain else _ourselves()
    return Doors(mqtt=MqttDoor(BrokerAddress(_at(listener.host), listener.port, tls)), http=http)


def far_doors(settings: Settings, *, http: HttpDoor | None = None) -> Doors:
    """Of a process beside which others serve. Raises BadSetting when the broker's authorities cannot be read."""
    url = settings.broker_url
    web = http or (HttpDoor(settings.api_url.rstrip("/")) if settings.api_url else None)
    no_http = "" if web else "INNWATCH_API_URL does not say where the API is"
    if url is None or not url.is_ours:
        return Doors(mqtt=None, http=web, no_mqtt="the broker is not ours and knows no tokens", no_http=no_http)
    address = BrokerAddress(url.host, url.port, trust(url, ca=settings.broker_ca))
    return Doors(mqtt=MqttDoor(address), http=web, no_http=no_http)


def _at(host: str) -> str:
    return _ANYWHERE.get(host, host)


def _ourselves() -> ssl.SSLContext:
    """For a listener of this process: its certificate is for another name than the one by which we reach it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
