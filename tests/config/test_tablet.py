"""The simulated tablet by itself: what it says is what the bridge understands, and its world is consistent."""

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest

from broker.topics import Kind, parse
from config.simulate.bssids import made_up_bssid
from config.simulate.errands import Answer, Errand, Errands
from config.simulate.tablet import Outgoing, Tablet, will
from device_bridge.decode import Decoded, decode
from rules.ids import CommandId, MessageId
from rules.messages import Heartbeat, Link, ReportKind, ResultStatus, State
from rules.place import normal_bssid
from tests.config.desk import identities

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def tablet() -> Tablet:
    return Tablet(identities(1)[0], chance=Random(7))


def heard(tablet: Tablet, message: Outgoing) -> list[Decoded]:
    topic = parse(tablet.topic(message.kind))
    assert topic is not None
    results = decode(topic, message.body, retain=False, received_at=NOW)
    assert all(isinstance(one, Decoded) for one in results), results
    return [one for one in results if isinstance(one, Decoded)]


def beat(tablet: Tablet, now: datetime) -> Heartbeat:
    message = heard(tablet, tablet.heartbeat(now))[0].message
    assert isinstance(message, Heartbeat)
    return message


def test_the_bridge_understands_everything_that_it_says(tablet: Tablet) -> None:
    said = [
        tablet.ready(NOW),
        tablet.heartbeat(NOW),
        *(tablet.report(kind, "weak-signal", NOW) for kind in ReportKind),
        *(tablet.result(CommandId("c-1"), Answer(status), NOW) for status in ResultStatus),
        tablet.bye("reconnect", NOW),
    ]

    assert [heard(tablet, message)[0].message.id for message in said] == [message.id for message in said]


def test_a_backlog_brings_its_messages_in_order_under_their_own_ids(tablet: Tablet) -> None:
    kept = [
        tablet.heartbeat(NOW),
        tablet.report(ReportKind.BREACH, "wifi-off", NOW),
        tablet.heartbeat(NOW),
    ]

    items = heard(tablet, tablet.backlog(kept, NOW + timedelta(minutes=5)))

    assert [(item.message.id, item.message.ts, item.late) for item in items] == [(one.id, NOW, True) for one in kept]


def test_its_will_holds_the_state_and_the_session_and_nothing_more(tablet: Tablet) -> None:
    sid = tablet.next_sid()

    assert msgspec.json.decode(will(sid)) == {"state": "lost", "sid": sid}


def test_the_bridge_understands_its_will(tablet: Tablet) -> None:
    sid = tablet.next_sid()

    lost = heard(tablet, Outgoing(Kind.STATE, MessageId("-"), will(sid)))[0].message

    assert isinstance(lost, State)
    assert (lost.state, lost.sid) == (Link.LOST, sid)


def test_a_session_begins_when_the_broker_takes_it(tablet: Tablet) -> None:
    sid = tablet.next_sid()
    before = heard(tablet, tablet.heartbeat(NOW))[0].message

    tablet.begin_session(sid)

    assert before.sid != sid
    assert heard(tablet, tablet.ready(NOW))[0].message.sid == sid


def test_every_session_has_an_id_of_its_own(tablet: Tablet) -> None:
    assert len({tablet.next_sid() for _ in range(5)}) == 5


def test_two_runs_of_the_same_tablet_share_no_session() -> None:
    one, two = (Tablet(identities(1)[0], chance=Random(seed)).next_sid() for seed in (1, 2))

    assert one != two


def test_ids_sort_by_the_time_they_were_made(tablet: Tablet) -> None:
    ids = [tablet.heartbeat(NOW + timedelta(milliseconds=step)).id for step in range(20)]

    assert ids == sorted(set(ids))


def test_the_battery_drains_with_the_hours(tablet: Tablet) -> None:
    tablet.charging, tablet.battery = False, 80
    beat(tablet, NOW)

    assert beat(tablet, NOW + timedelta(hours=5)).battery == pytest.approx(60)


def test_a_minded_tablet_is_plugged_in_before_it_is_low(tablet: Tablet) -> None:
    tablet.charging, tablet.battery = False, 80
    levels = [beat(tablet, NOW + timedelta(minutes=10 * step)).battery for step in range(200)]

    assert min(level for level in levels if level is not None) > 25


def test_a_clock_that_is_moved_back_charges_no_battery(tablet: Tablet) -> None:
    tablet.charging, tablet.battery = False, 80
    beat(tablet, NOW)

    assert beat(tablet, NOW - timedelta(days=1)).battery == pytest.approx(80)


def test_the_signal_wobbles_around_its_place(tablet: Tablet) -> None:
    tablet.signal = -60
    samples = [beat(tablet, NOW).rssi for _ in range(200)]
    known = [sample for sample in samples if sample is not None]

    assert len(set(known)) > 3
    assert -62 < sum(known) / len(known) < -58


def test_without_a_radio_it_knows_neither_signal_nor_access_point(tablet: Tablet) -> None:
    tablet.signal = None

    sample = beat(tablet, NOW)

    assert (sample.rssi, sample.wifi_bssid) == (None, None)


def test_made_up_access_points_are_valid_and_differ() -> None:
    made = [made_up_bssid("h/tab-", number) for number in range(1, 2_000)]

    assert [normal_bssid(bssid) for bssid in made] == made
    assert len(set(made)) == len(made)


def errand(name: str, *, command_id: str = "c-1", seconds: float = 60) -> Errand:
    return Errand(CommandId(command_id), name, NOW + timedelta(seconds=seconds))


def statuses(answers: list[Answer]) -> list[ResultStatus]:
    return [answer.status for answer in answers]


def test_a_command_is_confirmed_before_it_is_done() -> None:
    assert statuses(Errands().do(errand("ring"), NOW)) == ["received", "done"]


def test_a_command_that_comes_again_is_not_done_again() -> None:
    errands = Errands()
    first = errands.do(errand("reboot"), NOW)

    assert errands.do(errand("reboot"), NOW) == [first[-1]]
    assert statuses(errands.do(errand("reboot", command_id="c-2"), NOW)) == ["received", "done"]


def test_a_command_whose_time_is_up_is_not_begun() -> None:
    assert statuses(Errands().do(errand("unlock", seconds=0), NOW)) == ["expired"]


def test_a_command_of_a_later_version_is_not_supported() -> None:
    assert statuses(Errands().do(errand("dance"), NOW)) == ["unsupported"]
