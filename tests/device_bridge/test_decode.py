"""Any bytes give a message or a rejection that says why; nothing is ever raised."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.topics import Kind, Topic
from device_bridge.decode import BACKLOG_LIMIT, MESSAGE_LIMIT, Decoded, Refused, Rejected, decode
from rules.ids import HotelId, MessageId
from rules.messages import Heartbeat, Link, Report, Result, State, TokenEnd, TokenEnded

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
GOOD = {"id": "m-1", "ts": "2026-11-22T02:59:59.5+01:00", "wifiBssid": "aa:bb:cc:dd:ee:01", "rssi": -61, "battery": 80}


def topic(kind: Kind) -> Topic:
    return Topic(kind, HotelId("grand"), "tab-1")


def read(kind: Kind, payload: bytes, *, retain: bool = False) -> Decoded | Rejected:
    (only,) = decode(topic(kind), payload, retain=retain, received_at=NOW)
    return only


def heartbeat(**fields: object) -> Decoded | Rejected:
    return read(Kind.HEARTBEAT, msgspec.json.encode(GOOD | fields))


def test_a_heartbeat_becomes_the_domains_record_and_keeps_its_bytes() -> None:
    payload = msgspec.json.encode(GOOD)
    decoded = read(Kind.HEARTBEAT, payload)
    assert isinstance(decoded, Decoded)
    assert isinstance(decoded.message, Heartbeat)
    assert (decoded.message.id, decoded.message.rssi, decoded.body) == ("m-1", -61, payload)


def test_a_field_that_nobody_knows_is_ignored() -> None:
    assert isinstance(heartbeat(fromTheFuture={"deep": [1, 2]}), Decoded)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "with space"},
        {"id": "line\n"},
        {"id": "a" * 65},
        {"id": "ltr\u202e"},
        {"id": 7},
        {"id": None},
        {"id": ""},
        {"sid": "with space"},
        {"sid": "a" * 65},
        {"sid": ""},
        {"sid": "ltr\u202e"},
        {"ts": "2026-11-22T03:00:00"},
        {"ts": "yesterday"},
        {"ts": "0001-01-01T00:00:00+23:00"},
        {"ts": "9999-12-31T23:59:59-23:00"},
        {"rssi": 1},
        {"rssi": -127},
        {"rssi": "strong"},
        {"battery": 100.5},
        {"battery": -1},
        {"charging": "yes"},
        {"plug": "solar"},
        {"seq": 2**63},
        {"seq": -1},
        {"seq": 1.5},
        {"aps": [{"bssid": "aa", "rssi": -50}] * 6},
        {"wifiSsid": "x" * 300},
    ],
)
def test_a_field_that_is_wrong_refuses_the_message(fields: dict[str, object]) -> None:
    refused = heartbeat(**fields)
    assert isinstance(refused, Rejected)
    assert refused.reason is Refused.INVALID
    assert next(iter(fields)) in refused.detail


@pytest.mark.parametrize("missing", ["id", "ts"])
def test_a_required_field_that_is_missing_is_named(missing: str) -> None:
    refused = read(Kind.HEARTBEAT, msgspec.json.encode({k: v for k, v in GOOD.items() if k != missing}))
    assert isinstance(refused, Rejected)
    assert missing in refused.detail


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"id":"m-1"',
        b'{"id":"m-1","ts":"2026-11-22T03:00:00Z","rssi":NaN}',
        b'{"id":"m-1","ts":"2026-11-22T03:00:00Z","rssi":-Infinity}',
        b'{"id":"m-1","ts":"2026-11-22T03:00:00Z","rssi":-1e999}',
        b'{"id":"m-1","ts":"2026-11-22T03:00:00Z","wifiSsid":"\xff"}',
        b'{"id":"m-1","ts":"2026-11-22T03:00:00Z","wifiSsid":"\\ud800"}',
    ],
)
def test_rubbish_is_refused(payload: bytes) -> None:
    assert isinstance(read(Kind.HEARTBEAT, payload), Rejected)


@pytest.mark.parametrize(("levels", "taken"), [(7, True), (8, False), (100_000, False)])
def test_deep_nesting_is_refused_and_not_followed(levels: int, taken: bool) -> None:
    nested = b"[" * levels + b"]" * levels if levels < 4000 else b"[" * 4000
    decoded = read(Kind.HEARTBEAT, msgspec.json.encode(GOOD)[:-1] + b',"x":' + nested + b"}")
    assert isinstance(decoded, Decoded) is taken


def test_brackets_inside_a_string_are_not_nesting() -> None:
    assert isinstance(heartbeat(agent='[{"[{\\"[{[{[{[{'), Decoded)


def test_a_rejection_names_the_message_when_its_id_could_be_read() -> None:
    refused = heartbeat(rssi=5)
    assert isinstance(refused, Rejected)
    assert refused.message_id == "m-1"


@pytest.mark.parametrize(
    ("payload", "retain"),
    [
        (b'{"id":"m-7","ts":"2026-11-22T03:00:00Z"}', True),
        (b'{"id" : "m-7","ts":"2026-11-22T03:00:00Z","agent":"' + b"x" * MESSAGE_LIMIT + b'"}', False),
        (b'{"ts":"2026-11-22T03:00:00Z","rssi":NaN,"id":"m-7"}', False),
        (b'{"id":"m-7","ts":"2026-11', False),
    ],
)
def test_a_rejection_names_the_message_even_where_it_is_no_json(payload: bytes, retain: bool) -> None:
    refused = read(Kind.HEARTBEAT, payload, retain=retain)
    assert isinstance(refused, Rejected)
    assert refused.message_id == "m-7"


@pytest.mark.parametrize("field", [{"deviceId": "tab-2"}, {"hotelId": "other"}])
def test_an_id_that_is_not_the_topics_is_a_spoof(field: dict[str, object]) -> None:
    refused = heartbeat(**field)
    assert isinstance(refused, Rejected)
    assert refused.reason is Refused.SPOOFED


def test_the_topics_own_ids_are_welcome_in_the_payload() -> None:
    assert isinstance(heartbeat(deviceId="tab-1", hotelId="grand"), Decoded)


def test_a_retained_message_is_never_device_input() -> None:
    refused = read(Kind.HEARTBEAT, msgspec.json.encode(GOOD), retain=True)
    assert isinstance(refused, Rejected)
    assert refused.reason is Refused.RETAINED


def test_a_message_may_have_8_kib_and_no_more() -> None:
    refused = read(Kind.HEARTBEAT, b" " * (MESSAGE_LIMIT + 1))
    assert isinstance(refused, Rejected)
    assert refused.reason is Refused.TOO_LARGE


def test_a_will_is_named_after_its_session_and_dated_at_its_receipt() -> None:
    decoded = read(Kind.STATE, b'{"state":"lost","sid":"b7-3"}')
    assert isinstance(decoded, Decoded)
    assert decoded.message == State(id=MessageId("lost-b7-3"), ts=NOW, sid="b7-3", state=Link.LOST)


def test_a_birth_without_an_id_is_refused() -> None:
    refused = read(Kind.STATE, b'{"state":"ready"}')
    assert isinstance(refused, Rejected)
    assert refused.reason is Refused.INVALID


def test_a_report_is_read() -> None:
    decoded = read(Kind.ALERT, b'{"id":"r","ts":"2026-11-22T03:00:00Z","kind":"breach","cause":"foreign-ap"}')
    assert isinstance(decoded, Decoded)
    assert isinstance(decoded.message, Report)


def test_the_result_of_a_command_is_read() -> None:
    decoded = read(
        Kind.RESULT, b'{"id":"x","ts":"2026-11-22T03:00:00Z","commandId":"c-1","status":"failed","detail":"no"}'
    )
    assert isinstance(decoded, Decoded)
    assert isinstance(decoded.message, Result)
    assert (decoded.message.command_id, decoded.message.status, decoded.message.detail) == ("c-1", "failed", "no")


@pytest.mark.parametrize(
    "fields",
    [{"commandId": "with space"}, {"commandId": ""}, {"commandId": None}, {"status": "sent"}, {"status": None}],
)
def test_the_result_of_nothing_that_could_be_is_refused(fields: dict[str, object]) -> None:
    body = {"id": "x", "ts": "2026-11-22T03:00:00Z", "commandId": "c-1", "status": "done"} | fields
    refused = read(Kind.RESULT, msgspec.json.encode(body))
    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.message_id) == (Refused.INVALID, "x")


@pytest.mark.parametrize("kind", [Kind.DO, Kind.PMS_IN])
def test_a_topic_that_this_version_does_not_consume_is_said_to_be_so(kind: Kind) -> None:
    refused = read(kind, b'{"id":"m-1"}')
    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.message_id) == (Refused.UNSUPPORTED, "m-1")


def backlog(*items: object, **fields: object) -> list[Decoded | Rejected]:
    envelope = {"id": "b-1", "ts": "2026-11-22T03:00:00Z", "items": items} | fields
    return decode(topic(Kind.BACKLOG), msgspec.json.encode(envelope), retain=False, received_at=NOW)


def test_a_backlog_is_late_and_keeps_its_order_and_one_bad_item_refuses_only_itself() -> None:
    first, second, third = backlog(
        {"kind": "heartbeat", "message": GOOD},
        {"kind": "heartbeat", "message": GOOD | {"id": "m-2", "rssi": 5}},
        {"kind": "alert", "message": {"id": "m-3", "ts": "2026-11-22T03:00:00Z", "kind": "breach"}},
    )
    assert isinstance(first, Decoded)
    assert first.late
    assert isinstance(second, Rejected)
    assert second.message_id == "m-2"
    assert isinstance(third, Decoded)
    assert isinstance(third.message, Report)


def test_a_backlog_inside_a_backlog_is_refused() -> None:
    (inner,) = backlog({"kind": "backlog", "message": {"id": "b", "ts": "2026-11-22T03:00:00Z", "items": []}})
    assert isinstance(inner, Rejected)


def test_a_backlog_of_over_100_items_is_refused_whole() -> None:
    (refused,) = backlog(*[{"kind": "heartbeat", "message": GOOD}] * 101)
    assert isinstance(refused, Rejected)
    assert refused.message_id == "b-1"


def test_a_backlog_may_have_64_kib_and_no_more() -> None:
    (refused,) = decode(topic(Kind.BACKLOG), b" " * (BACKLOG_LIMIT + 1), retain=False, received_at=NOW)
    assert isinstance(refused, Rejected)
    assert refused.reason is Refused.TOO_LARGE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    kind=st.sampled_from(list(Kind)),
    payload=st.binary(max_size=300) | JSON.map(msgspec.json.encode),
    retain=st.booleans(),
)
def test_any_bytes_give_a_message_or_a_rejection(kind: Kind, payload: bytes, retain: bool) -> None:
    for outcome in decode(topic(kind), payload, retain=retain, received_at=NOW):
        assert isinstance(outcome, Decoded | Rejected)


@given(field=st.sampled_from(["rssi", "battery", "ts", "id", "sid", "aps", "plug", "seq"]), value=JSON)
def test_any_value_in_any_field_gives_a_message_or_a_rejection(field: str, value: object) -> None:
    assert isinstance(read(Kind.HEARTBEAT, msgspec.json.encode(GOOD | {field: value})), Decoded | Rejected)


def test_the_brokers_word_that_a_token_ended_has_a_name_that_no_device_can_use_up() -> None:
    decoded = read(Kind.ENDED, b'{"id":"revoked-1795402800000","ts":"2026-11-22T03:00:00Z","cause":"revoked"}')
    assert isinstance(decoded, Decoded)
    assert decoded.message == TokenEnded(id=MessageId("revoked:1795402800000"), ts=NOW, cause=TokenEnd.REVOKED)


def test_a_device_cannot_say_in_a_backlog_that_its_token_ended() -> None:
    word = {"id": "revoked-1", "ts": NOW, "cause": "revoked"}
    kept = {"id": "b-1", "ts": NOW, "items": [{"kind": "ended", "message": word}]}
    (refused,) = decode(topic(Kind.BACKLOG), msgspec.json.encode(kept), retain=False, received_at=NOW)
    assert isinstance(refused, Rejected)
    assert refused.reason is Refused.UNSUPPORTED


@pytest.mark.parametrize("wake_by", ["1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z"])
def test_a_time_to_wake_that_nobody_can_reckon_with_is_refused_by_the_messages_own_id(wake_by: str) -> None:
    body = {"caps": ["x" * 200] * 10, "ext": {"id": "m-other"}} | GOOD | {"state": "sleeping", "wakeBy": wake_by}
    refused = read(Kind.STATE, msgspec.json.encode(body))
    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.message_id) == (Refused.INVALID, "m-1")
    assert refused.detail == "wakeBy is not between 1970 and 2200"


def test_a_spoof_is_a_spoof_whatever_time_it_says() -> None:
    refused = heartbeat(deviceId="tab-2", ts="1960-01-01T00:00:00Z")
    assert isinstance(refused, Rejected)
    assert refused.reason is Refused.SPOOFED
