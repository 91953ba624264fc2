"""What scenarios are called: apart from what they do, so that the command line can name them without loading it."""

from enum import StrEnum


class Scenario(StrEnum):
    CALM = "calm"
    WALK_AWAY = "walk-away"
    RECOVERY = "recovery"
    WIFI_OFF = "wifi-off"
    BATTERY_LOW = "battery-low"
    CHECK_OUT = "check-out"
    TAMPERING = "tampering"
    OVERHEAT = "overheat"
    DEMO = "demo"  # one of those that heal, now and then, to one tablet after the other
