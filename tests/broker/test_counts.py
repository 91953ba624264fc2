"""Metrics: what they say, and that neither peers nor hotels can make their number grow without bound."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from broker.counts import HOTELS_SHOWN, BrokerMetrics, Histogram
from rules.canaries import CANARIES
from tests.broker.house import House, Openings
from tests.support import eventually


def test_a_histogram_tells_how_many_took_how_long() -> None:
    registry = CollectorRegistry()
    metrics = BrokerMetrics(registry)
    for seconds in (0.0001, 0.0005, 0.004, 11.0):
        metrics.counts.acknowledgments.took(seconds)

    def value(what: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"innwatch_mqtt_acknowledgment_seconds_{what}", labels)

    assert value("bucket", le="0.0005") == value("bucket", le="0.003") == 2
    assert value("bucket", le="0.005") == value("bucket", le="10.0") == 3
    assert value("bucket", le="+Inf") == value("count") == 4
    assert value("sum") == 0.0001 + 0.0005 + 0.004 + 11.0


def test_a_histogram_counts_what_it_was_given() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (1.0, 1.5, 9.0):
        histogram.took(seconds)
    assert histogram.number == 3


def test_hotels_beyond_the_first_two_hundred_are_shown_as_one() -> None:
    registry = CollectorRegistry()
    metrics = BrokerMetrics(registry)
    for number in range(HOTELS_SHOWN + 50):
        metrics.counts.connections["device", f"hotel-{number}"] += 2
        metrics.counts.connections["user", f"hotel-{number}"] += 1

    def value(kind: str, hotel: str) -> float | None:
        return registry.get_sample_value("innwatch_mqtt_connections", {"type": kind, "hotel": hotel})

    assert value("device", f"hotel-{HOTELS_SHOWN - 1}") == 2
    assert value("device", f"hotel-{HOTELS_SHOWN}") is None
    assert (value("device", "other"), value("user", "other")) == (100, 50)


async def test_clients_are_counted_by_type_and_hotel(house: House) -> None:
    await house.connect(house.device("d1", hotel="h1"))
    await house.connect(house.device("d2", hotel="h2"))
    await house.connect(house.service())
    assert dict(house.counts.connections) == {("device", "h1"): 1, ("device", "h2"): 1, ("service", "_"): 1}


async def test_what_waits_for_a_client_is_shown(open_house: Openings) -> None:
    house = await open_house(in_flight=2)
    console = await house.connect(house.person())
    await console.subscribe("hotels/h1/alerts/+")
    for number in range(5):
        await house.broker.publish(f"hotels/h1/alerts/{number}", b"x" * 100)

    def value(name: str) -> float | None:
        return house.registry.get_sample_value(f"innwatch_mqtt_{name}")

    assert value("queued_messages") == value("longest_queue_messages") == 5
    assert value("queued_bytes") is not None
    assert (value("queued_bytes") or 0) >= 500


async def test_all_of_it_can_be_scraped(house: House) -> None:
    await house.connect(house.device())
    families = list(text_string_to_metric_families(generate_latest(house.registry).decode()))
    assert len(families) > 20
    assert all(family.name.startswith("innwatch_mqtt_") and family.documentation for family in families)


async def test_a_hidden_hotel_is_shown_as_none(house: House) -> None:
    client = await house.connect(house.device("d1", hotel=CANARIES[0]))
    assert dict(house.counts.connections) == {("device", "_"): 1}

    await client.disconnect()
    await eventually(lambda: house.counts.connections["device", "_"] == 0)
