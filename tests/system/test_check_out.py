"""A guest checks out: the desk knows within two seconds whether the tablet is still there, and nobody else does."""

import json
import time

import pytest

from tests.support import eventually_sync
from tests.system.conftest import Install
from tests.system.installation import Shape, StoppedClock, tablets_clock
from tests.system.listeners import Subscriber, event_stream, subscriber
from tests.system.test_restart_and_silence import tablets

pytestmark = pytest.mark.server


def test_the_desk_hears_whether_a_room_is_clear_within_two_seconds(install: Install, clock: StoppedClock) -> None:
    innwatch = install(Shape.EMBEDDED, env=clock.env)
    innwatch.start("--for-tests")
    innwatch.furnish(rooms=2)
    innwatch.cli("integrator", "add", "grand", "opera", "--scope", "pms")
    token, sam = innwatch.token("integrator", "grand", "opera"), innwatch.person("sam")
    with tablets(innwatch, 101, 102) as (gone, there):
        for tablet in (gone, there):
            tablet.come()
            tablet.beat()
        gone.drop_the_socket()
        for seconds in (10, 20):
            clock.pass_to(seconds)
            there.beat()
        eventually_sync(sam.open_alerts)
        there.beat()  # what was heard longer ago proves nothing

        took: list[float] = []
        filters = ("hotels/grand/clearance/+", "hotels/grand/pms/opera/result")
        innwatch.cli("integrator", "add", "grand", "lift", "--scope", "events")
        lift, vera = innwatch.token("integrator", "grand", "lift"), innwatch.person("vera", role="viewer")
        with (
            subscriber(innwatch.mqtt_port, *filters, client_id="grand/integrator/opera/desk", token=token) as desk,
            subscriber(
                innwatch.mqtt_port, "hotels/grand/events", client_id="grand/integrator/lift/1", token=lift
            ) as heard,
            event_stream(innwatch.url, vera.token, last_event_id="0") as read,
        ):
            assert check_out(desk, "101", took) == ("not-clear", ["silent"])
            assert check_out(desk, "102", took) == ("clear", [])
            eventually_sync(lambda: [one["verdict"] for one in desk.of("result")] == ["accepted", "accepted"])
            told = [{"roomId": "101", "by": "opera"}, {"roomId": "102", "by": "opera"}]
            news = "pms.received"
            eventually_sync(lambda: [one["data"] for one in heard.of("events") if one["type"] == news] == told)
            eventually_sync(lambda: [one["data"] for one in read.of(news)] == told)
        assert min(took) < 2

        guards = eventually_sync(lambda: [alert for alert in sam.open_alerts() if alert["rule"] == "checkout.guard"])
        assert [(alert["deviceId"], alert["severity"]) for alert in guards] == [("tab-101", "critical")]
        assert sam.get("/api/rooms/101/clearance")["given"]["clearance"]["verdict"] == "not-clear"
        assert [sam.get(f"/api/rooms/{room}/status")["occupied"] for room in ("101", "102")] == [False, False]


def check_out(desk: Subscriber, room: str, took: list[float]) -> tuple[str, list[str]]:
    """What the desk is told, and why; `took` gets how many seconds that took."""
    said = {"id": f"out-{room}", "roomId": room, "ts": tablets_clock.now().isoformat(), "guest": "Ada Lovelace"}
    began = time.monotonic()
    desk.client.publish("hotels/grand/pms/opera/in/checkout", json.dumps(said), qos=1)
    (told, *_) = eventually_sync(lambda: desk.of(f"clearance/{room}"))
    took.append(time.monotonic() - began)
    return told["verdict"], [reason["because"] for reason in told["reasons"]]
