"""Simulated tablets on a real broker: the contract's life of a connection, and what the scenarios tell."""

import gc
import os
import signal
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from broker.tokens import KeyRing
from config.simulate.demo import demo_tablets as tablets_of_the_demo
from config.simulate.fleet import Fleet, Plan
from config.simulate.front_desk import FrontDeskIdentity
from config.simulate.hotel import demo_tablets
from config.simulate.identity import TabletIdentity
from config.simulate.names import Scenario
from config.simulate.scenarios import FOREIGN_ACCESS_POINT
from rules.ids import HotelId, IntegratorName
from rules.messages import Link, ReportKind
from rules.state import DeviceState, LinkState
from store import Batch, Store
from tests.broker.authority import Authority
from tests.config.command_line import INNWATCH, CommandLine
from tests.config.desk import Desk, PlainBroker, identities, until
from tests.support import Processes, eventually_sync

pytestmark = pytest.mark.server

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUICKLY = 100.0
LONGEST = 40.0
"""Seconds that a fleet may take before its test fails; none comes near."""


def fleet_of(
    count: int, port: int, *, scenario: Scenario = Scenario.CALM, speed: float = QUICKLY, say: Callable[[str], None]
) -> Fleet:
    plan = Plan(tablets=identities(count), host="127.0.0.1", port=port, scenario=scenario, speed=speed, seed=7)
    return Fleet(plan, clock=lambda: datetime.now(UTC), say=say)


def ended(fleet: Fleet, desk: Desk, *, when: Callable[[], bool]) -> None:
    """Run until something is true; then until everybody's goodbye was heard."""
    fleet.run(seconds=LONGEST, every_tick=until(when, fleet.stop))
    assert when()
    names = [agent.name for agent in fleet.agents]
    eventually_sync(lambda: all(desk.states(name)[-1].state is Link.BYE for name in names))


def test_every_tablet_is_born_first_and_says_goodbye_last(plain_broker: PlainBroker, desk: Desk) -> None:
    fleet = fleet_of(20, plain_broker.port, say=print)

    ended(fleet, desk, when=lambda: all(len(desk.beats(agent.name)) > 2 for agent in fleet.agents))

    for agent in fleet.agents:
        said = [getattr(one.message, "state", None) for one in desk.of(agent.name)]
        assert (said[0], said[-1], set(said[1:-1])) == (Link.READY, Link.BYE, {None})


def test_a_tablet_speaks_tls_and_hears_more_than_fits_into_one_read(processes: Processes, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    broker = PlainBroker(processes, tmp_path, tls=authority.files())
    broker.start()
    plan = Plan(tablets=identities(2), host="127.0.0.1", port=broker.tls_port, speed=QUICKLY, seed=7)
    context = ssl.create_default_context(cafile=authority.trusted)
    fleet = Fleet(plan, clock=lambda: datetime.now(UTC), say=print, tls=context)

    with Desk(broker.port).listening() as desk:
        ended(fleet, desk, when=lambda: all(len(desk.beats(agent.name)) > 2 for agent in fleet.agents))

    assert desk.refused == []


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_tablet_that_is_shown_a_strangers_certificate_tells_it_nothing(processes: Processes, tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "other").mkdir()
    broker = PlainBroker(processes, tmp_path, tls=Authority(tmp_path / "other").files())
    broker.start()
    plan = Plan(tablets=identities(1), host="127.0.0.1", port=broker.tls_port, speed=QUICKLY, seed=7)
    fleet = Fleet(plan, clock=lambda: datetime.now(UTC), say=said.append, tls=ssl.create_default_context())

    fleet.run(seconds=2)

    gc.collect()  # paho leaves a socket whose handshake failed to the collector
    assert (fleet.tally.sent, fleet.tally.online) == (0, 0)
    (line,) = said
    assert "certificate verify failed" in line


def test_the_bridge_would_refuse_nothing_and_get_nothing_twice(plain_broker: PlainBroker, desk: Desk) -> None:
    fleet = fleet_of(5, plain_broker.port, say=print)

    ended(fleet, desk, when=lambda: len(desk.heard) > 100)

    ids = [(one.topic.subject, one.message.id) for one in desk.heard]
    assert desk.refused == []
    assert len(ids) == len(set(ids))


def test_a_walk_goes_next_door_then_to_a_strange_access_point_and_home(plain_broker: PlainBroker, desk: Desk) -> None:
    fleet = fleet_of(2, plain_broker.port, scenario=Scenario.RECOVERY, say=print)

    ended(
        fleet,
        desk,
        when=lambda: ReportKind.RECOVERY in [report.kind for report in desk.reports()] and desk_is_home(desk),
    )

    visited = [bssid for bssid, before in zip(places(desk), [None, *places(desk)], strict=False) if bssid != before]
    own, next_door = (agent.tablet.identity.bssid for agent in fleet.agents)
    assert visited == [own, next_door, FOREIGN_ACCESS_POINT, own]
    assert [(report.kind, report.cause) for report in desk.reports()] == [
        (ReportKind.BREACH, "weak-signal"),
        (ReportKind.BREACH, "foreign-ap"),
        (ReportKind.RECOVERY, None),
    ]


def places(desk: Desk) -> list[str | None]:
    return [beat.wifi_bssid for beat in desk.beats()]


def desk_is_home(desk: Desk) -> bool:
    return places(desk)[-1] == identities(1)[0].bssid


def test_a_tablet_whose_radio_was_off_explains_itself_in_its_backlog(plain_broker: PlainBroker, desk: Desk) -> None:
    fleet = fleet_of(2, plain_broker.port, scenario=Scenario.WIFI_OFF, say=print)

    ended(fleet, desk, when=lambda: bool(desk.reports()) and fleet.agents[0].is_settled)

    births = [state.sid for state in desk.states() if state.state is Link.READY]
    late = [one.message for one in desk.of("t1") if one.late]
    assert len(births) == len(set(births)) == 2
    assert [(report.kind, report.cause) for report in desk.reports()] == [(ReportKind.BREACH, "wifi-off")]
    assert desk.reports()[0] in late
    assert {message.sid for message in late} == {births[0]}


def test_a_battery_runs_down_and_is_charged(plain_broker: PlainBroker, desk: Desk) -> None:
    fleet = fleet_of(1, plain_broker.port, scenario=Scenario.BATTERY_LOW, say=print)

    ended(fleet, desk, when=lambda: any(beat.charging and (beat.battery or 0) > 30 for beat in desk.beats()[30:]))

    drained = [beat.battery for beat in desk.beats() if not beat.charging and beat.battery is not None]
    assert min(drained) <= 10


def test_a_guest_checks_out_with_the_tablet_and_it_is_put_back(plain_broker: PlainBroker, desk: Desk) -> None:
    said: list[str] = []
    front_desk = FrontDeskIdentity(hotel_id=HotelId("h"), name=IntegratorName("demo-pms"), token="t")
    plan = Plan(
        tablets=identities(1), host="127.0.0.1", port=plain_broker.port, scenario=Scenario.CHECK_OUT, speed=QUICKLY,
        seed=7, front_desk=front_desk,
    )  # fmt: skip
    fleet = Fleet(plan, clock=lambda: datetime.now(UTC), say=said.append)

    ended(fleet, desk, when=lambda: any("that was all" in line for line in said) and desk_is_home(desk))

    room = identities(1)[0].room_id
    assert [line for line in said if "front desk" in line] == [
        f"the front desk says checkin of {room}", f"the front desk says checkout of {room}",
    ]  # fmt: skip
    assert FOREIGN_ACCESS_POINT in places(desk)


def test_a_tablet_is_tampered_with_and_set_up_anew(plain_broker: PlainBroker, desk: Desk) -> None:
    fleet = fleet_of(1, plain_broker.port, scenario=Scenario.TAMPERING, say=print)

    ended(fleet, desk, when=lambda: len(desk.reports()) == 4 and fleet.agents[0].is_settled)

    assert [report.cause for report in desk.reports()] == ["kiosk-exit", "usb-debug", "root", None]
    assert {beat.kiosk for beat in desk.beats()} == {True, False}


def test_a_tablet_grows_hot_and_cools_down(plain_broker: PlainBroker, desk: Desk) -> None:
    fleet = fleet_of(1, plain_broker.port, scenario=Scenario.OVERHEAT, say=print)

    ended(fleet, desk, when=lambda: any((beat.temp_c or 99) < 40 for beat in desk.beats()[8:]))

    assert max(beat.temp_c for beat in desk.beats() if beat.temp_c is not None) >= 46


def test_a_tablet_does_what_it_is_asked_once(plain_broker: PlainBroker, desk: Desk) -> None:
    fleet = fleet_of(2, plain_broker.port, say=print)
    steps = iter(
        (
            (lambda: len(desk.beats()) > 1, lambda: desk.command("ring", "c-1")),
            (lambda: len(desk.results()) == 2, lambda: desk.command("ring", "c-1")),
            (lambda: len(desk.results()) == 3, lambda: desk.command("dance", "c-2")),
            (lambda: len(desk.results()) == 4 and fleet.agents[0].is_settled, fleet.stop),
        )
    )
    step = next(steps)

    def live(_at: float) -> None:
        nonlocal step
        if step[0]():
            step[1]()
            step = next(steps, step)

    fleet.run(seconds=LONGEST, every_tick=live)

    assert [(one.command_id, one.status) for one in desk.results()] == [
        ("c-1", "received"),
        ("c-1", "done"),
        ("c-1", "done"),
        ("c-2", "unsupported"),
    ]
    assert desk.results("t2") == []


def test_tablets_hand_in_what_they_kept_while_the_broker_was_away(plain_broker: PlainBroker, desk: Desk) -> None:
    fleet = fleet_of(3, plain_broker.port, speed=30, say=print)
    fate = iter(
        (
            (lambda: len(desk.beats("t3")) > 2, plain_broker.kill),
            (lambda: all(agent.kept_waiting > 2 for agent in fleet.agents), plain_broker.start),
            (lambda: all(any(one.late for one in desk.of(agent.name)) for agent in fleet.agents), fleet.stop),
        )
    )
    step = next(fate)

    def live(_at: float) -> None:
        nonlocal step
        if step[0]():
            step[1]()
            step = next(fate, step)

    fleet.run(seconds=LONGEST, every_tick=live)

    for agent in fleet.agents:
        seqs = [(one.message.sid, one.message.seq) for one in desk.of(agent.name) if one.late]
        assert seqs == sorted(set(seqs), key=seqs.index)
        assert len(seqs) > 2


def test_a_broker_that_knows_no_such_tablet_is_asked_once_and_named(processes: Processes, tmp_path: Path) -> None:
    broker = PlainBroker(processes, tmp_path, strangers=False)
    broker.start()
    lines: list[str] = []
    fleet = fleet_of(1, broker.port, say=lines.append)

    fleet.run(seconds=LONGEST, every_tick=until(lambda: fleet.tally.refusals > 0, fleet.stop))

    assert [line for line in lines if line.startswith("t1: the broker refused the connection")]


PARENT = """
import sys
import msgspec
from config.simulate.demo import Demo
from config.simulate.identity import TabletIdentity
tablets = msgspec.json.decode(sys.argv[1], type=tuple[TabletIdentity, ...])
demo = Demo(tablets, host="127.0.0.1", port=int(sys.argv[2]))
demo.start()
sys.stdin = open(sys.argv[3])  # a pipe that nobody writes to until the parent should stop
sys.stdin.read()
demo.stop()
"""


@pytest.mark.parametrize("how", ["asked to stop", "killed"])
def test_the_demo_ends_with_its_parent(
    how: str, plain_broker: PlainBroker, desk: Desk, processes: Processes, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "stop")
    tablets = msgspec.json.encode(identities(3)).decode()
    parent = processes.start([sys.executable, "-c", PARENT, tablets, str(plain_broker.port), tmp_path / "stop"])
    eventually_sync(lambda: all(desk.beats(name) for name in ("t1", "t2", "t3")), within=20)

    if how == "killed":
        parent.kill()
    else:
        (tmp_path / "stop").write_text("")
        assert parent.wait(within=20) == 0

    eventually_sync(lambda: all(desk.states(name)[-1].state is Link.BYE for name in ("t1", "t2", "t3")), within=20)


# -- from the command line


def test_simulate_makes_its_tablets_and_ends_cleanly_at_ctrl_c(
    cli: CommandLine, plain_broker: PlainBroker, desk: Desk, processes: Processes
) -> None:
    cli("hotel", "add", "h")
    where = ("--mqtt-port", str(plain_broker.port), "--data", str(cli.folder.path))
    program = processes.start([INNWATCH, "simulate", "h", "--tablets", "12", *where])
    eventually_sync(lambda: desk.beats("demo-101") and desk.beats("demo-202"), within=20)

    program.signal(signal.SIGINT)

    assert program.wait(within=20) == 0
    ending, warning = program.output().splitlines()[-2:]
    assert ending.startswith("ended: ")
    assert warning == "60 s from now each of them opens a silence alert in h, unless it is simulated again"
    eventually_sync(lambda: desk.states("demo-101")[-1].state is Link.BYE)
    assert desk.refused == []


def tablets_of(cli: CommandLine, count: int) -> tuple[TabletIdentity, ...]:
    keys = KeyRing.of(cli.folder.signing_key())
    return cli.with_store(lambda store: demo_tablets(store, HotelId("h"), keys=keys, count=count, now=NOW))


def test_simulated_tablets_have_rooms_tokens_and_the_pace_of_their_hotel(cli: CommandLine) -> None:
    cli("hotel", "add", "h", "--profile", "strict")

    tablets = tablets_of(cli, 11)

    keys = KeyRing.of(cli.folder.signing_key())
    assert [tablet.device_id for tablet in tablets] == [*(f"demo-{number}" for number in range(101, 111)), "demo-201"]
    assert len({tablet.bssid for tablet in tablets}) == 11
    assert {tablet.floor for tablet in tablets} == {"1", "2"}
    assert {tablet.interval for tablet in tablets} == {4.0}
    assert keys.verify(tablets[0].token, audience="mqtt", now=NOW).sub == "h/demo-101"


def test_simulated_tablets_are_used_again_and_only_the_missing_are_added(cli: CommandLine) -> None:
    cli("hotel", "add", "h")
    first = tablets_of(cli, 2)

    second = tablets_of(cli, 4)

    assert [(one.device_id, one.bssid) for one in second[:2]] == [(one.device_id, one.bssid) for one in first]
    assert len(cli("device", "list", "h", "--json").json()) == 4


def test_a_simulated_tablet_whose_room_was_changed_lives_in_the_room_as_it_is(cli: CommandLine) -> None:
    cli("hotel", "add", "h")
    cli("room", "add", "h", "demo-101", "--ap", "a4:2b:b0:c1:d2:e3", "--profile", "strict")

    (tablet,) = tablets_of(cli, 1)

    assert (tablet.bssid, tablet.interval) == ("a4:2b:b0:c1:d2:e3", 4.0)


@pytest.mark.parametrize(
    ("channel", "named"),
    [(("--email", "desk@example.com"), "email"), (("--slack-webhook", "https://hooks.example/s3cr3t"), "slack")],
)
def test_a_hotel_that_tells_people_is_not_simulated_unasked(
    cli: CommandLine, channel: tuple[str, str], named: str
) -> None:
    cli("hotel", "add", "h", *channel)

    refused = cli.refused("simulate", "h", "--for", "0")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"innwatch: h tells people by {named}, ")
    assert "--yes" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert cli("device", "list", "h", "--json").json() == []
    assert "s3cr3t" not in refused.err


def go_online(cli: CommandLine, name: str) -> None:
    async def apply(store: Store) -> None:
        (key,) = (row.device.key for row in (await store.load_hotel(HotelId("h"))).devices if row.device.id == name)
        await store.apply(Batch(received_at=NOW, states={key: DeviceState(link=LinkState.ONLINE)}))

    cli.with_store(apply)


def test_tablets_that_are_online_already_are_not_simulated_unasked(cli: CommandLine) -> None:
    cli("hotel", "add", "h")
    tablets_of(cli, 3)
    go_online(cli, "demo-103")

    refused = cli.refused("simulate", "h", "--tablets", "3", "--for", "0")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("innwatch: 1 of these tablets are online already, such as demo-103 ")
    assert len(refused.err.splitlines()) == 1


def test_a_tablet_that_is_online_is_no_hindrance_to_others(cli: CommandLine) -> None:
    cli("hotel", "add", "h")
    tablets_of(cli, 3)
    go_online(cli, "demo-103")

    cli("simulate", "h", "--tablets", "2", "--for", "0")


def test_whoever_says_yes_may_simulate_anywhere(cli: CommandLine) -> None:
    cli("hotel", "add", "h", "--email", "desk@example.com")
    tablets_of(cli, 1)
    go_online(cli, "demo-101")

    ended = cli("simulate", "h", "--tablets", "1", "--for", "0", "--yes")

    assert "1 tablets of h" in ended.out


def test_a_smaller_demo_brings_back_the_tablets_of_a_larger_one(cli: CommandLine) -> None:
    cli("hotel", "add", "h")
    tablets_of(cli, 21)
    cli("device", "add", "h", "lobby", "--room", "demo-101")
    cli("device", "add", "h", "demo-desk", "--room", "demo-101")
    keys = KeyRing.of(cli.folder.signing_key())

    tablets = cli.with_store(lambda store: tablets_of_the_demo(store, HotelId("h"), keys=keys, count=2, now=NOW))

    names = {tablet.device_id for tablet in tablets}
    assert len(tablets) == 21
    assert {"demo-101", "demo-110", "demo-201", "demo-301"} < names
    assert not names & {"lobby", "demo-desk"}
