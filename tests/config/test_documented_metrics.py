"""docs/metrics.md lists every metric, as Prometheus is told of it."""

import re
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from api.metrics import ApiMetrics
from broker.certificate import Certificate
from broker.counts import BrokerMetrics
from config.bridge_alone import activity
from config.crew import restarts
from config.isolation.metrics import IsolationMetrics
from config.lag import LoopLag
from config.upkeep import UpkeepMetrics
from device_bridge.metrics import BridgeMetrics, UplinkMetrics
from tests.broker.authority import Authority
from worker.metrics import WorkerMetrics

METRICS = Path(__file__).parents[2] / "docs" / "metrics.md"


def served(folder: Path) -> dict[str, str]:
    """What /metrics of all processes say, by name."""
    registry = CollectorRegistry()
    broker = BrokerMetrics(registry)
    broker.certificate = Certificate(Authority(folder).files(), clock=lambda: datetime.now(UTC))
    ours = (BridgeMetrics, UplinkMetrics, WorkerMetrics, ApiMetrics, LoopLag, UpkeepMetrics, IsolationMetrics, activity)
    for metrics in ours:
        metrics(registry)
    restarts(registry)
    told = re.findall(r"^# HELP (\S+) (.*)$", generate_latest(registry).decode(), re.MULTILINE)
    return {name: text.rstrip(".") for name, text in told if not name.endswith("_created")}


def test_every_metric_is_documented_in_the_words_that_prometheus_gets(tmp_path: Path) -> None:
    table = METRICS.read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(innwatch_\w+)(?:\{[^`]*\})?` \| (.*) \|$", table, re.MULTILINE))
    assert documented == served(tmp_path)
