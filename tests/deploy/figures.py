"""What the alert rules and the dashboard ask for, and what is measured."""

import json
import re
from typing import Any

import yaml

from tests.deploy.compose import DEPLOY, ROOT

RULES = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "innwatch.json").read_text(encoding="utf-8"))


def alerts() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [rule["expr"] for rule in alerts()] + [expr.replace("$__rate_interval", "1m") for expr in asked]


def documented() -> dict[str, set[str]]:
    """Every metric of ours with its labels, as docs/metrics.md has it, which another test holds to the code."""
    table = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(innwatch_\w+)(?:\{([^`]*)\})?` \|", table, re.MULTILINE)
    return {name: set(labels.split(",")) - {""} for name, labels in rows}


def named(expression: str, beginning: str) -> set[str]:
    return set(re.findall(rf"\b{beginning}_\w+", expression))


def plain(name: str) -> str:
    """A metric's name without what a histogram puts behind it."""
    return re.sub(r"_(bucket|count|sum)$", "", name) if name not in documented() else name
