"""The way back from 0006: what is left is in words of the version before it, and hangs together as that expects."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from rules.alerts import AlertChange, Because, ChangeKind, EndedAlert, Family, OpenAlert, Reason, Rule, Severity
from rules.ids import AlertId
from rules.inputs import InputKind
from rules.memory import BatteryLevel, BatteryMemory, CheckoutMemory, ReportedMemory, SignalMemory, SilenceMemory
from rules.state import DeviceState, LinkState
from store import INNWATCH, Store, schema
from store.migrations import before_trust
from store.records import Device, EventType, InboxKind, NoticeKind, NotificationState
from tests.store.given import HOTEL, MAIL, NOW, ON_POSTGRESQL, add_hotel, batch, change, later, open_at
from tests.store.test_tenancy import A1, one_of_everything, what_is_newer

ByHand = Callable[[str], str]

KINDS = {
    "notification": "opened worsened recovered",
    "message": "heartbeat report state lost expired revoked result deadline inventory assignment watching",
    "inbox": "heartbeat alert",
}
TYPES = (
    "device.status device.added device.removed device.moved alert.opened alert.changed alert.cleared alert.acknowledged"
    " notification.sent notification.dead monitor.changed command.changed"
)
EVERY_REASON = tuple(Reason(because=because) for because in Because)


def alert_of(rule: Rule, family: Family, *, why: tuple[Reason, ...] = EVERY_REASON) -> OpenAlert:
    return OpenAlert(
        id=AlertId(f"alert-{rule}"),
        family=family,
        rule=rule,
        severity=Severity.HIGH,
        opened_at=NOW,
        last_at=NOW,
        why=why,
        turns=(NOW,),
        calm_since=NOW,
    )


def carrying(*alerts: OpenAlert, **memories: Any) -> DeviceState:  # noqa: ANN401 - what a state has
    return DeviceState(
        link=LinkState.SILENT,
        last_heard=NOW,
        alerts={alert.family: alert for alert in alerts},
        ended={Family.BREACH: EndedAlert(alert=alerts[0], at=NOW)},
        checkout=CheckoutMemory(guarded_from=NOW, gone=EVERY_REASON),
        deaf_s=3.0,
        **memories,
    )


async def back(url: str) -> None:
    await asyncio.to_thread(schema.move_to, url, "0005")


async def open_alerts(store: Store, alerts: Iterable[tuple[Device, OpenAlert]], **memories: Any) -> None:  # noqa: ANN401
    alerts = list(alerts)
    changes = [change(device, ChangeKind.OPENED, alert) for device, alert in alerts]
    states = {device.key: carrying(alert, **memories) for device, alert in alerts}
    await store.apply(batch(changes=changes, states=states))


def states_of(by_hand: ByHand, kind: str) -> dict[str, dict[str, Any]]:
    as_hex = "hex(state)" if kind == "sqlite" else "encode(state, 'hex')"
    rows = by_hand(f"SELECT id, {as_hex} FROM device_state JOIN device ON device.key = device_key").splitlines()  # noqa: S608
    return {
        name: msgspec.msgpack.decode(bytes.fromhex(state)) for name, _, state in (row.partition("|") for row in rows)
    }


def reasons_in(thing: object) -> set[str]:
    """Every `because`, at whatever depth."""
    if isinstance(thing, dict):
        own = {thing["because"]} if "because" in thing else set()
        return own.union(*(reasons_in(value) for value in thing.values()))
    if isinstance(thing, list):
        return set().union(*(reasons_in(value) for value in thing))
    return set()


def insert(by_hand: ByHand, table: str, source: str, **values: object) -> None:
    """A row with a word in it that no verb writes by itself; text of `values` is SQL."""
    columns, selected = ", ".join(values), ", ".join(str(value) for value in values.values())
    by_hand(f"INSERT INTO {table} ({columns}) SELECT {selected} FROM {source}")  # noqa: S608


def say_everything(by_hand: ByHand, device: Device) -> None:
    """A row for each word of each enumeration, all of them about the first alert."""
    key, data = by_hand("SELECT alert_key, data FROM event WHERE type = 'alert.opened' ORDER BY id").split("|", 1)
    data = data.partition("\n")[0]
    last = int(by_hand("SELECT max(id) FROM event"))
    told: list[tuple[str, str]] = [(word, data) for word in EventType if word.startswith("alert.")]
    for notice in NoticeKind:
        subject = "incidentId" if "incident" in notice else "alertId"
        said = {subject: "A1", "channel": "email", "kind": notice}
        told.append((EventType.NOTIFICATION_SENT, msgspec.json.encode(said).decode()))
    common = {"hotel_key": "hotel_key", "alert_key": "key", "at": 0, "subject": "'A1'"}
    for number, (word, text) in enumerate(told, start=last + 1):
        insert(by_hand, "event", f"alert WHERE key = {key}", **common, id=number, type=f"'{word}'", data=f"'{text}'")
    common = {"hotel_key": "hotel_key", "alert_key": key, "channel_key": "key", "event_id": 1, "attempts": 1}
    for number, word in enumerate(NoticeKind):
        one = {"kind": f"'{word}'", "alert_revision": 100 + number, "state": "'delivered'", "created_at": 0}
        insert(by_hand, "notification", "channel", **common, **one)
    of_device = {"hotel_key": "hotel_key", "device_key": "key"}
    at = int(NOW.timestamp() * 1e6)
    for number, word in enumerate(InputKind):
        one = {"kind": f"'{word}'", "message_id": f"'of-{number}'", "received_at": at, "late": "FALSE", "body": "''"}
        insert(by_hand, "message", f"device WHERE id = '{device.id}'", **of_device, **one)
    for word in InboxKind:
        one = {"kind": f"'{word}'", "payload": "''", "received_at": 0}
        insert(by_hand, "inbox", f"device WHERE id = '{device.id}'", **of_device, **one)


def words(by_hand: ByHand, column: str, table: str) -> set[str]:
    return set(by_hand(f"SELECT DISTINCT {column} FROM {table}").splitlines())  # noqa: S608


async def test_every_word_that_is_left_was_known_before(url: str, kind: str, by_hand: ByHand) -> None:
    store = await open_at(url)
    tablets = await add_hotel(store, tablets=len(Rule) + 1, channels=[MAIL])
    alerts = (alert_of(rule, rule.family) for rule in Rule)
    await open_alerts(store, zip(tablets[1:], alerts, strict=True))
    await one_of_everything(store)
    await what_is_newer(store)
    await store.close()
    say_everything(by_hand, tablets[0])

    await back(url)

    for table, known in KINDS.items():
        assert words(by_hand, "kind", table) == set(known.split())
    assert words(by_hand, "type", "event") <= set(TYPES.split())
    assert words(by_hand, "rule", "alert") == before_trust.RULES
    whys = words(by_hand, "why", "alert") | words(by_hand, "why", "event WHERE why IS NOT NULL")
    assert reasons_in([msgspec.json.decode(why) for why in whys]) == before_trust.REASONS
    events = [msgspec.json.decode(data) for data in words(by_hand, "data", "event")]
    assert reasons_in(events) == before_trust.REASONS
    assert {event["kind"] for event in events if "kind" in event} <= set(KINDS["notification"].split())
    states = states_of(by_hand, kind)
    carried = [alert for state in states.values() for alert in state["alerts"].values()]
    assert set().union(*states.values()) <= before_trust.STATE
    assert set().union(*carried) <= before_trust.CARRIED
    assert {alert["rule"] for alert in carried} == before_trust.RULES
    assert reasons_in(list(states.values())) == before_trust.REASONS


async def test_a_state_carries_exactly_the_alerts_that_are_open(url: str, kind: str, by_hand: ByHand) -> None:
    """The older version ends with an error where a state has an alert that no row has, or a row one that it has not."""
    store = await open_at(url)
    (silent, low, dismissed) = await add_hotel(store, tablets=3)
    gone_quiet = SilenceMemory(silent_since=NOW, silent=Reason(Because.NOTHING_HEARD), told=Reason(Because.CAME_LATE))
    memories = {"silence": gone_quiet, "reported": ReportedMemory(NOW), "signal": SignalMemory(firing=True)}
    silence = alert_of(Rule.SILENCE, Family.SILENCE)
    await open_alerts(store, [(silent, silence)], **memories)
    battery = alert_of(Rule.BATTERY_LOW, Family.BATTERY)
    lost = BatteryMemory(level=BatteryLevel.LOW)
    await store.apply(batch(changes=[change(low, ChangeKind.OPENED, battery)], states={low.key: DeviceState()}))
    ended = replace(silence, id=AlertId("over"), dismissed=Severity.HIGH)
    await open_alerts(store, [(dismissed, ended)], **memories, battery_level=lost)
    over = AlertChange(kind=ChangeKind.CLEARED, alert=ended, at=NOW, why=())
    await store.apply(batch(changes=[replace(change(dismissed, ChangeKind.CLEARED, ended), change=over)]))
    await store.close()

    await back(url)

    states = states_of(by_hand, kind)
    assert by_hand("SELECT id FROM alert WHERE status = 'open'") == silence.id
    assert {name: list(state["alerts"]) for name, state in states.items()} == {
        "tab-0": ["silence"],
        "tab-1": [],
        "tab-2": [],
    }
    assert set(states["tab-0"]["silence"]) == {"silent_since", "silent"}
    assert "reported" not in states["tab-0"]
    assert states["tab-2"]["silence"] == {}, "it is judged anew"
    assert states["tab-2"]["battery_level"]["level"] == 1


@pytest.mark.parametrize(
    ("acknowledged", "cancelled", "told"),
    [(False, False, ["pending"]), (False, True, ["pending"]), (True, False, [])],
)
async def test_what_was_kept_quiet_is_told_unless_somebody_has_answered(
    url: str, by_hand: ByHand, acknowledged: bool, cancelled: bool, told: list[str]
) -> None:
    store = await open_at(url)
    (tablet, _) = await add_hotel(store, channels=[MAIL])
    hushed = replace(alert_of(Rule.SILENCE, Family.SILENCE), suppressed_by=Because.MAINTENANCE)
    await open_alerts(store, [(tablet, hushed)])
    assert not (await store.notifications(HOTEL)).items
    if acknowledged:
        await store.acknowledge(HOTEL, hushed.id, by=INNWATCH, note=None, now=later(1))
    await store.close()
    if cancelled:
        both = "alert JOIN channel ON channel.hotel_key = alert.hotel_key"
        keys = {name: f"{name.partition('_')[0]}.key" for name in ("alert_key", "channel_key")}
        rest = {"state": "'cancelled'", "attempts": 0, "event_id": 1, "created_at": 0, "kind": "'opened'"}
        whose = {"hotel_key": "alert.hotel_key", "alert_revision": "alert.revision"}
        insert(by_hand, "notification", both, **keys, **rest, **whose)

    await back(url)

    assert by_hand("SELECT state FROM notification").splitlines() == told
    assert by_hand("SELECT count(*) FROM alert WHERE suppressed_by IS NULL AND status = 'open'") == "1"


@ON_POSTGRESQL
async def test_each_day_of_minutes_has_a_day_of_messages_again(url: str, by_hand: ByHand) -> None:
    by_hand("CREATE TABLE minute_20000 PARTITION OF minute FOR VALUES FROM (1728000000000000) TO (1728086400000000)")

    await back(url)

    index = "uq_message_20000_message_id_device_key"
    assert by_hand(f"SELECT tablename FROM pg_indexes WHERE indexname = '{index}'") == "message_20000"  # noqa: S608


async def test_the_alerts_of_what_is_newer_are_told_where_its_own_notice_was_not_sent(
    url: str, by_hand: ByHand
) -> None:
    store = await open_at(url)
    (tablet, _) = await add_hotel(store, channels=[MAIL])
    await open_alerts(store, [(tablet, replace(alert_of(Rule.SILENCE, Family.SILENCE), id=A1))])
    await what_is_newer(store)
    assert [one.kind for one in (await store.notifications(HOTEL, state=NotificationState.PENDING)).items] == [
        "incident"
    ]
    await store.close()

    await back(url)

    assert by_hand("SELECT kind FROM notification WHERE state = 'pending'") == "opened"
