"""Why there was no alert: an evening in which a dozen tablets do what might look like trouble, and none of it is.

One of them is silent, and one leaves its room with an empty battery: so that it is known that alarms are raised at all.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import pytest

from tests.support import eventually_sync
from tests.system.conftest import Install
from tests.system.installation import Installation, Json, Person, Shape, StoppedClock, bssid_of
from tests.system.test_restart_and_silence import Tablet, tablets

STEP = 8
"""Seconds from one heartbeat to the next, of the ten that the profile allows."""

OWN_TOO = "02:00:5e:00:01:06"
FOREIGN = "02:00:5e:ff:ff:ff"

LIVING = (101, 102, 103, 105, 106, 107, 108, 109, 110, 111, 112)
"""Those that nobody revoked."""

RESTS = {("silence", "asleep", False), ("silence", "within-allowance", False)}
"""What a tablet that sleeps between its heartbeats says too."""


Said = Mapping[int, Mapping[str, object] | None]
"""What tablets say at a step, by number; None: nothing at all."""


class Evening:
    """Tablets that all say at each step what they are told to say; whoever is not named says that it is well."""

    def __init__(self, tablets: list[Tablet], clock: StoppedClock) -> None:
        self._clock = clock
        self.began = clock.now
        self.tablets = {tablet.number: tablet for tablet in tablets}

    @property
    def now(self) -> datetime:
        return self._clock.now

    def pass_time(self, seconds: float) -> None:
        self._clock.pass_by(seconds)

    def come(self) -> None:
        for tablet in self.tablets.values():
            tablet.come()

    def step(self, said: Said | None = None, *, of: Iterable[int] | None = None, seconds: int = STEP) -> None:
        """Time passes, and everybody sends a heartbeat: as usual, with other fields, or (None) not at all."""
        self.pass_time(seconds)
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
            message.wait_for_publish(20)

    def say(self, number: int, topic: str, /, **fields: object) -> None:
        self._publish(number, topic, fields).wait_for_publish(20)

    def _publish(self, number: int, kind: str, fields: dict[str, object]) -> Json:
        body = {
            "id": f"e-{number}-{round(1000 * self._clock.passed)}-{kind}",
            "ts": self.now.isoformat(),
            "sid": "s-1",
        } | fields
        topic = f"hotels/grand/devices/tab-{number}/{kind}"
        return self.tablets[number].client.publish(topic, json.dumps(body), qos=1)


@pytest.fixture
def innwatch(install: Install, clock: StoppedClock) -> Installation:
    morning = clock.now.replace(hour=9, minute=0, second=0) + timedelta(days=clock.now.hour >= 9)
    clock.pass_to((morning - clock.began).total_seconds())  # the evening's round is far away
    installation = install(Shape.EMBEDDED, env=clock.env)
    installation.start("--for-tests")
    installation.furnish(rooms=12, profile="normal")
    installation.cli("maintenance", "add", "grand", "--room", "110", "--for", "30m", "--reason", "new wallpaper")
    installation.cli("room", "change", "grand", "106", "--ap", bssid_of(106), "--ap", OWN_TOO)
    return installation


@pytest.fixture
def evening(innwatch: Installation, clock: StoppedClock) -> Iterator[Evening]:
    with tablets(innwatch, *range(101, 113), keepalive=60) as all_of_them:
        evening = Evening(all_of_them, clock)
        evening.come()
        yield evening


def why(person: Person, number: int, *, start: datetime, end: datetime) -> list[tuple[str, str, bool]]:
    """Of each finding the family, the reason, and whether there was an alert."""
    span = {"from": start.isoformat(), "to": end.isoformat()}
    findings = person.get(f"/api/devices/tab-{number}/why", **span)["findings"]
    return [(one["family"], one["because"]["because"], one["alertId"] is not None) for one in findings]


def untold(person: Person, number: int, *, start: datetime, end: datetime) -> list[str]:
    """Of each finding that is an alert, why nobody was told of it."""
    span = {"from": start.isoformat(), "to": end.isoformat()}
    findings = person.get(f"/api/devices/tab-{number}/why", **span)["findings"]
    return [one["untold"]["because"] for one in findings if one["alertId"] is not None]


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
    assert untold(sam, 111, start=evening.began, end=end) == ["no-channel"]
    assert {(family, is_alert) for family, _, is_alert in found[112]} == {("breach", True), ("battery", True)}

    battery_is_one_alert_of_two_levels_and_the_breach_stays(sam)
    so_it_is_of_what_is_rarer(innwatch, evening, sam)
    so_it_is_of_what_takes_an_hour(innwatch, evening, sam)
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


def so_it_is_of_what_is_rarer(innwatch: Installation, evening: Evening, sam: Person) -> None:
    """Of the same tablets, but for the one that is revoked; and of one that never came."""
    innwatch.cli("device", "add", "grand", "tab-113", "--room", "112")
    innwatch.cli("policy", "set", "grand", "--device", "tab-107", "docked=true")
    innwatch.cli("integrator", "add", "grand", "opera", "--scope", "pms")
    opera = Person(innwatch.url, innwatch.token("integrator", "grand", "opera"))
    for _ in range(3):
        evening.step(of=LIVING)  # what was open comes to its end, and the docked one is known to be on its dock

    def is_known_to_be_docked() -> bool:
        evening.pass_time(0.01)
        return bool(sam.get("/api/devices/tab-107/why")["levels"]["docked"] == "device")

    eventually_sync(is_known_to_be_docked)
    began = evening.now
    out = {"id": "out-103", "roomId": "103", "ts": began.isoformat()}
    assert opera.post("/api/pms/checkout", out).status_code < 300
    fast = {"ts": (evening.now + timedelta(seconds=STEP + 200)).isoformat()}
    evening.step({101: {"kiosk": False}, 102: {"tempC": 50}, 103: {"backlog": 3}, 105: {"roomId": "106"},
                  106: {"sid": "b-1"}, 107: {"plug": "none"}, 108: fast, 109: None}, of=LIVING)  # fmt: skip
    evening.step({101: {"kiosk": False}, 102: {"tempC": 50}, 103: {"backlog": 3}, 105: {"roomId": "106"},
                  106: {"sid": "s-2"}, 107: {"plug": "none"}, 109: None}, of=LIVING)  # fmt: skip
    evening.step({101: {"kiosk": False}, 103: {"backlog": 3}, 106: {"sid": "s-2"}, 107: {"plug": "none"}, 109: None},
                 of=LIVING, seconds=5)  # fmt: skip
    evening.say(109, "alert", kind="battery", level=80)
    well: Said = {101: {"kiosk": True}, 103: {"backlog": 0}, 105: {"roomId": "105"}, 106: {"sid": "s-2"},
                  107: {"plug": "ac"}}  # fmt: skip
    evening.step(well, of=LIVING, seconds=1)
    evening.step(well, of=LIVING)
    evening.pass_time(1)

    held_back = {
        101: {("tamper", "too-short", False)},
        102: {("power", "too-few-samples", False)},
        103: {("backlog", "too-short", False), ("checkout", "seen-in-its-room", False)},
        105: {("room", "too-few-samples", False)},
        106: {("identity", "too-few-take-overs", False)},
        107: {("power", "too-short", False)},
        108: {("clock", "too-few-samples", False)},
        109: {("silence", "heartbeats-late", False)},
        113: {("never-seen", "too-short", False)},
    }
    found = {number: set(why(sam, number, start=began, end=evening.now)) for number in held_back}
    assert {number: those - RESTS for number, those in found.items()} == held_back


def so_it_is_of_what_takes_an_hour(innwatch: Installation, evening: Evening, sam: Person) -> None:
    """Tablets that sleep for five minutes at a time: so batteries and tokens can be watched for most of an hour."""
    for number in (113, 110):  # the first never comes; they should be renewed from 48 minutes on
        innwatch.token("device", "grand", f"tab-{number}", "--ttl", "3400")
    began, sleepers = evening.now, [number for number in LIVING if number != 106]  # that one is in a session of its own
    for number in range(1, 11):
        for tablet in sleepers:
            evening.say(tablet, "state", state="sleeping", wakeBy=(evening.now + timedelta(minutes=10)).isoformat())
        falls: dict[int, dict[str, object]] = {
            101: {"battery": 80 - 2 * min(number, 5), "charging": number > 5},
            102: {"battery": 80 - number},
            105: {"plug": "ac" if number < 3 else "none"},
            107: {"battery": 80 - 3 * number, "plug": "ac", "charging": True},
            108: {"battery": 80 - number, "charging": number > 9},
        }
        evening.step(falls, of=sleepers, seconds=305)
    eventually_sync(lambda: [alert for alert in sam.open_alerts() if alert["family"] == "token"])
    evening.pass_time(1)  # a look back ends before now

    held_back = {
        101: {("battery", "too-short", False)},
        102: {("battery", "drains-slowly", False), ("battery", "not-yet-evening", False)},
        105: {("power", "not-docked", False)},
        107: {("battery", "falls-on-charger", False)},
        108: {("battery", "drains-slowly", False), ("battery", "charging", False)},
        110: {("token", "token-not-renewed", True)},
        113: {("token", "never-heard", False), ("never-seen", "too-short", False)},
    }
    found = {number: set(why(sam, number, start=began, end=evening.now)) for number in held_back}
    assert {number: those - RESTS for number, those in found.items()} == held_back


def our_own_outage_is_named(innwatch: Installation, evening: Evening, sam: Person) -> None:
    """Ten minutes in which nobody listens: of a tablet that is back in time it says so."""
    evening.step({109: {"screenOn": True}}, of=LIVING)
    gone = evening.now
    innwatch.kill()
    for tablet in evening.tablets.values():
        tablet.freeze()
    evening.pass_time(600)
    innwatch.start("--for-tests")
    evening.tablets[109].come()
    evening.step(of=[109])
    evening.step(of=[109])

    found = why(sam, 109, start=gone, end=evening.now)
    assert found == [("silence", "not-listening", False)]
