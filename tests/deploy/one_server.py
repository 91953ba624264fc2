"""What docker-compose.yml starts, as processes of this machine: the same commands, environment, secrets and files.

What an engine would do is done here by replacing: a name and a port become a port of this machine, /run/secrets and
the volumes become folders of the test. Resource limits, networks and images are not part of it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.compose import DEPLOY, environment, processes, services
from tests.support import Process, Processes, eventually_sync, free_port, requires

INNWATCH = Path(sys.executable).with_name("innwatch")
DOMAIN = "localhost"
_NOWHERE = "/nonexistent"


class OneServer:
    """Everything of ours that the file starts, and the proxy, on an empty database and Redis."""

    def __init__(self, started: Processes, folder: Path, *, postgresql_port: int) -> None:
        self._started = started
        self._folder = folder
        self._postgresql_port = postgresql_port
        self._ports: dict[tuple[str, int], int] = {}
        self._services = processes(INNWATCH_DOMAIN=DOMAIN, INNWATCH_CERTIFICATES="local")
        self.running: dict[str, Process] = {}
        self._make_secrets()

    @property
    def authority(self) -> Path:
        """The certificate of the proxy's own authority, which clients are given."""
        return self._folder / "proxy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def secret(self, name: str) -> Path:
        return self._folder / "deploy" / "secrets" / name

    def port(self, service: str, port: int) -> int:
        """Where a port of a service is on this machine. A further replica is `bridge-2`."""
        if (service, port) not in self._ports:
            self._ports[service, port] = free_port()
        return self._ports[service, port]

    def replicas(self, name: str) -> list[str]:
        count = self._services[name]["deploy"].get("replicas", 1)
        return [name, *(f"{name}-{number}" for number in range(2, count + 1))]

    def serving(self) -> Iterator[str]:
        """Every process that stays, by the name of its replica."""
        for name in self._services:
            if name != "migrate":
                yield from self.replicas(name)

    def fill_database(self) -> None:
        """Make what its image makes when its volume is new."""
        subprocess.run(
            ["sh", "-e", DEPLOY / "postgres" / "roles.sh"],
            env={
                "PATH": f"{requires('psql').parent}:/usr/bin:/bin",
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self._postgresql_port),
                "POSTGRES_USER": "postgres",
                "INNWATCH_PASSWORD_FILE": str(self.secret("postgres_innwatch_password")),
                "METRICS_PASSWORD_FILE": str(self.secret("postgres_metrics_password")),
            },
            check=True,
            timeout=30,
            capture_output=True,
        )

    def start_redis(self) -> None:
        """By the file's own command."""
        program, *words = (self._here(word, of="redis") for word in services()["redis"]["command"])
        port = str(self.port("redis", 6379))
        self._started.start([requires(program), *words, "--port", port, "--bind", "127.0.0.1"], cwd=self._folder)

    def start_proxy(self) -> Process:
        """Caddy with our file, on loopback and high ports, each of the API's processes named instead of looked up."""
        apis = " ".join(f"127.0.0.1:{self.port(name, 8080)}" for name in self.replicas("api"))
        text = self._here((DEPLOY / "Caddyfile").read_text(encoding="utf-8"), of="proxy")
        text, looked_up = re.subn(r"dynamic a api 8080 \{[^}]*\}", f"to {apis}", text)
        assert looked_up == 1
        http, https = self.port("proxy", 80), self.port("proxy", 443)
        ours = f"{{\n\tdefault_bind 127.0.0.1\n\thttp_port {http}\n\thttps_port {https}\n"
        file = self._folder / "Caddyfile"
        file.write_text(text.replace("{\n", ours, 1))
        return self._started.start(
            [requires("caddy"), "run", "--adapter", "caddyfile", "--config", file],
            env={
                "INNWATCH_DOMAIN": DOMAIN,
                "INNWATCH_CERTIFICATES": "local",
                "XDG_DATA_HOME": str(self._folder / "proxy"),
                "XDG_CONFIG_HOME": str(self._folder / "proxy-config"),
                "HOME": str(self._folder),
            },
        )

    def has_certificate(self) -> bool:
        """What the health check of the proxy looks for."""
        kept = self._folder / "proxy" / "caddy" / "certificates" / "local" / DOMAIN
        return (kept / f"{DOMAIN}.crt").exists() and self.authority.exists()

    def start(self, replica: str) -> Process:
        """Start a process of ours as the file says, and do not wait for it."""
        service = self._services[replica.partition("-")[0]]
        command = [str(INNWATCH), *(self._here(word, of=replica) for word in service["command"])]
        self.running[replica] = self._started.start(command, env=self.environment(replica), cwd=self._folder)
        return self.running[replica]

    def start_backups(self, folder: Path, *, every: str, kept: int) -> Process:
        """Start the backup job, which has the broker's folder too, and do not wait for it."""
        service = services(BACKUP_EVERY=every, BACKUPS_KEPT=str(kept))["backup"]
        said = {variable: self._here(value, of="backup") for variable, value in environment(service).items()}
        return self._started.start(
            ["sh", DEPLOY / service["entrypoint"][0], folder],
            env=said
            | {
                "INNWATCH_DATA": str(self._folder / "broker"),
                "PATH": f"{INNWATCH.parent}:{requires('pg_dump').parent}:/usr/bin:/bin",
            },
            cwd=self._folder,
        )

    def cli(self, *words: str, stdin: str | None = None, within: str = "api", code: int = 0) -> str:
        """Run `docker compose exec api innwatch …`, or in another container; what it printed."""
        done = subprocess.run(
            [INNWATCH, *words],
            env={**os.environ, **self.environment(within)},
            cwd=self._folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def environment(self, replica: str) -> dict[str, str]:
        """What the file sets. Only the broker has a folder; nobody else may need one."""
        name = replica.partition("-")[0]
        data = self._folder / "broker" if name == "broker" else _NOWHERE
        said = environment(self._services[name])
        return {"INNWATCH_DATA": str(data)} | {
            variable: str(self.port(replica, int(value))) if variable in _PORTS else self._here(value, of=replica)
            for variable, value in said.items()
        }

    def is_healthy(self, replica: str) -> bool:
        """Run the health check of its container. Raises AssertionError with what it waits for."""
        process = self.running[replica]
        if process.exit_code() is not None:
            raise RuntimeError(f"{replica} ended:\n{process.output()}")
        program, url = self._services[replica.partition("-")[0]]["healthcheck"]["test"][1:]
        check = subprocess.run(
            [sys.executable, "-IS", DEPLOY / program, self._here(url, of=replica)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert check.returncode == 0, f"{replica}: {check.stdout}{check.stderr}{process.output()}"
        return True

    def wait_until_healthy(self, *replicas: str, within: float = 60) -> None:
        for replica in replicas:
            eventually_sync(lambda replica=replica: self.is_healthy(replica), within=within, every=0.2)  # type: ignore[misc]

    def _here(self, text: str, *, of: str) -> str:
        """A text of the file as it must be on this machine, in the container `of`."""
        text = text.replace("/run/secrets", str(self._folder / "deploy" / "secrets"))
        text = text.replace("/certificates/", f"{self._folder}/proxy/caddy/certificates/")
        text = re.sub(r"(?:0\.0\.0\.0|127\.0\.0\.1):(\d+)", lambda one: self._at(of, one[1]), text)
        if text == "0.0.0.0":  # noqa: S104, compared with, not bound to
            return "127.0.0.1"
        return re.sub(r"\b(postgres|redis|broker|api):(\d+)", lambda one: self._at(one[1], one[2]), text)

    def _at(self, service: str, port: str) -> str:
        if (service, port) == ("postgres", "5432"):
            return f"127.0.0.1:{self._postgresql_port}"
        return f"127.0.0.1:{self.port(service, int(port))}"

    def _make_secrets(self) -> None:
        (self._folder / "deploy").mkdir()
        script = self._folder / "deploy" / "make-secrets"
        script.write_bytes((DEPLOY / "make-secrets").read_bytes())
        subprocess.run(["sh", script, DOMAIN], check=True, timeout=30, capture_output=True)
        for name in ("database_url", "redis_url"):
            said = self.secret(name).read_text()
            self.secret(name).unlink()
            self.secret(name).write_text(self._here(said, of=name))


_PORTS = {
    "INNWATCH_BROKER_HEALTH_PORT",
    "INNWATCH_BRIDGE_HEALTH_PORT",
    "INNWATCH_HTTP_PORT",
    "INNWATCH_WORKER_HEALTH_PORT",
}
