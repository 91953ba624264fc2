#!/usr/bin/env python3
"""From the webhooks of a hotel's system to Innwatch: a worked example, see docs/integrations.md.

It needs Python 3.11 and paho-mqtt 2 and nothing of Innwatch. Change `word_of` to what your system sends; leave the rest
as it is. A webhook is answered when Innwatch has said what became of it: 204 accepted, 422 rejected (saying it again
would not help), 503 nobody answered (the system comes again, with the same id, and nothing counts twice). What the desk
is to know is printed, a JSON line each.

Settings, from the environment: BROKER_HOST and BROKER_PORT (by TLS where BROKER_CA is a file of
certificates), HOTEL, INTEGRATOR, TOKEN_FILE, WEBHOOK_PORT (on this machine only: put a proxy
with TLS before it), WEBHOOK_SECRET (what the header X-Webhook-Secret must be; without one it does
not start).
"""

import hashlib
import hmac
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

ANSWER_WITHIN = 10.0
"""Seconds. Most systems wait for thirty before they come again."""

LARGEST = 64 * 1024

KINDS = {
    "reservation.checked_in": "checkin",
    "reservation.checked_out": "checkout",
    "reservation.moved": "move",
    "room.status": "room-status",
}


def word_of(webhook: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
    """What a webhook means to Innwatch: the kind of word, and the word. None: nothing. Raises KeyError, TypeError.

    Every field is named. A guest's name, address or number has no business here, and does not get past this function;
    of the reservation's own number only a hash does.
    """
    kind = KINDS.get(webhook["event"])
    if kind is None:
        return None
    if isinstance(webhook["eventId"], bool) or not isinstance(webhook["eventId"], str | int):
        raise TypeError
    word = {"id": str(webhook["eventId"]), "ts": webhook["occurredAt"], "roomId": webhook["room"]}
    if kind == "room-status":
        word["status"] = webhook["status"]
        return kind, word
    reservation = webhook["reservation"]
    word["stayRef"] = hashlib.sha256(str(reservation["id"]).encode()).hexdigest()[:32]
    if kind == "move":
        word["toRoomId"] = webhook["toRoom"]
    if kind != "checkout" and reservation.get("departure"):
        word["departsAt"] = reservation["departure"]
    return kind, word


class Innwatch:
    """One MQTT connection that comes back by itself, and who waits for which answer."""

    def __init__(self, *, hotel: str, integrator: str, token: str) -> None:
        self._prefix = f"hotels/{hotel}/pms/{integrator}"
        self._clearances = f"hotels/{hotel}/clearance/+"
        self._waiting: dict[str, list[tuple[threading.Event, list[dict[str, Any]]]]] = {}
        self._lock = threading.Lock()
        name = f"{hotel}/integrator/{integrator}"
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=f"{name}/webhooks")
        self.client.username_pw_set(name, token)
        self.client.on_connect = self._connected
        self.client.on_message = self._told

    def say(self, kind: str, word: dict[str, str]) -> dict[str, Any] | None:
        """Publish a word and return what became of it; None: nobody answered in time."""
        answered, answers = threading.Event(), list[dict[str, Any]]()
        with self._lock:
            self._waiting.setdefault(word["id"], []).append((answered, answers))
        try:
            self.client.publish(f"{self._prefix}/in/{kind}", json.dumps(word), qos=1)
            return answers[0] if answered.wait(ANSWER_WITHIN) else None
        finally:
            with self._lock:
                waiting = self._waiting.get(word["id"], [])
                waiting[:] = [one for one in waiting if one[0] is not answered]
                if not waiting:
                    self._waiting.pop(word["id"], None)

    def _connected(
        self, client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            print(json.dumps({"innwatch": "does not let us in", "reason": str(code)}), flush=True)
            return
        client.subscribe([(f"{self._prefix}/result", 1), (self._clearances, 1)])
        print(json.dumps({"innwatch": "connected"}), flush=True)

    def _told(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        said = json.loads(message.payload)
        if not message.topic.endswith("/result"):
            print(json.dumps({"desk": said}), flush=True)  # Here the desk's own screen would be told.
            return
        with self._lock:
            for answered, answers in self._waiting.get(said.get("id") or "", []):
                answers.append(said)
                answered.set()


def length_of(said: str) -> int | None:
    """A number of bytes; None: it is none."""
    return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else None


def answer_to(result: dict[str, Any] | None) -> tuple[int, str]:
    """Status and text for what became of a word."""
    if result is None:
        return 503, "Innwatch did not answer"
    if result["verdict"] == "accepted":
        return 204, ""
    return 422, f"{result['reason']}: {result['detail']}"


def listener(innwatch: Innwatch, *, secret: str) -> type[BaseHTTPRequestHandler]:
    """Return what answers each webhook."""

    class Webhook(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            if not hmac.compare_digest(self.headers.get("X-Webhook-Secret", "").encode(), secret.encode()):
                return self._answer(401, "another secret")
            length = length_of(self.headers.get("Content-Length", ""))
            if length is None:
                return self._answer(400, "no Content-Length")
            if length > LARGEST:
                return self._answer(413, "too large")
            try:
                said = word_of(json.loads(self.rfile.read(length)))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                return self._answer(422, f"not understood: {type(error).__name__}")  # not in its words: they have names
            if said is None:
                return self._answer(204)
            return self._answer(*answer_to(innwatch.say(*said)))

        def _answer(self, status: int, why: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(why.encode())))
            self.end_headers()
            self.wfile.write(why.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
            """Say nothing: addresses may have names in them."""

    return Webhook


def main() -> None:
    env = os.environ
    if not env.get("WEBHOOK_SECRET", "").strip():
        sys.exit("WEBHOOK_SECRET is empty: anybody could say that a guest has left")
    token = Path(env["TOKEN_FILE"]).read_text(encoding="ascii").strip()
    innwatch = Innwatch(hotel=env["HOTEL"], integrator=env["INTEGRATOR"], token=token)
    if env.get("BROKER_CA"):
        innwatch.client.tls_set(ca_certs=env["BROKER_CA"])
    innwatch.client.connect_async(env.get("BROKER_HOST", "127.0.0.1"), int(env.get("BROKER_PORT", "1883")), 30)
    innwatch.client.loop_start()
    port = int(env.get("WEBHOOK_PORT", "8088"))
    ThreadingHTTPServer(("127.0.0.1", port), listener(innwatch, secret=env["WEBHOOK_SECRET"].strip())).serve_forever()


if __name__ == "__main__":
    main()
