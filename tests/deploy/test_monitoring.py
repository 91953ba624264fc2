"""Alert rules, dashboard and what Prometheus asks: well formed, and about figures that there are."""

import re
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from tests.deploy.compose import DEPLOY, environment, services, strings
from tests.deploy.figures import DASHBOARD, alerts, documented, expressions, named, panels, plain
from tests.support import PostgreSQL, Processes, eventually_sync, free_port, http, requires

FOR_ALL = {"job", "instance", "le", "datname"}
"""Labels that Prometheus or the exporter of PostgreSQL gives."""


def test_there_are_figures_to_check() -> None:
    assert len(alerts()) >= 15
    assert len(panels()) >= 30
    assert len(documented()) >= 40


@pytest.mark.parametrize("expression", expressions())
def test_whatever_is_asked_of_us_is_measured(expression: str) -> None:
    metrics = documented()
    names = {plain(name) for name in named(expression, "innwatch")}
    labels = {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", by)}
    labels |= set(re.findall(r"[{,]\s*(\w+)\s*(?:=~|!=|=)", expression))

    assert names <= set(metrics)
    assert labels - FOR_ALL - {"alertstate"} <= {label for name in names for label in metrics[name]}


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in alerts()]

    assert len(set(names)) == len(names)
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "look"}
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["remedy"]


def test_the_dashboard_shows_what_was_promised() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]

    assert rows == ["Fleet", "Ingest", "Alerts and deliveries", "Broker", "Database"]


def test_no_two_panels_share_a_number_or_a_place() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(set(numbers)) == len(numbers)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_the_dashboard_is_where_it_is_looked_for_and_asks_a_source_that_there_is() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "innwatch.yml").read_text())["providers"]
    grafana = services()["grafana"]
    folder = f"./deploy/grafana/dashboards:{provider['options']['path']}:ro"

    assert {panel["datasource"]["uid"] for panel in panels()} == {source["uid"]}
    assert {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]} == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    assert folder in grafana["volumes"]
    assert environment(grafana)["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].startswith(provider["options"]["path"])


def test_no_label_of_an_alert_is_made_up() -> None:
    templates = {
        label
        for rule in alerts()
        for text in strings(rule["annotations"])
        for label in re.findall(r"\.(\w+) \}\}", text)
    }

    assert templates <= {"job", "instance", "reason", "channel", "route", "status", "task"}


@pytest.mark.server
def test_prometheus_takes_its_configuration_and_every_expression(tmp_path: Path) -> None:
    promtool = requires("promtool")
    secrets = tmp_path / "token"
    secrets.write_text("token")
    config = (DEPLOY / "prometheus.yml").read_text(encoding="utf-8").replace("/run/secrets/metrics_token", str(secrets))
    (tmp_path / "prometheus.yml").write_text(config)
    (tmp_path / "alerts.yml").write_bytes((DEPLOY / "alerts.yml").read_bytes())
    asked = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(expressions())]
    (tmp_path / "asked.yml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": asked}]}))

    for kind, file in (("config", "prometheus.yml"), ("rules", "asked.yml")):
        checked = subprocess.run(
            [promtool, "check", kind, tmp_path / file], capture_output=True, text=True, timeout=30, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.server
def test_alerts_fire_when_they_should_and_only_then() -> None:
    told = subprocess.run(
        [requires("promtool"), "test", "rules", *sorted(Path(__file__).parent.glob("alerts_*test.yml"))],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.server
def test_the_accounts_of_the_database_are_made_and_whatever_is_asked_of_it_is_measured(
    own_postgresql: PostgreSQL, processes: Processes, tmp_path: Path
) -> None:
    """roles.sh runs against a server as the image would run it; the exporter then logs in by the account it made."""
    for name in ("innwatch", "metrics"):
        (tmp_path / name).write_text(f"password-of-{name}")
    own_postgresql.sql("DROP ROLE innwatch")
    subprocess.run(
        ["sh", "-e", DEPLOY / "postgres" / "roles.sh"],
        env={
            "PATH": f"{requires('psql').parent}:/usr/bin:/bin",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(own_postgresql.port),
            "POSTGRES_USER": "postgres",
            "INNWATCH_PASSWORD_FILE": str(tmp_path / "innwatch"),
            "METRICS_PASSWORD_FILE": str(tmp_path / "metrics"),
        },
        check=True,
        timeout=30,
        capture_output=True,
    )
    port = free_port()
    processes.start(
        [requires("prometheus-postgres-exporter"), f"--web.listen-address=127.0.0.1:{port}"],
        env={
            "DATA_SOURCE_URI": f"127.0.0.1:{own_postgresql.port}/innwatch?sslmode=disable",
            "DATA_SOURCE_USER": "metrics",
            "DATA_SOURCE_PASS_FILE": str(tmp_path / "metrics"),
        },
    )

    def measured() -> set[str]:
        try:
            text = http.plain.get(f"http://127.0.0.1:{port}/metrics").text
        except httpx.TransportError:
            return set()
        return set(re.findall(r"^(pg_\w+)", text, re.MULTILINE)) if "pg_up 1" in text else set()

    names = eventually_sync(measured, within=20)

    assert {name for expression in expressions() for name in named(expression, "pg")} <= names
    owner = own_postgresql.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'innwatch'")
    superusers = own_postgresql.sql("SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper")
    assert (owner, superusers) == ("innwatch", "postgres")


@pytest.mark.server
def test_prometheus_takes_the_alertmanager_that_the_page_adds(tmp_path: Path) -> None:
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    (added,) = re.findall(r"^```yaml\n(alerting:\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "token").write_text("token")
    config = (DEPLOY / "prometheus.yml").read_text(encoding="utf-8")
    config = config.replace("/run/secrets/metrics_token", str(tmp_path / "token"))
    (tmp_path / "prometheus.yml").write_text(config + "\n" + added)
    (tmp_path / "alerts.yml").write_bytes((DEPLOY / "alerts.yml").read_bytes())

    checked = subprocess.run(
        [requires("promtool"), "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout + checked.stderr
