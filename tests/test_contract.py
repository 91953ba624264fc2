"""The golden messages of docs/contract.md, held against the code that reads or writes them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from broker.topics import Kind, Topic, parse
from device_bridge.commands import CommandMessage
from device_bridge.decode import Decoded, decode
from device_bridge.doing import Do, DoResult, read
from device_bridge.monitor import MonitorSnapshot
from device_bridge.pms_results import PmsResult
from device_bridge.receipts import ReceiptLine
from device_bridge.renewal import TokenMessage
from rules.alerts import AlertSnapshot
from rules.clearance import Clearance
from rules.ids import HotelId
from rules.room_config import RoomConfig
from rules.room_state import RoomState
from rules.room_status import PmsKind, PmsMessage, what_is_wrong
from rules.state import StatusSnapshot
from store.records import Event

CONTRACT = Path(__file__).parents[1] / "docs" / "contract.md"
GOLDEN = re.findall(r"```json golden:([a-z-]+)\n(.*?)```", CONTRACT.read_text(), flags=re.DOTALL)


class Receipt(msgspec.Struct, forbid_unknown_fields=True):
    lines: list[ReceiptLine] = msgspec.field(name="for")


WRITTEN: dict[str, type[msgspec.Struct]] = {
    "alert-snapshot": AlertSnapshot,
    "command": CommandMessage,
    "config": RoomConfig,
    "do-result": DoResult,
    "event": Event,
    "clearance": Clearance,
    "monitor": MonitorSnapshot,
    "pms-result": PmsResult,
    "room-state": RoomState,
    "receipt": Receipt,
    "status": StatusSnapshot,
    "token": TokenMessage,
}


def test_the_contract_has_a_golden_message_of_every_kind() -> None:
    of_devices = {"heartbeat", "alert", "state", "backlog", "result", "renew", "ended"}
    assert {kind for kind, _ in GOLDEN} == {*of_devices, "do", "pms-in", *WRITTEN}


@pytest.mark.parametrize(("kind", "text"), [golden for golden in GOLDEN if golden[0] not in {"do", "pms-in", *WRITTEN}])
def test_what_devices_send_is_understood(kind: str, text: str) -> None:
    topic = Topic(Kind(kind), HotelId("grand"), "tab-101")
    outcomes = decode(topic, text.encode(), retain=False, received_at=datetime(2026, 11, 22, tzinfo=UTC))
    assert [type(outcome) for outcome in outcomes] == [Decoded]


def test_what_people_do_is_understood() -> None:
    (text,) = (text for kind, text in GOLDEN if kind == "do")
    assert isinstance(read(text.encode()), Do)


@pytest.mark.parametrize(("kind", "text"), [golden for golden in GOLDEN if golden[0] in WRITTEN])
def test_what_innwatch_sends_is_what_the_contract_shows(kind: str, text: str) -> None:
    record = msgspec.json.decode(text, type=WRITTEN[kind])
    assert json.loads(msgspec.json.encode(record)) == json.loads(text)


@pytest.mark.parametrize("text", [text for kind, text in GOLDEN if kind == "pms-in"])
def test_what_hotel_systems_send_is_understood(text: str) -> None:
    said = msgspec.json.decode(text, type=PmsMessage)
    assert what_is_wrong(said, PmsKind.CHECKOUT, at=datetime(2026, 11, 22, 11, tzinfo=UTC)) is None


def test_every_topic_of_the_table_parses() -> None:
    table = CONTRACT.read_text().partition("## 1. Topics")[2].partition("## 2.")[0]
    names = re.findall(r"`((?:hotels|platform)/[^`]*)`", table)
    filled = [re.sub(r"\{kind\}", "checkin", name).replace("/#", "/a/b") for name in names]
    kinds = [parse(re.sub(r"\{[a-z]+\}", "x1", name)) for name in filled]
    assert None not in kinds
    assert len(kinds) > 15
