"""HTTP: people log in, read and acknowledge, consoles follow the hotel's events, machines ask how it does."""

from api.app import build_app
from api.operations import Health
from api.settings import ApiSettings
from api.streams import Streams

__all__ = ["ApiSettings", "Health", "Streams", "build_app"]
