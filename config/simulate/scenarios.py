"""What can happen to a tablet. A scenario moves its world and yields the seconds until the next step."""

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from config.simulate.agent import Agent
from config.simulate.names import Scenario
from config.simulate.tablet import ROOM_WARM
from rules.ids import RoomId
from rules.messages import ReportKind
from rules.room_status import PmsKind

FOREIGN_ACCESS_POINT = "06:f0:0e:16:00:01"
"""Locally administered, and nobody's room: the café over the road."""

Steps = Iterator[float]


class Stage(Struct, frozen=True):
    """Who it happens to, and what stands around: the access point of the room next door, if there is one, and the
    hotel's front desk.
    """

    agent: Agent
    next_door: str | None
    front_desk: Callable[[PmsKind, RoomId], None]


def walk_away(stage: Stage) -> Steps:
    """The signal falls; then the tablet roams next door; then to an access point that is not the hotel's."""
    agent, tablet = stage.agent, stage.agent.tablet
    for dbm in (-64.0, -71.0, -78.0, -84.0):
        tablet.signal = dbm
        yield 4
    yield 20
    agent.report(ReportKind.BREACH, "weak-signal")
    if stage.next_door is not None:
        tablet.bssid, tablet.signal = stage.next_door, -68.0
        yield 40
    tablet.bssid, tablet.signal = FOREIGN_ACCESS_POINT, -74.0
    yield 10
    agent.report(ReportKind.BREACH, "foreign-ap")
    yield 40


def recovery(stage: Stage) -> Steps:
    """A walk that ends where it began."""
    yield from walk_away(stage)
    tablet = stage.agent.tablet
    tablet.bssid, tablet.signal = tablet.identity.bssid, tablet.at_home
    yield 10
    stage.agent.report(ReportKind.RECOVERY)
    yield 40


def wifi_off(stage: Stage) -> Steps:
    """The radio is off long enough for a silence in either profile; then the backlog explains it."""
    stage.agent.wifi_off()
    yield 90
    stage.agent.wifi_on()
    yield 40


def battery_low(stage: Stage) -> Steps:
    """The battery runs down past both thresholds, and somebody plugs it in."""
    tablet = stage.agent.tablet
    tablet.minded = tablet.charging = False
    tablet.battery = min(tablet.battery, 30)
    while tablet.battery > 8:
        tablet.battery -= 2
        yield 6
    tablet.charging = True
    while tablet.battery < 40:
        tablet.battery += 3
        yield 6
    tablet.minded = True


def check_out(stage: Stage) -> Steps:
    """The guest takes the tablet along and checks out; at the door somebody asks, and it is put back."""
    tablet, room = stage.agent.tablet, stage.agent.tablet.identity.room_id
    stage.front_desk(PmsKind.CHECKIN, room)
    yield 10
    tablet.bssid, tablet.signal = FOREIGN_ACCESS_POINT, -74.0
    yield 40
    stage.front_desk(PmsKind.CHECKOUT, room)
    yield 60
    tablet.bssid, tablet.signal = tablet.identity.bssid, tablet.at_home
    yield 360


def tampering(stage: Stage) -> Steps:
    """Somebody leaves the kiosk, switches USB debugging on and roots the tablet; then it is set up anew."""
    agent = stage.agent
    agent.tablet.kiosk = False
    agent.report(ReportKind.TAMPER, "kiosk-exit")
    yield 20
    agent.report(ReportKind.TAMPER, "usb-debug")
    yield 20
    agent.report(ReportKind.TAMPER, "root")
    yield 60
    agent.tablet.kiosk = True
    agent.report(ReportKind.TAMPER)
    yield 40


def overheat(stage: Stage) -> Steps:
    """The tablet lies in the sun, and is taken out of it."""
    tablet = stage.agent.tablet
    for celsius in (36.0, 41.0, 44.0, 46.0, 47.0):
        tablet.celsius = celsius
        yield 12
    yield 30
    for celsius in (44.0, 41.0, ROOM_WARM):
        tablet.celsius = celsius
        yield 12


HEALING: tuple[Callable[[Stage], Steps], ...] = (recovery, wifi_off, battery_low)

STORIES: Mapping[Scenario, Callable[[Stage], Steps]] = {
    Scenario.WALK_AWAY: walk_away,
    Scenario.RECOVERY: recovery,
    Scenario.WIFI_OFF: wifi_off,
    Scenario.BATTERY_LOW: battery_low,
    Scenario.CHECK_OUT: check_out,
    Scenario.TAMPERING: tampering,
    Scenario.OVERHEAT: overheat,
}
