"""Where others find us, as the settings say; else by the host name that whoever asks has found us by."""

import re
from urllib.parse import urlsplit

from api.parameters import Asked
from api.problems import invalid
from api.records import BrokerPlace
from api.settings import ApiSettings

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_PORT = re.compile(r":[0-9]{1,5}\Z")


class Addresses:
    """`here` is of the console, `broker` of MQTT for one tablet."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings

    def here(self, request: Asked) -> str:
        """Return the address under which this API is reached, without a slash at its end. Raises Refused (400)."""
        if self._settings.public_url is not None:
            return self._settings.public_url.rstrip("/")
        return f"{request.scope['scheme']}://{_host_and_port(request)}"

    def broker(self, request: Asked, *, sub: str) -> BrokerPlace:
        """Return where a tablet connects and as whom. Raises Refused (400)."""
        host, said = self._host(request), self._settings
        url = said.public_mqtt_url
        if url is None and said.mqtt_tcp is not None:
            url = f"{'mqtts' if said.mqtt_tcp.secure else 'mqtt'}://{host}:{said.mqtt_tcp.port}"
        websocket = f"{'wss' if said.mqtt_secure else 'ws'}://{host}:{said.mqtt_port}{said.mqtt_path}"
        return BrokerPlace(url=url, websocket_url=websocket, client_id=sub, username=sub)

    def _host(self, request: Asked) -> str:
        """As it is written in an address: that of IPv6 in brackets."""
        if self._settings.public_url is None:
            return _PORT.sub("", _host_and_port(request))
        name = urlsplit(self._settings.public_url).hostname or ""
        return f"[{name}]" if ":" in name else name


def _host_and_port(request: Asked) -> str:
    said = request.headers.get("host", "")
    if _HOST.fullmatch(_PORT.sub("", said)) is None:
        raise invalid("Host", "names no host")
    return said
