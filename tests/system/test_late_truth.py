"""What comes late and what was announced, over the running process: who is told of what, and who is not."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support import eventually_sync
from tests.system.conftest import Install
from tests.system.installation import (
    Installation,
    Json,
    Person,
    Shape,
    StoppedClock,
    bssid_of,
    heartbeat,
    tablets_clock,
)
from tests.system.receivers import webhook


class Tablet:
    """A tablet whose Wi-Fi can go, in sessions with a name of their own."""

    def __init__(self, innwatch: Installation, hotel: str, number: int) -> None:
        self.name, self._hotel, self._number, self._sessions = f"tab-{number}", hotel, number, 0
        self._port, self._token = innwatch.mqtt_port, innwatch.token("device", hotel, f"tab-{number}")
        self._client: Client | None = None

    @property
    def sid(self) -> str:
        return f"b-{self._sessions}"

    def come(self) -> None:
        self.leave()
        self._sessions += 1
        name = f"{self._hotel}/{self.name}"
        client = self._client = Client(CallbackAPIVersion.VERSION2, client_id=name)
        client.username_pw_set(name, self._token)
        client.will_set(self._topic("state"), json.dumps({"state": "lost", "sid": self.sid}), qos=1)
        client.connect("127.0.0.1", self._port, keepalive=10)
        client.loop_start()
        eventually_sync(client.is_connected)
        self.say("state", state="ready")

    def say(self, topic: str, **fields: object) -> None:
        assert self._client is not None
        body = self.said() | fields
        self._client.publish(self._topic(topic), json.dumps(body), qos=1).wait_for_publish(20)

    def said(self, *, at: datetime | None = None) -> Json:
        """A heartbeat of now, or of then that it kept."""
        stamp = (at or tablets_clock.now()).isoformat()
        return json.loads(heartbeat(bssid=bssid_of(self._number), sid=self.sid, ts=stamp))

    def beat(self, times: int = 1, **fields: object) -> None:
        for _ in range(times):
            self.say("heartbeat", **fields)

    def go(self) -> None:
        """Its Wi-Fi is gone: nothing is said any more, a goodbye neither, and the broker finds out."""
        assert self._client is not None
        self._client.loop_stop()
        sock = self._client.socket()
        assert sock is not None
        sock.close()

    def leave(self) -> None:
        """Hang up, if it is there."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()

    def _topic(self, kind: str) -> str:
        return f"hotels/{self._hotel}/devices/{self.name}/{kind}"


@contextmanager
def tablets(innwatch: Installation, *names: tuple[str, int]) -> Iterator[list[Tablet]]:
    """Tablets by hotel and number that have not come yet, and leave in the end."""
    made = [Tablet(innwatch, hotel, number) for hotel, number in names]
    try:
        yield made
    finally:
        for tablet in made:
            tablet.leave()


def notices(person: Person) -> list[str]:
    return sorted(row["kind"] for row in person.all("/api/notifications"))


def test_wifi_that_is_switched_off_alarms_and_a_backlog_explains_while_a_doze_that_was_announced_alarms_nobody(
    install: Install, clock: StoppedClock
) -> None:
    with webhook() as slack, ExitStack() as stack:
        innwatch = install(Shape.EMBEDDED, env=clock.env)
        innwatch.start("--for-tests")
        innwatch.furnish("grand", channels=("--slack-webhook", slack.url))
        innwatch.furnish("doze", rooms=2, profile="normal")
        sam, dora = innwatch.person("sam"), innwatch.person("dora", hotel="doze")
        tablet, dozing, quiet = stack.enter_context(tablets(innwatch, ("grand", 101), ("doze", 101), ("doze", 102)))

        for one in (tablet, dozing, quiet):
            one.come()
            one.beat()
        began = tablets_clock.now()
        dozing.say("state", state="sleeping", reason="screen-off", wakeBy=(began + timedelta(minutes=5)).isoformat())

        # Wi-Fi goes at all three. The strict one is missed within 20 s.
        for one in (tablet, dozing, quiet):
            one.go()
        clock.pass_to(20)
        (alert,) = eventually_sync(sam.open_alerts)
        assert (alert["rule"], alert["severity"]) == ("silence", "high")
        clock.pass_to(30)
        eventually_sync(lambda: len(slack.posts) == 1)

        # Forty seconds of silence: an alert where nothing was announced, and none where a sleep was.
        clock.pass_to(42)
        (missed,) = eventually_sync(dora.open_alerts)
        assert (missed["deviceId"], missed["rule"]) == ("tab-102", "silence")

        # The strict one is back, and its backlog says why it was silent.
        tablet.come()
        off = tablet.said(at=began + timedelta(seconds=1)) | {"kind": "breach", "cause": "wifi-off"}
        kept = [{"kind": "heartbeat", "message": tablet.said(at=began)}, {"kind": "alert", "message": off}]
        tablet.say("backlog", items=kept)
        eventually_sync(lambda: [one["rule"] for one in sam.open_alerts()] == ["wifi-off"])
        (named,) = sam.open_alerts()
        assert (named["id"], named["severity"], named["why"][0]["because"]) == (alert["id"], "high", "wifi-off")
        tablet.beat(times=2)
        eventually_sync(lambda: sam.open_alerts() == [])
        clock.pass_to(50)
        eventually_sync(lambda: len(slack.posts) == 2)
        assert notices(sam) == ["opened", "recovered"]
        assert [one["rule"] for one in sam.all("/api/alerts", status="resolved")] == ["wifi-off"]

        # The dozing one wakes in time.
        clock.pass_to(290)
        dozing.come()
        dozing.beat(times=2, screenOn=True)
        eventually_sync(lambda: dora.get("/api/devices/tab-101")["link"] == "online")
        assert [one["deviceId"] for one in dora.open_alerts()] == ["tab-102"]
        assert dora.all("/api/alerts", status="resolved") == []
