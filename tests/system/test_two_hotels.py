"""Two hotels that call everything the same: room 101, its tablet, its people, even the messages; and never mix."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.support import eventually_sync
from tests.system.conftest import Install
from tests.system.installation import Installation, Json, Person, Shape, bssid_of, heartbeat
from tests.system.listeners import Subscriber, event_stream, subscriber

HOTELS = ("annex", "grand")


class Side:
    """One of the hotels: its tablet, and the people who watch it in every way."""

    def __init__(self, innwatch: Installation, hotel: str, stack: ExitStack) -> None:
        self.hotel = hotel
        self.desk = innwatch.person(f"sam-{hotel}", role="manager", hotel=hotel)
        token = innwatch.token("integrator", hotel, "opera")
        self.tablet = stack.enter_context(_tablet(innwatch, hotel))
        self.console = stack.enter_context(
            subscriber(
                innwatch.ws_port,
                f"hotels/{hotel}/alerts/+",
                f"hotels/{hotel}/events",
                f"hotels/{hotel}/devices/+/status",
                client_id=f"{hotel}/integrator/opera/1",
                token=token,
                websocket=True,
            )
        )
        self.stream = stack.enter_context(event_stream(innwatch.url, self.desk.token))

    def publish(self, kind: str, payload: str) -> None:
        self.tablet.client.publish(f"hotels/{self.hotel}/devices/tab-101/{kind}", payload, qos=1).wait_for_publish(10)

    @property
    def topics(self) -> set[str]:
        return {topic for topic, _ in (*self.console.messages, *self.tablet.messages)}


@contextmanager
def _tablet(innwatch: Installation, hotel: str) -> Iterator[Subscriber]:
    """The tablet, which reads what is for it; a tablet's client id is its user name."""
    tablet = Subscriber(
        client_id=f"{hotel}/tab-101", username=f"{hotel}/tab-101", password=innwatch.token("device", hotel, "tab-101")
    )
    tablet.client.connect("127.0.0.1", innwatch.mqtt_port, keepalive=30)
    tablet.client.loop_start()
    try:
        eventually_sync(tablet.client.is_connected)
        tablet.client.subscribe([(f"hotels/{hotel}/devices/tab-101/{kind}", 1) for kind in ("command", "receipt")])
        eventually_sync(lambda: tablet.granted == [1, 1])
        yield tablet
    finally:
        tablet.client.disconnect()
        tablet.client.loop_stop()


@pytest.mark.parametrize("shape", [Shape.EMBEDDED, pytest.param(Shape.SERVER, marks=pytest.mark.server)])
def test_room_101_of_two_hotels(install: Install, shape: Shape) -> None:
    innwatch = install(shape)
    innwatch.start()
    for hotel in HOTELS:
        innwatch.furnish(hotel)
        innwatch.cli("integrator", "add", hotel, "opera", "--scope", "alerts", "--scope", "events", "--scope", "rooms")
    with ExitStack() as stack:
        annex, grand = (Side(innwatch, hotel, stack) for hotel in HOTELS)

        # The same message by its id is two messages, and each hotel has its own.
        beat = {
            hotel: heartbeat(bssid=bssid_of(101), rssi=rssi, id="m-1")
            for hotel, rssi in zip(HOTELS, (-50, -60), strict=True)
        }
        for side in (annex, grand):
            side.publish("heartbeat", beat[side.hotel])
        for side, rssi in ((annex, -50), (grand, -60)):
            eventually_sync(lambda side=side, rssi=rssi: _device(side.desk)["rssi"] == rssi)  # type: ignore[misc]
            assert innwatch.messages(side.hotel) == ["m-1"]

        # Trouble in one room 101 is trouble in that one.
        report = {"id": "m-2", "ts": json.loads(beat["grand"])["ts"], "kind": "breach", "cause": "foreign-ap"}
        grand.publish("alert", json.dumps(report))
        (alert,) = eventually_sync(grand.desk.open_alerts, within=20)
        eventually_sync(lambda: grand.stream.of("alert.opened"), within=20)
        eventually_sync(lambda: grand.console.of(f"alerts/{alert['id']}"), within=20)
        assert annex.desk.open_alerts() == []
        assert annex.desk.get("/api/alerts")["items"] == []

        # A command reaches the tablet of whoever gave it.
        command = annex.desk.post("/api/devices/tab-101/commands", {"name": "ring"}).json()
        eventually_sync(lambda: [one["id"] for one in annex.tablet.of("/command")] == [command["id"]])
        assert grand.tablet.of("/command") == []
        assert [one["id"] for one in grand.desk.all("/api/devices/tab-101/commands")] == []

        # Whatever either side heard by any door says nothing of the other.
        for mine, other in ((annex, grand), (grand, annex)):
            assert {topic.split("/")[1] for topic in mine.topics} == {mine.hotel}
            assert other.hotel not in json.dumps([mine.stream.events, mine.console.messages, mine.tablet.messages])
        assert alert["id"] not in json.dumps(annex.stream.events)


def _device(person: Person) -> Json:
    return person.get("/api/devices/tab-101")
