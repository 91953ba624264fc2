"""The isolation audit on a real installation finds nothing where all is right, and what is wrong where something is."""

import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rules.canaries import CANARIES
from tests.support import Processes, eventually_sync
from tests.support.http import plain
from tests.system.conftest import Install
from tests.system.installation import Installation, Shape
from tests.system.several import Several

pytestmark = pytest.mark.timeout(240)

OFTEN = {"INNWATCH_ISOLATION_EVERY": "1s"}


def metrics(url: str) -> dict[tuple[str, str], float]:
    """What the audit counts, by metric and the values of its labels."""
    text = plain.get(f"{url}/metrics", timeout=10).text
    return {
        (sample.name.removeprefix("innwatch_isolation_"), "-".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("innwatch_isolation_") and not sample.name.endswith("_created")
    }


def has_tried(url: str) -> bool:
    found = metrics(url)
    return all(found.get(("tries_total", f"{door}-held"), 0) > 100 for door in ("mqtt", "http"))


@pytest.mark.parametrize(
    "shape", [Shape.EMBEDDED, Shape.SEPARATE, pytest.param(Shape.SERVER, marks=pytest.mark.server)]
)
def test_nobody_gets_through_and_nobody_sees_who_tries(install: Install, shape: Shape) -> None:
    innwatch = install(shape, env=OFTEN)
    innwatch.env["INNWATCH_API_URL"] = innwatch.url
    innwatch.start()
    innwatch.furnish("grand")
    watching = bridge_of(innwatch)

    eventually_sync(lambda: has_tried(watching), within=90)

    found = metrics(watching)
    assert found["broken", ""] == 0
    assert not {name: value for name, value in found.items() if name[1].endswith(("missed", "broken")) and value}
    assert plain.get(f"{watching}/health/ready", timeout=10).status_code == 200
    dropped = "innwatch_mqtt_messages_dropped_total{"  # each is worth an alarm
    assert dropped not in plain.get(f"{broker_of(innwatch)}/metrics", timeout=10).text
    listed = innwatch.cli("hotel", "list", "--json")
    assert "grand" in listed
    for shown in (listed, plain.get(f"{watching}/metrics", timeout=10).text):
        assert not any(canary in shown for canary in CANARIES)


BREAKAGES = {
    "any filter is granted": (
        "import broker.session as at; at.may_subscribe = lambda *_: None",
        ["subscribes to", "hears"],
    ),
    "anybody publishes anywhere": (
        "import broker.session as at; at.may_publish = lambda *_, **__: None",
        ["publishes to"],
    ),
    "anybody connects as anybody": (
        "import broker.auth as at; at.may_connect = lambda *_, **__: None",
        ["connects with another's name"],
    ),
    "a request is of another hotel": (
        f"import api.app as at; at.hotel_of = lambda _: {CANARIES[1]!r}",
        ["GET /api/devices", "POST /api/devices/{device_id}/commands"],
    ),
}


@pytest.fixture(params=BREAKAGES)
def broken(request: pytest.FixtureRequest, processes: Processes, tmp_path: Path) -> tuple[Installation, list[str]]:
    """An installation in which one decision is deliberately wrong, and what the audit must say of it."""
    breakage, told = BREAKAGES[request.param]
    innwatch = Installation(processes, tmp_path, env={"INNWATCH_ISOLATION_EVERY": "5s"})
    innwatch.program = [sys.executable, "-c", f"{breakage}\nfrom config.cli import main\nmain()"]
    return innwatch, told


def test_what_gets_through_is_an_alarm(broken: tuple[Installation, list[str]]) -> None:
    innwatch, told = broken
    process = innwatch.start()

    eventually_sync(lambda: metrics(innwatch.url)["broken", ""] > 0, within=90)

    health = plain.get(f"{innwatch.url}/health/ready", timeout=10)
    assert health.status_code == 503
    assert "one hotel can reach another" in health.text
    eventually_sync(lambda: all(what in process.output() for what in told), within=10)


def broker_of(innwatch: Installation) -> str:
    """Where the process of the broker shows its metrics."""
    if isinstance(innwatch, Several):
        return innwatch.url_of("broker")
    return innwatch.url if innwatch.shape is Shape.EMBEDDED else f"http://127.0.0.1:{innwatch.health_port}"


def bridge_of(innwatch: Installation) -> str:
    """Where the process that watches shows its metrics."""
    return innwatch.url_of("bridge") if isinstance(innwatch, Several) else innwatch.url
