"""Many silences, one cause; and the silence that none of them explains."""

import pickle
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.absence import Absent, Sample, Spot, is_absent, is_online, set_apart, spots_of, why_apart
from rules.alarm import Occasion
from rules.alerts import Because, ChangeKind, Family, Reason, Severity
from rules.deadlines import deadline, pass_deadline
from rules.dismissal import dismiss
from rules.evaluate import evaluate
from rules.gap import Gap
from rules.gap import shifted as shift
from rules.ids import AlertId, DeviceId, HotelId, IncidentId, MessageId, RoomId
from rules.incident import Outage, Scope
from rules.messages import DeviceMessage, Heartbeat, Report, ReportKind
from rules.outage import Incident, IncidentChange, Outages, Turn, follow, left_behind, without_strangers
from rules.outage import deadline as split_at
from rules.outage import pass_deadline as split
from rules.policy import Assignment, Place, Policy
from rules.power import is_plugged
from rules.response import Resolved
from rules.silences import Silences
from rules.state import DeviceState, Verdict
from tests.rules.given import NOON, after

FLOORS = {"1": "aa:00:00:00:01", "2": "aa:00:00:00:02"}


def crowd_of(tablets: Iterable[tuple[DeviceState, Assignment]]) -> Counter[Spot]:
    """How many are online at each spot of a hotel."""
    return Counter(spot for state, assignment in tablets if is_online(state) for spot in spots_of(state, assignment))


class Hotel:
    """A hotel whose tablets are heard every ten seconds until told otherwise, and judged every five seconds."""

    def __init__(self, tablets: dict[str, tuple[str, str]]) -> None:
        """Each tablet with its floor and its access point."""
        everywhere = frozenset(ap for _, ap in tablets.values())
        self.assigned = {
            name: Assignment(
                hotel_id=HotelId("demo"),
                device_id=DeviceId(name),
                place=Place(
                    room_id=RoomId(name),
                    floor=floor,
                    access_points=frozenset({ap}),
                    hotel_access_points=everywhere,
                ),
                policy=Policy(rssi_floor=-75),
            )
            for name, (floor, ap) in tablets.items()
        }
        self.states = dict.fromkeys(tablets, DeviceState())
        self.samples: dict[str, list[Sample]] = {name: [] for name in tablets}
        self.outages = Outages()
        self.incidents: list[IncidentChange] = []
        self.told: list[tuple[str, ChangeKind]] = []  # of alerts for which no incident spoke
        self.gone: set[str] = set()
        self.watching_since = NOON
        self.second = 0

    def run(self, until: int) -> None:
        while self.second < until:
            self.second += 5
            for name in self.assigned:
                if self.second % 10 == 0 and name not in self.gone:
                    self.beat(name)
            for name in self.assigned:
                self._pass(name)
            due = split_at(self.outages, watching_since=self.watching_since, grace=timedelta(seconds=60))
            if due is not None and due <= after(self.second):
                self._split(due)

    def beat(self, name: str, *, rssi: float = -50, bssid: str | None = None, charging: bool = True) -> None:
        heartbeat = Heartbeat(
            id=MessageId(f"{name}-{self.second}-{rssi}"),
            ts=after(self.second),
            rssi=rssi,
            wifi_bssid=bssid or next(iter(self.assigned[name].place.access_points)),
            battery=80,
            charging=charging,
        )
        self.samples[name].append(Sample(after(self.second), rssi, is_plugged(heartbeat), heartbeat.wifi_bssid))
        self.hear(name, heartbeat)

    def hear(self, name: str, message: DeviceMessage) -> None:
        verdict = evaluate(self.states[name], message, assignment=self.assigned[name], now=after(self.second))
        self._take(name, verdict, Occasion(self.assigned[name], message.id, after(self.second)))

    def resolve(self, name: str, *, as_severe: Severity = Severity.CRITICAL) -> None:
        """A person ends the tablet's silence by hand, as severe as it may be, or until it is more than that."""
        alert, at = self.states[name].alerts[Family.SILENCE], after(self.second)
        deed = Resolved(alert_id=alert.id, family=Family.SILENCE, severity=as_severe, by="ana", at=at)
        occasion = Occasion(self.assigned[name], "deed", at)
        self._take(name, dismiss(self.states[name], deed, occasion=occasion), occasion)

    def _pass(self, name: str) -> None:
        while True:
            assignment, state = self.assigned[name], self.states[name]
            due = deadline(state, assignment=assignment, watching_since=self.watching_since)
            if due is None or due > after(self.second):
                return
            verdict = pass_deadline(state, assignment=assignment, watching_since=self.watching_since, at=due)
            self._take(name, verdict, Occasion(assignment, due.isoformat(), due))

    def _take(self, name: str, verdict: Verdict, occasion: Occasion) -> None:
        before = self.states[name]
        if is_absent(verdict.state) and not is_absent(before):
            reason = why_apart(verdict.state, self.samples[name], assignment=self.assigned[name])
            verdict = verdict if reason is None else set_apart(verdict, reason, occasion=occasion)
        self.states[name] = verdict.state
        made = follow(
            self.outages,
            before,
            verdict.state,
            crowd=lambda: crowd_of((self.states[one], self.assigned[one]) for one in self.assigned),
            watching_since=self.watching_since,
            occasion=occasion,
        )
        self.incidents += made
        if self.outages.incident_of(DeviceId(name)) is None:
            self.told += [(name, change.kind) for change in verdict.changes]

    def _split(self, due: object) -> None:
        at = split_at(self.outages, watching_since=self.watching_since, grace=timedelta(seconds=60))
        assert at == due
        assert at is not None
        made = split(self.outages, watching_since=self.watching_since, grace=timedelta(seconds=60), at=at)
        self.incidents += made
        for change in made:
            for name in change.lost:
                assert change.left is not None
                occasion = Occasion(self.assigned[name], "split", at)
                verdict = left_behind(self.states[name], change.left, occasion=occasion)
                self.states[name] = verdict.state
                self.told += [(name, one.kind) for one in verdict.changes]

    def opened(self) -> list[IncidentChange]:
        return [change for change in self.incidents if change.turn is Turn.OPENED]

    def closed(self) -> list[IncidentChange]:
        return [change for change in self.incidents if change.turn is Turn.CLOSED]


def floor(number: str, tablets: int, *, aps: int = 1) -> dict[str, tuple[str, str]]:
    """A floor with `tablets` tablets on `aps` access points."""
    return {f"{number}-{one:02}": (number, f"{FLOORS[number]}:{one % aps:02x}") for one in range(tablets)}


def names(prefix: str, hotel: Hotel) -> list[str]:
    return [name for name in hotel.assigned if name.startswith(prefix)]


def vanish(hotel: Hotel, gone: Iterable[str], *, at: int = 60) -> None:
    hotel.run(at)
    hotel.gone |= set(gone)


def test_an_access_point_that_fails_is_one_incident_and_who_does_not_return_is_one_alert() -> None:
    hotel = Hotel(floor("1", 40) | floor("2", 40, aps=20))
    vanish(hotel, names("1-", hotel))
    hotel.run(300)
    (opened,) = hotel.opened()
    assert (opened.incident.rule, opened.incident.scope) == (Outage.AREA, Scope.ACCESS_POINT)
    assert hotel.incidents[-1].incident.members == 40
    hotel.gone = {"1-07"}
    hotel.run(490)
    assert hotel.closed() == []
    hotel.run(520)
    (closed,) = hotel.closed()
    assert (closed.incident.members, closed.incident.back, closed.incident.lost) == (40, 39, 1)
    assert closed.lost == ("1-07",)
    alert = hotel.states["1-07"].alerts[Family.SILENCE]
    assert (alert.severity, alert.why[0].because) == (Severity.CRITICAL, Because.DID_NOT_RETURN)
    worse = [name for name, kind in hotel.told if kind is ChangeKind.WORSENED]
    assert worse == ["1-07"]


@pytest.mark.parametrize("tablets", [3, 4, 5])
def test_of_however_few_the_one_that_does_not_return_is_told_by_itself(tablets: int) -> None:
    hotel = Hotel(floor("1", tablets) | floor("2", 30))
    vanish(hotel, names("1-", hotel))
    hotel.run(300)
    hotel.gone = {"1-01", "1-02"}
    hotel.run(400)
    assert hotel.outages.incidents[0].back_at is None  # two of so few are not one
    hotel.gone = {"1-01"}
    hotel.run(620)
    (closed,) = hotel.closed()
    assert (closed.incident.members, closed.lost) == (tablets, ("1-01",))
    assert hotel.told[-1] == ("1-01", ChangeKind.WORSENED)


def test_of_three_two_that_are_gone_again_are_waited_for_anew() -> None:
    hotel = Hotel(floor("1", 3) | floor("2", 30))
    vanish(hotel, names("1-", hotel))
    hotel.run(300)
    hotel.gone = {"1-01"}
    hotel.run(330)
    assert hotel.outages.incidents[0].back_at is not None
    hotel.gone = {"1-01", "1-02"}
    hotel.run(400)
    assert hotel.outages.incidents[0].back_at is None


def test_it_is_told_that_one_did_not_return_however_severe_its_silence_had_become_meanwhile() -> None:
    hotel = Hotel(floor("1", 5) | floor("2", 20))
    vanish(hotel, names("1-", hotel))
    hotel.run(60 + 700)
    assert hotel.states["1-00"].alerts[Family.SILENCE].severity is Severity.CRITICAL
    hotel.gone = {"1-00"}
    hotel.run(60 + 700 + 240)
    assert hotel.told[-1] == ("1-00", ChangeKind.WORSENED)


@pytest.mark.parametrize(
    ("tablets", "gone", "incidents"),
    [(10, 3, 0), (10, 4, 1), (4, 2, 0), (4, 3, 1), (5, 3, 1)],
    ids=["a third", "40 percent", "only two", "three of four", "three of five"],
)
def test_an_area_is_out_when_three_and_40_percent_of_it_are_silent(tablets: int, gone: int, incidents: int) -> None:
    hotel = Hotel(floor("1", tablets) | floor("2", 30))
    vanish(hotel, names("1-", hotel)[:gone])
    hotel.run(200)
    assert len(hotel.opened()) == incidents


def test_silences_that_begin_too_far_apart_have_no_one_cause() -> None:
    hotel = Hotel(floor("1", 4) | floor("2", 30))
    for number, name in enumerate(names("1-", hotel)[:3]):
        vanish(hotel, [name], at=60 + 100 * number)
    hotel.run(400)
    assert hotel.incidents == []


def test_rooms_with_an_access_point_each_fail_as_a_floor() -> None:
    hotel = Hotel(floor("1", 10, aps=10) | floor("2", 40, aps=40))
    vanish(hotel, names("1-", hotel))
    hotel.run(200)
    (opened,) = hotel.opened()
    assert (opened.incident.scope, opened.incident.place) == (Scope.FLOOR, "1")
    assert hotel.incidents[-1].incident.members == 10


def test_a_floor_that_fails_access_point_by_access_point_is_one_incident_at_last() -> None:
    hotel = Hotel(floor("1", 15, aps=3) | floor("2", 40, aps=20))
    vanish(hotel, names("1-", hotel))
    hotel.run(200)
    (incident,) = hotel.outages.incidents
    assert (incident.spot.scope, incident.spot.place, incident.members) == (Scope.FLOOR, "1", 15)
    assert incident.id == hotel.opened()[0].incident.id
    assert all(change.into == incident.id for change in hotel.closed())


def test_a_failed_access_point_is_no_failed_floor_although_it_is_half_of_it() -> None:
    hotel = Hotel(floor("1", 20, aps=2) | floor("2", 40, aps=20))
    vanish(hotel, [name for name in hotel.assigned if name.startswith("1-") and int(name[2:]) % 2 == 0])
    hotel.run(200)
    (incident,) = hotel.outages.incidents
    assert (incident.spot.scope, incident.members) == (Scope.ACCESS_POINT, 10)


def test_a_hotel_of_which_60_percent_are_silent_is_out_as_one() -> None:
    hotel = Hotel(floor("1", 10, aps=2) | floor("2", 10, aps=2))
    vanish(hotel, [*names("1-", hotel), *names("2-", hotel)[:3]])
    hotel.run(200)
    (incident,) = hotel.outages.incidents
    assert (incident.spot.scope, incident.members) == (Scope.HOTEL, 13)
    assert hotel.incidents[-1].incident.rule is Outage.HOTEL
    hotel.gone = set()
    hotel.run(300)
    assert not hotel.outages
    assert hotel.closed()[-1].incident.lost == 0


@pytest.mark.parametrize("how", ["carried off", "on a foreign Wi-Fi", "unplugged", "said so"])
def test_one_that_moved_as_it_vanished_is_told_at_once_and_never_part_of_an_outage(how: str) -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 30))
    hotel.run(55)
    match how:
        case "carried off":
            hotel.beat("1-00", rssi=-66)
        case "on a foreign Wi-Fi":
            hotel.beat("1-00", bssid="ff:00:00:00:00:01")
        case "unplugged":
            hotel.beat("1-00", charging=False)
        case _:
            report = Report(id=MessageId("r"), ts=after(55), kind=ReportKind.BREACH, cause="wifi-off")
            hotel.hear("1-00", report)
    hotel.gone = set(names("1-", hotel))
    hotel.run(200)
    (incident,) = hotel.outages.incidents
    assert incident.members == 9
    assert "1-00" not in incident.silent
    assert ("1-00", ChangeKind.OPENED) in hotel.told
    reasons = {reason.because for reason in hotel.states["1-00"].alerts[Family.SILENCE].why}
    expected = {
        "carried off": Because.SIGNAL_FELL,
        "on a foreign Wi-Fi": Because.FOREIGN,
        "unplugged": Because.UNPLUGGED,
        "said so": Because.WIFI_OFF,
    }
    assert expected[how] in reasons


def test_a_signal_that_fell_longer_ago_than_a_minute_moved_nobody() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 30))
    hotel.run(60)
    for second in range(70, 140, 10):
        hotel.gone = {"1-00"}
        hotel.run(second)
        hotel.beat("1-00", rssi=-66)
    hotel.gone = set(names("1-", hotel))
    hotel.run(250)
    assert "1-00" in hotel.outages.incidents[0].silent


def test_one_that_falls_silent_by_itself_long_after_is_not_hidden_by_an_outage_that_lasts() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 40))
    vanish(hotel, names("1-", hotel)[:6])
    hotel.run(400)
    vanish(hotel, ["1-08"], at=600)
    hotel.run(700)
    assert hotel.outages.incidents[0].members == 6
    assert ("1-08", ChangeKind.OPENED) in hotel.told


def test_one_that_came_back_and_is_gone_again_while_the_others_return_is_waited_for_with_them() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 40))
    vanish(hotel, names("1-", hotel))
    vanish(hotel, [], at=200)
    hotel.gone = {"1-00"}
    hotel.run(230)
    hotel.gone = {"1-00", "1-01"}
    hotel.run(500)
    (closed,) = hotel.closed()
    assert (closed.incident.members, closed.incident.back, closed.lost) == (10, 8, ("1-00", "1-01"))


def test_nobody_waits_for_one_whose_silence_a_person_resolved() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 40))
    vanish(hotel, names("1-", hotel))
    hotel.run(200)
    hotel.resolve("1-00")
    assert "1-00" not in hotel.outages.incidents[0].silent
    vanish(hotel, [], at=210)
    hotel.gone = {"1-00"}
    hotel.run(600)
    (closed,) = hotel.closed()
    assert (closed.lost, hotel.outages.incidents) == ((), [])
    assert ("1-00", ChangeKind.WORSENED) not in hotel.told


def test_a_resolved_silence_that_fires_again_long_after_tears_no_outage_apart() -> None:
    hotel = Hotel(floor("1", 5) | floor("2", 30, aps=20))
    vanish(hotel, ["2-00"])
    hotel.run(140)
    hotel.resolve("2-00", as_severe=Severity.HIGH)
    vanish(hotel, ["1-00", "1-01"], at=650)
    vanish(hotel, ["1-02", "1-03", "1-04"], at=675)
    hotel.run(900)

    (opened,) = hotel.opened()
    last = hotel.incidents[-1].incident
    assert (opened.incident.place, last.members, last.back) == ("aa:00:00:00:01:00", 5, 0)
    assert hotel.told.count(("2-00", ChangeKind.REOPENED)) == 1  # between the two, as critical


def test_what_people_resolved_by_hand_is_not_back() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 40))
    vanish(hotel, names("1-", hotel))
    hotel.run(200)
    for name in names("1-", hotel)[:8]:
        hotel.resolve(name)
    (incident,) = hotel.outages.incidents
    assert (incident.members, incident.back, incident.back_at) == (10, set(), None)
    hotel.run(600)
    assert hotel.closed() == []

    hotel.gone = {"1-08", "1-09"}  # heard again, it is back whoever resolved what
    hotel.run(640)
    assert (len(incident.back), incident.back_at is None) == (8, False)
    hotel.run(900)
    (closed,) = hotel.closed()
    assert (closed.incident.back, closed.lost) == (8, ("1-08", "1-09"))


def test_what_was_removed_is_not_back() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 40))
    vanish(hotel, names("1-", hotel))
    hotel.run(200)
    left = {"1-08", "1-09"}
    made = without_strangers(hotel.outages, lambda name: name in left, at=after(200))
    (incident,) = hotel.outages.incidents
    assert (len(made), set(incident.silent), incident.back, incident.back_at) == (8, left, set(), None)


def test_an_incident_that_lasts_is_told_again_every_hour() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 40))
    vanish(hotel, names("1-", hotel))
    hotel.run(200)
    (opened,) = hotel.opened()
    lasting: list[IncidentChange] = []
    for hours in (1, 2):
        due = split_at(hotel.outages, watching_since=NOON, grace=timedelta(seconds=60))
        assert due == opened.at + timedelta(hours=hours)
        lasting += split(hotel.outages, watching_since=NOON, grace=timedelta(seconds=60), at=due)
    _, lasts = lasting

    assert (lasts.turn, lasts.lost) == (Turn.LASTS, ())
    assert [reason.because for reason in lasts.incident.why] == [Because.AREA_SILENT, Because.STILL_FIRING]
    assert lasts.incident.why[1].observed == 7200


def test_when_half_are_back_the_others_have_a_quarter_of_an_hour() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 40))
    vanish(hotel, names("1-", hotel))
    hotel.run(300)
    missing = set(names("1-", hotel)[5:])
    hotel.gone = set(missing)
    hotel.run(320 + 890)
    assert hotel.closed() == []
    hotel.run(320 + 910)

    (closed,) = hotel.closed()
    assert (closed.incident.back, set(closed.lost)) == (5, missing)
    assert closed.left == Reason(Because.DID_NOT_RETURN, observed=900, limit=900, since=after(320))
    assert {name for name, kind in hotel.told if kind is ChangeKind.WORSENED} == missing


def test_one_that_comes_and_goes_puts_off_nobodys_quarter_of_an_hour() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 40))
    vanish(hotel, names("1-", hotel))
    hotel.run(300)
    missing, flaps = set(names("1-", hotel)[6:]), "1-00"
    hotel.gone = set(missing)
    while hotel.second < 310 + 920:
        hotel.gone ^= {flaps}
        hotel.run(hotel.second + 120)
    (closed,) = hotel.closed()
    assert missing <= set(closed.lost)


def test_what_a_copy_is_told_its_original_does_not_know() -> None:
    hotel = Hotel(floor("1", 10) | floor("2", 40))
    vanish(hotel, [*names("1-", hotel), "2-00"])
    hotel.run(200)
    before, twin = seen(hotel.outages), hotel.outages.copy()
    kept, hotel.outages = hotel.outages, twin
    hotel.gone = {"1-00", "2-01"}
    hotel.run(400)

    assert seen(kept) == before
    assert seen(twin) != before


def seen(outages: Outages) -> object:
    silences = [outages.alone, outages.lately, *(one.silent for one in outages.incidents)]
    spots = {spot for one in silences for _, absent in one.items() for spot in absent.spots}
    counted = [{spot: (one.near(after(100), spot), dict(one.there(spot))) for spot in spots} for one in silences]
    return counted, [(one.back, one.back_at, one.members) for one in outages.incidents]


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1", "2"]), st.integers(0, 400) | st.none()), max_size=30
    ),
    st.integers(0, 400),
)
def test_silences_are_counted_as_if_each_were_looked_at(told: list[tuple[str, str, int | None]], moment: int) -> None:
    silences, known = Silences(), dict[DeviceId, Absent]()
    for name, number, since in told:
        silences = silences.copy()
        device_id = DeviceId(name)
        if since is None:
            silences.remove(device_id)
            known.pop(device_id, None)
        else:
            spots = (Spot(Scope.FLOOR, number), Spot(Scope.HOTEL))
            absent = Absent(AlertId(name), after(since), NOON, spots)
            silences.add(device_id, absent)
            known.pop(device_id, None)
            known[device_id] = absent

    near = [name for name, one in known.items() if abs((one.since - after(moment)).total_seconds()) < 90]
    assert silences.items() == list(known.items())
    assert silences.near(after(moment)) == len(near)
    assert silences.long_before(after(moment)) == [
        name for name, one in known.items() if one.since <= after(moment - 90)
    ]
    for number in ("1", "2"):
        spot = Spot(Scope.FLOOR, number)
        there = [name for name in near if spot in known[name].spots]
        began = min((known[name].since for name in there), default=None)
        assert silences.near(after(moment), spot) == len(there)
        assert not there or silences.began(after(moment), spot) == began


def test_of_places_where_nobody_is_silent_any_more_nothing_is_kept() -> None:
    silences = Silences()
    for number in range(300):
        spots = (Spot(Scope.OWN, str(number)), Spot(Scope.HOTEL))
        silences.add(DeviceId("a"), Absent(AlertId("a"), after(number), after(number), spots))
    twin = silences.copy()
    twin.remove(DeviceId("a"))

    assert len(pickle.dumps(silences)) < 1000
    assert len(pickle.dumps(twin)) < len(pickle.dumps(silences))
    assert silences.near(after(299)) == 1


def test_who_is_absent_after_an_outage_of_ours_is_one_area_first() -> None:
    hotel = Hotel(floor("1", 10, aps=10) | floor("2", 10, aps=10))
    vanish(hotel, [*names("1-", hotel), *names("2-", hotel)])
    hotel.second = 660
    gap = Gap(after(60), after(660))
    hotel.outages.shift(gap)
    hotel.states = {name: shift(state, gap) for name, state in hotel.states.items()}
    hotel.watching_since = after(660)
    hotel.gone = {*names("1-", hotel)[:5], *names("2-", hotel)[:4]}
    hotel.run(760)
    (incident,) = hotel.outages.incidents
    assert (incident.spot.scope, incident.members) == (Scope.OWN, 9)
    assert hotel.incidents[-1].incident.rule is Outage.OWN


def test_who_is_absent_after_an_outage_of_ours_goes_with_the_hotel_that_was_out_before() -> None:
    hotel = Hotel(floor("1", 10, aps=10) | floor("2", 10, aps=10))
    early = [*names("1-", hotel), *names("2-", hotel)[:3]]
    vanish(hotel, early)
    hotel.run(110)
    (whole,) = hotel.outages.incidents
    gap = Gap(after(110), after(350))
    hotel.second, hotel.gone = 350, set(hotel.assigned)
    hotel.outages.shift(gap)
    hotel.states = {name: shift(state, gap) for name, state in hotel.states.items()}
    hotel.watching_since = after(350)
    hotel.run(470)
    assert hotel.outages.incidents == [whole]
    assert (whole.spot.scope, len(whole.silent), len(hotel.opened())) == (Scope.HOTEL, 20, 1)

    hotel.gone = set()
    hotel.run(1000)
    assert (hotel.outages.incidents, len(hotel.closed())) == ([], 1)


@pytest.mark.parametrize("others", [set(), {DeviceId("b"), DeviceId("c")}], ids=["none is back", "two are back"])
def test_an_incident_in_which_nobody_is_waited_for_ends_at_its_deadline(others: set[DeviceId]) -> None:
    """As a start may find it, when the last of its silences were resolved while no bridge was there."""
    incident = Incident(
        id=IncidentId("i"),
        spot=Spot(Scope.HOTEL),
        opened_at=NOON,
        told_at=NOON,
        silent=Silences(),
        back=others,
        excused={DeviceId("a")},
        half_at=NOON if others else None,
        back_at=NOON if others else None,
    )
    outages, minute = Outages(None, [incident]), timedelta(seconds=60)
    due = split_at(outages, watching_since=NOON, grace=minute)
    assert due is not None

    (closed,) = split(outages, watching_since=NOON, grace=minute, at=due)

    assert (closed.turn, closed.lost, closed.left) == (Turn.CLOSED, (), None)
    assert split_at(outages, watching_since=NOON, grace=minute) is None


def test_the_one_that_was_removed_during_our_outage_is_told_by_itself() -> None:
    hotel = Hotel(floor("1", 20, aps=20))
    vanish(hotel, names("1-", hotel))
    hotel.second = 660
    hotel.watching_since = after(660)
    hotel.gone = {"1-03"}
    hotel.run(760)
    assert hotel.incidents == []
    assert ("1-03", ChangeKind.OPENED) in hotel.told


def test_history_judged_again_gives_the_same_incidents() -> None:
    made = []
    for _ in range(2):
        hotel = Hotel(floor("1", 15, aps=3) | floor("2", 20, aps=5))
        vanish(hotel, names("1-", hotel))
        hotel.run(300)
        hotel.gone = {"1-01"}
        hotel.run(600)
        made.append(hotel.incidents)
    assert made[0] == made[1]


@pytest.mark.parametrize(("battery", "apart"), [(80, True), (100, False)])
def test_a_charger_that_pauses_at_a_full_battery_took_nobody_off_its_dock(battery: float, apart: bool) -> None:
    beats = (
        Heartbeat(id=MessageId("a"), ts=NOON, battery=94, charging=True),
        Heartbeat(id=MessageId("b"), ts=after(10), battery=battery, charging=False),
    )
    lately = [Sample(beat.ts, -50, is_plugged(beat)) for beat in beats]
    state = DeviceState(last_heard=after(10))
    assignment = Hotel(floor("1", 1)).assigned["1-00"]

    assert (why_apart(state, lately, assignment=assignment) is not None) is apart


@pytest.mark.parametrize(
    ("heard", "apart"),
    [
        ([("a", -50), ("b", -67)], False),  # it roamed, as they do where an access point fails
        ([("a", -50), ("b", -50), ("b", -66)], True),
        ([("a", -50), ("a", -66), ("b", -50)], True),  # it was carried to another one
        ([("a", -50), (None, -66)], True),
        ([("a", -66), ("a", -50)], False),
    ],
)
def test_a_signal_falls_on_one_access_point(heard: list[tuple[str | None, float]], apart: bool) -> None:
    lately = [Sample(after(at), rssi, None, bssid) for at, (bssid, rssi) in enumerate(heard)]
    assignment = Hotel(floor("1", 1)).assigned["1-00"]

    assert (why_apart(DeviceState(last_heard=after(9)), lately, assignment=assignment) is not None) is apart
