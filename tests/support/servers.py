"""Programs of the operating system that some tests run against.

At home a missing one skips the test, by name and with the way to get it. Where TESTS_REQUIRE_SERVERS=1 is set, as in
CI, it fails the test: there a skip would hide that nothing was tested.
"""

import os
import shutil
from pathlib import Path

import pytest

PACKAGES = {
    "caddy": "caddy",
    "chromium": "chromium",
    "initdb": "postgresql",
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "mosquitto_sub": "mosquitto-clients",
    "postgres": "postgresql",
    "prometheus-postgres-exporter": "prometheus-postgres-exporter",
    "promtool": "prometheus",
    "pg_dump": "postgresql-client",
    "psql": "postgresql-client",
    "redis-server": "redis-server",
    "systemd-analyze": "systemd",
}
"""The Debian package of each program; `install-servers` beside this file installs them."""

ALIASES = {"chromium": ("chromium", "chromium-browser", "google-chrome")}

# Debian keeps servers in sbin, which is not on the path of people who are not root, and those of PostgreSQL, of which
# it can have several versions, in folders that are on nobody's path. The newest comes first.
SEARCHED = os.pathsep.join(
    [
        os.environ.get("PATH", os.defpath),
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True),
    ]
)


def requires(program: str) -> Path:
    """Return the path of an installed program; skip or fail the test that calls this when there is none."""
    for name in ALIASES.get(program, (program,)):
        found = shutil.which(name, path=SEARCHED)
        if found is not None:
            return Path(found)
    missing = f"{program} is not installed: apt-get install {PACKAGES.get(program, program)}"
    if os.environ.get("TESTS_REQUIRE_SERVERS") == "1":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)
