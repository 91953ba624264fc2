"""Why there was no alert: an evening in which a dozen tablets do what might look like trouble, and none of it is.

One of them is silent, and one leaves its room with an empty battery: so that it is known that alarms are raised at all.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import eventually_sync
from tests.system.conftest import Install
from tests.system.installation import Installation, Json, Person, Shape, bssid_of
from tests.system.test_restart_and_silence import Tablet

pytestmark = [pytest.mark.timeout(180)]

STEP = 8
"""Seconds from one heartbeat to the next: less than the ten of the profile, for a slow machine adds its own."""

OWN_TOO = "02:00:5e:00:01:06"
FOREIGN = "02:00:5e:ff:ff:ff"


Said = Mapping[int, Mapping[str, object] | None]
"""What tablets say at a step, by number; None: nothing at all."""


class Evening:
    """Tablets that all say at each step what they are told to say; whoever is not named says that it is well."""

    def __init__(self, innwatch: Installation, clock: Path) -> None:
        self._innwatch, self._clock = innwatch, clock
        self._shift = 0
        self.began = datetime.now(UTC)
        self.tablets = {number: Tablet(innwatch, number, keepalive=60) for number in range(101, 113)}

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._shift)

    def pass_time(self, seconds: int) -> None:
        self._shift += seconds
        self._clock.write_text(str(self._shift))

    def come(self) -> None:
        for tablet in self.tablets.values():
            tablet.come()

    def step(self, said: Said | None = None, *, of: range | None = None) -> None:
        """Time passes, and everybody sends a heartbeat: as usual, with other fields, or (None) not at all."""
        self.pass_time(STEP)
        sent = []
        for number in of or self.tablets:
            fields = (said or {}).get(number, {})
            if fields is not None:
                usual: dict[str, object] = {
                    "wifiBssid": bssid_of(number),
                    "rssi": -50,
                    "battery": 80,
                    "charging": False,
                }
                sent.append(self._publish(number, "heartbeat", usual | dict(fields)))
        for message in sent:
            message.wait_for_publish(5)

    def say(self, number: int, kind: str, **fields: object) -> None:
        self._publish(number, kind, fields).wait_for_publish(5)

    def _publish(self, number: int, kind: str, fields: dict[str, object]) -> Json:
        body = {"id": f"e-{number}-{self._shift}-{kind}", "ts": self.now.isoformat(), "sid": "s-1"} | fields
        topic = f"hotels/grand/devices/tab-{number}/{kind}"
        return self.tablets[number].client.publish(topic, json.dumps(body), qos=1)


@pytest.fixture
def innwatch(install: Install, tmp_path: Path) -> Installation:
    installation = install(Shape.EMBEDDED, env={"INNWATCH_CLOCK": str(tmp_path / "clock")})
    installation.start("--for-tests")
    installation.furnish(rooms=12, profile="normal")
    installation.cli("maintenance", "add", "grand", "--room", "110", "--for", "30m", "--reason", "new wallpaper")
    installation.cli("room", "change", "grand", "106", "--ap", bssid_of(106), "--ap", OWN_TOO)
    return installation


@pytest.fixture
def evening(innwatch: Installation, tmp_path: Path) -> Iterator[Evening]:
    evening = Evening(innwatch, tmp_path / "clock")
    evening.come()
    yield evening
    for tablet in evening.tablets.values():
        tablet.leave()


def why(person: Person, number: int, *, start: datetime, end: datetime) -> list[tuple[str, str, bool]]:
    """Of each finding the family, the reason, and whether there was an alert."""
    span = {"from": start.isoformat(), "to": end.isoformat()}
    findings = person.get(f"/api/devices/tab-{number}/why", **span)["findings"]
    return [(one["family"], one["because"]["because"], one["alertId"] is not None) for one in findings]


def test_for_each_alert_that_did_not_come_the_true_reason_is_told(innwatch: Installation, evening: Evening) -> None:
    sam = innwatch.person("sam", role="manager")
    for _ in range(2):
        evening.step()
    evening.say(102, "state", state="sleeping", wakeBy=(evening.now + timedelta(minutes=5)).isoformat())
    evening.say(103, "state", state="bye", reason="reboot")
    late = {"id": "kept-1", "ts": (evening.now - timedelta(seconds=5)).isoformat(), "kind": "breach", "rssi": -90}
    evening.say(108, "backlog", items=[{"kind": "alert", "message": late}])
    innwatch.cli("device", "revoke", "grand", "tab-104")
    eventually_sync(lambda: not evening.tablets[104].client.is_connected())

    weak, out, elsewhere = {"rssi": -90}, {"rssi": -90, "battery": 20}, {"wifiBssid": OWN_TOO}
    silent: Said = dict.fromkeys((102, 103, 104, 110, 111))
    evening.step({**silent, 101: None, 105: weak, 106: elsewhere, 107: {"battery": 15, "charging": True},
                           109: {"wifiBssid": FOREIGN}, 112: out})  # fmt: skip
    evening.step({**silent, 101: None, 105: weak, 106: elsewhere, 112: {**out, "battery": 18}})
    for battery in (9, 5, 3, 2, 1):
        evening.step({**silent, 106: elsewhere, 112: {**out, "battery": battery}})
    eventually_sync(lambda: [alert for alert in sam.open_alerts() if alert["deviceId"] == "tab-111"])
    still_out: Said = {106: elsewhere, 104: None, 111: None, 112: {**out, "battery": 1}}
    evening.step(still_out)
    end = evening.now

    held_back = {
        101: ("silence", "within-allowance"),
        102: ("silence", "asleep"),
        103: ("silence", "said-goodbye"),
        104: ("silence", "token-revoked"),
        105: ("breach", "too-few-samples"),
        106: ("breach", "own-access-points"),
        107: ("battery", "low-on-charger"),
        108: ("breach", "came-late"),
        109: ("breach", "too-few-samples"),
        110: ("silence", "maintenance"),
    }
    found = {number: why(sam, number, start=evening.began, end=end) for number in evening.tablets}
    assert {number: found[number] for number in held_back} == {
        number: [(family, because, False)] for number, (family, because) in held_back.items()
    }
    assert found[111] == [("silence", "nothing-heard", True)]
    assert {(family, is_alert) for family, _, is_alert in found[112]} == {("breach", True), ("battery", True)}

    battery_is_one_alert_of_two_levels_and_the_breach_stays(sam)
    our_own_outage_is_named(innwatch, evening, sam)


def battery_is_one_alert_of_two_levels_and_the_breach_stays(sam: Person) -> None:
    alerts = {alert["family"]: alert for alert in sam.open_alerts() if alert["deviceId"] == "tab-112"}
    assert sorted(alerts) == ["battery", "breach"]
    battery = sam.get(f"/api/alerts/{alerts['battery']['id']}")
    assert (battery["rule"], battery["severity"]) == ("battery.critical", "medium")
    moves = [step for step in battery["timeline"] if step["type"].startswith("alert.")]
    assert [(step["type"], step["rule"]) for step in moves] == [
        ("alert.opened", "battery.low"),
        ("alert.changed", "battery.critical"),
    ]
    assert sam.all("/api/alerts", status="resolved") == []


def our_own_outage_is_named(innwatch: Installation, evening: Evening, sam: Person) -> None:
    """Ten minutes in which nobody listens: of a tablet that is back in time it says so."""
    gone = evening.now
    innwatch.kill()
    for tablet in evening.tablets.values():
        tablet.client.loop_stop()
    evening.pass_time(600)
    innwatch.start("--for-tests")
    evening.tablets[101].come()
    evening.step(of=range(101, 102))
    evening.step(of=range(101, 102))

    found = why(sam, 101, start=gone, end=evening.now)
    assert found == [("silence", "not-listening", False)]
