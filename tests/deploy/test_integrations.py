"""The examples for hotel systems: the script runs against a bridge, and the flow says the same."""

import hashlib
import importlib.util
import json
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage
from playwright.sync_api import sync_playwright

from broker.access import may_connect, may_publish, may_subscribe
from broker.tokens import KeyRing, mint_integrator
from broker.topics import parse
from rules.ids import HotelId
from tests.console.conftest import QUIETLY
from tests.deploy.compose import DEPLOY, ROOT
from tests.support import Processes, eventually_sync, free_port, requires
from tests.support.http import plain
from tests.system.installation import Installation

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SCRIPT = DEPLOY / "integrations" / "pms_webhook.py"
FLOW: list[dict[str, Any]] = json.loads((DEPLOY / "integrations" / "node-red-flow.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
(SHOWN,) = re.findall(r"```json webhook\n(.*?)```", PAGE, flags=re.DOTALL)
CHECKED_OUT: dict[str, Any] = json.loads(SHOWN)
WEBHOOKS: list[dict[str, Any]] = [
    CHECKED_OUT,
    CHECKED_OUT | {"event": "reservation.checked_in"},
    CHECKED_OUT | {"event": "reservation.moved", "toRoom": "205"},
    CHECKED_OUT | {"event": "room.status", "status": "out-of-order"},
    CHECKED_OUT | {"event": "reservation.checked_in", "reservation": {"id": 7}},
    CHECKED_OUT | {"event": "guest.birthday"},
]


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pms_webhook", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def word_of(webhook: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
    script = load_script()
    word: tuple[str, dict[str, str]] | None = script.word_of(webhook)
    return word


@pytest.mark.server
def test_the_script_answers_a_webhook_with_what_innwatch_answered(processes: Processes, tmp_path: Path) -> None:
    innwatch = Installation(processes, tmp_path)
    innwatch.start()
    innwatch.furnish()
    innwatch.cli("integrator", "add", "grand", "opera", "--scope", "pms")
    (tmp_path / "token").write_text(innwatch.token("integrator", "grand", "opera"))
    port = free_port()
    env = {
        "HOTEL": "grand",
        "INTEGRATOR": "opera",
        "BROKER_PORT": str(innwatch.mqtt_port),
        "TOKEN_FILE": str(tmp_path / "token"),
        "WEBHOOK_PORT": str(port),
        "WEBHOOK_SECRET": "open sesame",
    }
    script = processes.start([sys.executable, str(SCRIPT)], env=env)
    eventually_sync(lambda: "connected" in script.output(), within=20)

    def hook(said: object, *, knows: str = "open sesame") -> tuple[int, str]:
        reply = plain.post(f"http://127.0.0.1:{port}", json=said, headers={"X-Webhook-Secret": knows}, timeout=15)
        return reply.status_code, reply.text

    check_out = CHECKED_OUT | {"room": "101", "occurredAt": _now()}
    assert hook(check_out, knows="another") == (401, "another secret")
    assert hook(check_out) == (204, "")
    eventually_sync(lambda: '"verdict": "unknown"' in script.output())
    assert hook(check_out | {"eventId": "e-2", "room": "999"}) == (422, "unknown-room: no such room in this hotel")
    assert hook({"event": "reservation.checked_out"})[0] == 422
    assert hook({"event": "guest.birthday"})[0] == 204
    assert "Lovelace" not in script.output()


def test_bad_webhooks_are_refused_and_two_of_one_id_are_both_answered() -> None:
    script = load_script()
    innwatch = script.Innwatch(hotel="grand", integrator="opera", token="t")
    said = threading.Semaphore(0)
    innwatch.client.publish = lambda *_, **__: said.release()
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), script.listener(innwatch, secret="s"))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def hook(webhook: dict[str, Any], **headers: str) -> int:
        body = json.dumps(webhook)
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=15)
        headers = {"X-Webhook-Secret": "s", "Content-Length": str(len(body))} | headers
        connection.request("POST", "/", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    try:
        assert hook(CHECKED_OUT | {"eventId": ["a"]}) == 422
        assert [hook(CHECKED_OUT, **{"Content-Length": length}) for length in ("abc", "-1", "")] == [400] * 3
        with ThreadPoolExecutor() as pool:
            both = [pool.submit(hook, CHECKED_OUT | {"eventId": 4711}) for _ in range(2)]
            assert all(said.acquire(timeout=10) for _ in both)
            message = MQTTMessage(topic=b"hotels/grand/pms/opera/result")
            message.payload = b'{"id": "4711", "verdict": "accepted"}'
            innwatch._told(innwatch.client, None, message)
            assert [one.result() for one in both] == [204, 204]
    finally:
        server.shutdown()
        server.server_close()


def test_without_a_secret_the_script_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", " ")
    with pytest.raises(SystemExit, match="WEBHOOK_SECRET is empty"):
        load_script().main()


def _now() -> str:
    return datetime.now(UTC).isoformat()


@pytest.mark.parametrize("webhook", WEBHOOKS, ids=lambda webhook: webhook["event"])
def test_no_guest_and_no_number_gets_past_the_script(webhook: dict[str, Any]) -> None:
    said = str(word_of(webhook))

    assert "Lovelace" not in said
    assert "R-4711" not in said


@pytest.mark.server
def test_the_flow_says_what_the_script_says() -> None:
    (mapping,) = (node for node in FLOW if node["type"] == "function")
    script = (
        "([code, webhooks, hash]) => webhooks.map((payload) => new Function('msg', 'crypto', code)("
        "{ payload }, { createHash: () => ({ update: (id) => ({ digest: () => hash[id] }) }) }))"
    )
    hashes = {str(one["reservation"]["id"]): _sealed(one) for one in WEBHOOKS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=requires("chromium"), args=QUIETLY)
        said = browser.new_page().evaluate(script, [mapping["func"], WEBHOOKS, hashes])
        browser.close()

    prefix = "hotels/grand/pms/opera/in/"
    wanted = [None if (word := word_of(one)) is None else (prefix + word[0], word[1]) for one in WEBHOOKS]
    assert [None if one is None else (one["topic"], one["payload"]) for one in said] == wanted


def _sealed(webhook: dict[str, Any]) -> str:
    return hashlib.sha256(str(webhook["reservation"]["id"]).encode()).hexdigest()


def test_the_flow_is_whole_and_may_do_what_it_does() -> None:
    nodes = {node["id"]: node for node in FLOW}
    assert len(nodes) == len(FLOW)
    wired = {target for node in FLOW for output in node.get("wires", []) for target in output}
    assert wired <= nodes.keys()
    (broker,) = (node for node in FLOW if node["type"] == "mqtt-broker")
    keys = KeyRing.of("a key of this test alone, long enough")
    token = mint_integrator(keys, hotel_id=HotelId("grand"), name="opera", scope=("pms",), gen=1, now=NOW)
    claims = keys.verify(token, audience="mqtt", now=NOW)
    assert broker["protocolVersion"] == "4"
    assert may_connect(claims, client_id=broker["clientid"], username=claims.sub) is None
    for node in FLOW:
        if node["type"] == "mqtt in":
            assert may_subscribe(claims, node["topic"]) is None
        if node["type"].startswith("mqtt "):
            assert (node["broker"], node["qos"]) == (broker["id"], "1")
    for kind in ("checkin", "checkout", "move", "room-status"):
        topic = f"hotels/grand/pms/opera/in/{kind}"
        assert parse(topic) is not None
        assert may_publish(claims, topic) is None
