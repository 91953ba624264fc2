"""The isolation audit's parts: what it tries, where, and what it does about what it finds."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from broker.access import may_publish, may_subscribe
from broker.settings import Listener, Scheme
from broker.tokens import Claims, KeyRing
from broker.topics import TEMPLATES, Kind
from config.isolation.alarm import Alarm
from config.isolation.audit import IsolationAudit
from config.isolation.canaries import Canary, canaries, furnish
from config.isolation.doors import Doors, own_doors
from config.isolation.over_http import foreign_requests
from config.isolation.over_mqtt import foreign_filters, foreign_topics
from config.isolation.tries import Door, Outcome, Tries
from config.settings import Settings, read_settings
from config.settings_uplink import read_broker_url
from rules.canaries import CANARIES
from store import INNWATCH, LocalDoorbell, Store
from store.records import ChannelKind, Claimed
from tests.config.command_line import CommandLine
from worker.channels import DeliveryFailed
from worker.wording import Notice

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEYS = KeyRing.of("7KqVwZ3nT0sYb8XfJr2LmC5hGdPe9UaQ")


def both(cli: CommandLine) -> tuple[Canary, Canary]:
    async def made(store: Store) -> tuple[Canary, Canary]:
        assert await furnish(store, now=NOW)
        assert not await furnish(store, now=NOW)
        return await canaries(store, KEYS, now=NOW)

    return cli.with_store(made)


def claims(who: Canary) -> list[Claims]:
    return [KEYS.verify(token, audience="mqtt", now=NOW) for token in who.tokens.values()]


def test_each_hidden_hotel_has_a_tablet_a_manager_and_an_integrator_that_may_log_in_nowhere(
    cli: CommandLine,
) -> None:
    ours, theirs = both(cli)

    assert [sub.split("/")[0] for sub in ours.tokens] == [CANARIES[0]] * 3
    assert not set(ours.tokens) & set(theirs.tokens)
    assert cli("hotel", "list", "--json").json() == []
    account = cli.with_store(lambda store: store.find_account(ours.person))
    assert account is not None
    assert account.password_hash is None


def test_what_is_tried_over_mqtt_is_everything_that_some_identity_of_a_hotel_may_do_at_home(
    cli: CommandLine,
) -> None:
    """So that a broken comparison of hotels is seen wherever it is."""
    ours, theirs = both(cli)
    filters, topics = foreign_filters(theirs), foreign_topics(theirs)

    assert len(topics) == len(TEMPLATES) - 1
    at_home = {topic for topic in topics for one in claims(theirs) if may_publish(one, topic) is None}
    assert {topic.rpartition("/")[2] for topic in at_home} >= {"heartbeat", "do", "checkin", "isolation"}
    readable = {one for one in filters for who in claims(theirs) if may_subscribe(who, one) is None}
    assert {one for one in readable if one.endswith("/devices/+/status")}
    for one in claims(ours):
        assert all(may_subscribe(one, wanted) is not None for wanted in filters)
        assert all(may_publish(one, topic) is not None for topic in topics)
    assert not any(Kind.PLATFORM_MONITOR.value in topic for topic in topics)  # everybody's


def test_over_http_each_route_is_tried_that_names_something_and_each_list(cli: CommandLine) -> None:
    _, theirs = both(cli)
    description = {
        "/api/alerts": {"get": {}},
        "/api/devices/{device_id}": {"get": {}, "delete": {}, "parameters": []},
        "/api/devices/{device_id}/commands": {"post": {}},
        "/api/auth/switch": {"post": {}},
        "/api/rooms": {"post": {}},
        "/api/users/{name}": {"delete": {}},
        "/api/integrators/{name}": {"delete": {}},
        "/health/live": {"get": {}},
    }

    asked = {one.route: one for one in foreign_requests(description, theirs)}

    assert set(asked) == {
        "GET /api/alerts",
        "GET /api/devices/{device_id}",
        "DELETE /api/devices/{device_id}",
        "POST /api/devices/{device_id}/commands",
        "POST /api/auth/switch",
        "DELETE /api/users/{name}",
        "DELETE /api/integrators/{name}",
    }
    assert asked["DELETE /api/devices/{device_id}"].path == f"/api/devices/{theirs.device_id}"
    assert asked["DELETE /api/integrators/{name}"].path == f"/api/integrators/{theirs.integrator}"
    assert asked["POST /api/auth/switch"].body == {"hotelId": theirs.hotel_id}


class Mailbox:
    def __init__(self, *, works: bool = True) -> None:
        self.got: list[tuple[Notice, Claimed]] = []
        self._works = works

    async def deliver(self, notice: Notice, claimed: Claimed) -> None:
        if not self._works:
            raise DeliveryFailed("the server is away", permanent=False)
        self.got.append((notice, claimed))


def audit(store: Store, alarm: Alarm, registry: CollectorRegistry) -> IsolationAudit:
    doors = Doors(mqtt=None, http=None, no_mqtt="no broker", no_http="no API")
    return IsolationAudit(
        store=store,
        keys=KEYS,
        doors=doors,
        alarm=alarm,
        every=timedelta(minutes=10),
        now=lambda: NOW,
        registry=registry,
    )


def found(*ways: str) -> Tries:
    tries = Tries()
    for way in ways:
        tries.broke(Door.MQTT, way)
    tries.held(Door.HTTP)
    return tries


async def test_the_alarm_goes_out_once_and_again_when_it_comes_back(cli: CommandLine) -> None:
    mailbox, registry = Mailbox(), CollectorRegistry()
    alarm = Alarm(Settings(email_recipients=("ops@inn.example",)), {ChannelKind.EMAIL: mailbox})
    store = await Store.open(cli.folder.database_url, doorbell=LocalDoorbell())
    isolation = audit(store, alarm, registry)

    for tries in (found(), found("a tablet reads"), found("a tablet reads"), found(), found("again")):
        await isolation.take_in(tries)

    await store.close()
    assert [notice.reasons for notice, _ in mailbox.got] == [("mqtt: a tablet reads",), ("mqtt: again",)]
    assert mailbox.got[0][0].urgent
    assert isolation.problems() == ["one hotel can reach another: mqtt: again"]
    assert registry.get_sample_value("innwatch_isolation_broken") == 1
    tried = {"door": str(Door.MQTT), "outcome": str(Outcome.BROKEN)}
    assert registry.get_sample_value("innwatch_isolation_tries_total", tried) == 3


async def test_an_alarm_that_cannot_be_delivered_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    alarm = Alarm(Settings(email_recipients=("ops@inn.example",)), {ChannelKind.EMAIL: Mailbox(works=False)})

    await alarm.raise_(["mqtt: a tablet reads"], now=NOW)

    assert "the alarm was not delivered" in caplog.text


async def test_what_cannot_be_tried_is_said_and_no_alarm(cli: CommandLine, caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    store = await Store.open(cli.folder.database_url, doorbell=LocalDoorbell())
    await furnish(store, now=NOW)
    isolation = audit(store, Alarm(Settings(), {}), registry)

    for _ in range(2):
        await isolation.take_in(await isolation.round())

    await store.close()
    assert isolation.problems() == []
    assert caplog.text.count("isolation could not be tried whole") == 1
    missed = {"door": str(Door.MQTT), "outcome": str(Outcome.MISSED)}
    assert registry.get_sample_value("innwatch_isolation_tries_total", missed) == 2


def test_up_is_tried_by_its_own_doors() -> None:
    anywhere = Listener(Scheme.MQTT, "0.0.0.0", 1883)  # noqa: S104, a test of that
    websocket = Listener(Scheme.WS, "127.0.0.1", 8083, "/mqtt")

    doors = own_doors(Settings(host="::"), [websocket, anywhere], http_port=8080)
    only_websockets = own_doors(Settings(), [websocket], http_port=8080)

    assert str(doors.mqtt and doors.mqtt.address) == "mqtt://127.0.0.1:1883"
    assert doors.http is not None
    assert doors.http.url == "http://[::1]:8080"
    assert (only_websockets.mqtt, only_websockets.no_mqtt) == (None, "the broker listens for websockets only")


def test_a_broker_that_is_not_ours_is_not_tried() -> None:
    settings = Settings(broker_url=read_broker_url("mqtt://me:secret@mosquitto:1883"))

    assert own_doors(settings, [], http_port=8080).no_mqtt == "the broker is not ours and knows no tokens"


@pytest.mark.parametrize(
    ("said", "meant"), [("off", timedelta()), ("30", timedelta(seconds=30)), ("1h", timedelta(hours=1))]
)
def test_how_often_is_a_setting(said: str, meant: timedelta) -> None:
    assert read_settings({"INNWATCH_ISOLATION_EVERY": said}).isolation_every == meant


async def test_a_round_that_could_not_try_everything_is_no_all_clear(cli: CommandLine) -> None:
    registry = CollectorRegistry()
    store = await Store.open(cli.folder.database_url, doorbell=LocalDoorbell())
    isolation = audit(store, Alarm(Settings(), {}), registry)
    half = Tries()
    half.held(Door.HTTP)
    half.miss(Door.MQTT, "the broker is away")

    await isolation.take_in(found("a tablet reads"))
    await isolation.take_in(half)

    assert isolation.problems() == ["one hotel can reach another: mqtt: a tablet reads"]
    assert registry.get_sample_value("innwatch_isolation_broken") == 1
    await isolation.take_in(found())
    await store.close()
    assert isolation.problems() == []


def test_whoever_was_taken_away_by_what_got_through_has_a_successor(cli: CommandLine) -> None:
    async def made(store: Store) -> tuple[Canary, bool, Canary]:
        await furnish(store, now=NOW)
        before, _ = await canaries(store, KEYS, now=NOW)
        await store.retire_device(before.hotel_id, before.device_id, by=INNWATCH, now=NOW)
        await store.disable_user(before.person, by=INNWATCH, now=NOW)
        added = await furnish(store, now=NOW)
        after, _ = await canaries(store, KEYS, now=NOW)
        return before, added, after

    before, added, after = cli.with_store(made)

    assert added
    assert {before.device_id, before.person}.isdisjoint({after.device_id, after.person})
    assert after.mark in after.device_id
    assert not set(before.tokens) & {after.tablet, after.manager}
