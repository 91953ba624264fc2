"""What the API is told by whoever wires it."""

from datetime import timedelta
from pathlib import Path

from msgspec import Struct

from broker.shared_token import SharedToken

CONSOLE = Path(__file__).parent / "console"


class MqttTcp(Struct, frozen=True):
    """Where tablets find the broker, on the host name that they found us by."""

    port: int
    secure: bool


class ApiSettings(Struct, frozen=True, kw_only=True):
    """`mqtt_*` is where browsers find the broker: the port really bound, and what a TLS proxy makes of it.

    Tablets find it at `public_mqtt_url`, else at `mqtt_tcp`; people find us at `public_url`, else where they asked.
    `metrics_token` opens /metrics to machines other than this one. `console` is the folder of the static page.
    `proxies`, networks such as 10.0.0.0/8, are believed when they say for whom they speak.
    `shared_token` is what tablets of the old system have in common; None: nobody is let in by it. `origins` are the web
    pages of other hosts, such as https://desk.example, that may use the API.
    `streams_of_one` is how many event streams one person or integrator may have open, in one hotel.
    """

    mqtt_port: int
    mqtt_path: str = "/mqtt"
    mqtt_secure: bool = False
    mqtt_tcp: MqttTcp | None = None
    public_mqtt_url: str | None = None
    public_url: str | None = None
    device_token_life: timedelta = timedelta(days=30)
    user_token_life: timedelta = timedelta(hours=12)
    metrics_token: str | None = None
    proxies: tuple[str, ...] = ()
    shared_token: SharedToken | None = None
    origins: tuple[str, ...] = ()
    console: Path = CONSOLE
    streams_at_most: int = 1024
    streams_of_one: int = 20
    keep_alive: timedelta = timedelta(seconds=15)
