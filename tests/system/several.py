"""An Innwatch of several processes, on a PostgreSQL and a Redis, with our broker or behind a Mosquitto."""

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx

from broker.access_file import rules_of_bridge
from tests.support import Process, Processes, eventually_sync, free_port, requires
from tests.support.http import plain
from tests.support.mosquitto import Mosquitto
from tests.system.installation import PASSWORD, Installation, Person, Shape, metric

KEY = "7KqVwZ3nT0sYb8XfJr2LmC5hGdPe9UaQ"
ONE_OF_EACH = ("broker", "bridge", "api", "worker")
ADMIN = "root"
REPLACED = 75
"""How a bridge ends that another one has replaced."""


class Several(Installation):
    """Processes by name: "broker", "bridge", "api", "worker", and "bridge-2" and so on for a second one.

    They share no folder but that of a clock for tests. `start` takes the names of those that are to run.
    """

    def __init__(
        self,
        processes: Processes,
        folder: Path,
        *,
        database_url: str,
        redis_url: str,
        env: Mapping[str, str] | None = None,
        names: tuple[str, ...] = ONE_OF_EACH,
        mosquitto: "GuardedMosquitto | None" = None,
    ) -> None:
        super().__init__(processes, folder, env=env, shape=Shape.SERVER)
        self.names = names if mosquitto is None else tuple(name for name in names if name != "broker")
        self.ports = {name: free_port() for name in names} | {"api": self.http_port, "broker": self.health_port}
        self.running: dict[str, Process] = {}
        self._options: tuple[str, ...] = ()
        self.mosquitto = mosquitto
        if mosquitto is not None:
            self.mqtt_port, self.ws_port = mosquitto.port, mosquitto.ws_port
        self.env |= {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": KEY,
            "INNWATCH_BROKER": mosquitto.url_of_bridge if mosquitto else f"mqtt://127.0.0.1:{self.mqtt_port}",
        }

    def url_of(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def spawn_one(self, name: str, *options: str) -> Process:
        """Start one process and do not wait for it."""
        role = name.partition("-")[0]
        port = "--http-port" if role == "api" else "--health-port"
        words: list[str | int] = [role, port, self.ports[name], *options]
        if role in {"broker", "api"}:
            words += ["--ws-port", self.ws_port]
        if role == "broker":
            words += ["--mqtt-port", self.mqtt_port]
        self.running[name] = self.spawn_as(*words)
        return self.running[name]

    def start(self, *options: str, within: float = 90) -> Process:
        """Start those that do not run; returns when all are ready and one bridge watches."""
        self._options = options
        for name in self.names:
            if name not in self.running or self.running[name].exit_code() is not None:
                self.spawn_one(name, *options)
        self.wait_until_ready(within=within)
        return self.running["api"]

    def kill(self) -> None:
        for process in self.running.values():
            process.kill()

    def missing(self, name: str) -> list[str] | None:
        """What a process says is missing; None when it says nothing at all."""
        try:
            reply = plain.get(f"{self.url_of(name)}/health/ready", timeout=2)
        except httpx.TransportError:
            return None
        found: list[str] = reply.json().get("missing", [])
        return found

    def active_bridge(self) -> str | None:
        """The name of the bridge that watches."""
        bridges = (name for name in self.running if name.startswith("bridge"))
        return next((name for name in bridges if self.metric(name, "innwatch_bridge_active") == 1), None)

    def sql(self, statement: str) -> str:
        """What a statement finds in the database, a line for each row."""
        words = [str(requires("psql")), "-XqtA", "-c", statement, self.env["DATABASE_URL"]]
        return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout.strip()

    def metric(self, name: str, of: str) -> float | None:
        return metric(self.url_of(name), of)

    def connections(self) -> float | None:
        bridge = self.active_bridge()
        return None if bridge is None else self.metric(bridge, "innwatch_broker_connections_total")

    def _is_ready(self) -> bool:
        for name, process in tuple(self.running.items()):
            if process.exit_code() == REPLACED:
                self.spawn_one(name, *self._options)  # as whoever supervises it would
                return False
            if process.exit_code() is not None:
                raise RuntimeError(f"{name} ended with {process.exit_code()}:\n{process.output()}")
            assert self.missing(name) == [], f"{name}: {self.missing(name)}\n{process.output()}"
        return self.active_bridge() is not None

    def furnish(
        self, hotel: str = "grand", *, rooms: int = 1, profile: str = "strict", channels: tuple[str, ...] = ()
    ) -> None:
        super().furnish(hotel, rooms=rooms, profile=profile, channels=channels)
        words = ("user", "add", hotel, ADMIN, "--role", "manager", "--admin", "--password-stdin")
        self.cli(*words, stdin=PASSWORD + "\n")

    def admin(self, hotel: str | None = None) -> Person:
        return self.log_in(ADMIN, PASSWORD, hotel=hotel)

    def token(self, *words: str) -> str:
        token = super().token(*words)
        if self.mosquitto is not None:
            kind, hotel, name = words
            username = f"{hotel}/{name}" if kind == "device" else f"{hotel}/{kind}/{name}"
            self.mosquitto.let_in(username, token, rules=self.cli("access"))
        return token


class GuardedMosquitto(Mosquitto):
    """One that asks for passwords and keeps everybody to their topics, by files, as docs/operations.md says."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self.ws_port = free_port()
        self._passwords, self._rules = folder / "passwords", folder / "rules"
        super().__init__(
            processes,
            folder,
            f"password_file {self._passwords}",
            f"acl_file {self._rules}",
            f"listener {self.ws_port} 127.0.0.1",
            "protocol websockets",
        )
        for file in (self._passwords, self._rules):
            file.touch(mode=0o600)
        self._add("bridge", "s3cr3t")
        self._rules.write_text(rules_of_bridge("bridge"))

    @property
    def url_of_bridge(self) -> str:
        return f"mqtt://bridge:s3cr3t@127.0.0.1:{self.port}"

    def let_in(self, username: str, password: str, *, rules: str) -> None:
        """Add a tablet or a person, give it everybody's rules, and return when the newcomer can connect."""
        self._add(username, password)
        self._rules.write_text(rules)
        assert self.process is not None
        self.process.signal(signal.SIGHUP)
        eventually_sync(lambda: self._takes(username, password))

    def _add(self, username: str, password: str) -> None:
        words = [str(requires("mosquitto_passwd")), "-b", str(self._passwords), username, password]
        subprocess.run(words, check=True, capture_output=True, timeout=10)

    def _takes(self, username: str, password: str) -> bool:
        words = [
            str(requires("mosquitto_pub")),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-u",
            username,
            "-P",
            password,
        ]
        words += ["-t", "nowhere", "-n"]
        return subprocess.run(words, check=False, capture_output=True, timeout=10).returncode == 0
