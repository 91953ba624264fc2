"""Where the browsers of consoles and the tablets find the broker, and what else the API is told."""

from collections.abc import Sequence

from api.settings import ApiSettings, MqttTcp
from broker.settings import Listener
from config.errors import BadSetting
from config.settings import PUBLIC_URL, PUBLIC_WS_URL, PublicWs, Settings
from config.settings_broker import LISTEN


def api_settings(settings: Settings, reach: Sequence[Listener]) -> ApiSettings:
    """`reach`: where the broker listens. Raises BadSetting."""
    place = websocket_for_browsers(settings, reach)
    return ApiSettings(
        mqtt_port=place.port,
        mqtt_path=place.path,
        mqtt_secure=place.secure,
        mqtt_tcp=_tcp_for_tablets(reach),
        public_mqtt_url=settings.public_mqtt_url,
        public_url=settings.public_url,
        device_token_life=settings.device_token_life,
        metrics_token=settings.metrics_token,
        proxies=tuple(map(str, settings.proxies)),
        shared_token=settings.shared_token,
        origins=settings.cors_origins,
    )


def websocket_for_browsers(settings: Settings, reach: Sequence[Listener]) -> PublicWs:
    """Where browsers find the broker: beside the console, or where a TLS proxy shows it. Raises BadSetting."""
    if settings.public_ws_url is not None:
        return settings.public_ws_url
    own = _sent_to(reach, secure=(settings.public_url or "").startswith("https:"))
    if own is None:
        raise BadSetting(
            f"{LISTEN} has no websocket that consoles could use: add ws://… (wss://… where "
            f"{PUBLIC_URL} is https), or set {PUBLIC_WS_URL}"
        )
    return PublicWs(own.port, own.path, own.is_secure)


def _sent_to(listeners: Sequence[Listener], *, secure: bool) -> Listener | None:
    """The websocket that a console is sent to; from a page that came by TLS it may not be a plain one."""
    found = [one for one in listeners if one.is_websocket]
    return next((one for one in found if one.is_secure is secure), found[0] if found and not secure else None)


def _tcp_for_tablets(listeners: Sequence[Listener]) -> MqttTcp | None:
    """A listener with TLS, if there is one."""
    found = sorted((one for one in listeners if not one.is_websocket), key=lambda one: not one.is_secure)
    return MqttTcp(found[0].port, found[0].is_secure) if found else None
