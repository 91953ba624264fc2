"""An installation of any shape, with the servers that it stands on."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from store import schema
from tests.support import PostgreSQL, Processes, Redis
from tests.system.installation import Installation, Shape, StoppedClock
from tests.system.several import ONE_OF_EACH, GuardedMosquitto, Several

Install = Callable[..., Installation]


@pytest.fixture
def several(request: pytest.FixtureRequest, processes: Processes, tmp_path: Path) -> Callable[..., Several]:
    """Make an installation of several processes on a database of its own; it runs when the test starts it."""

    def make(
        *,
        env: Mapping[str, str] | None = None,
        names: tuple[str, ...] = ONE_OF_EACH,
        behind_mosquitto: bool = False,
        own_postgresql: PostgreSQL | None = None,
    ) -> Several:
        postgresql: PostgreSQL = own_postgresql or request.getfixturevalue("postgresql")
        redis: Redis = request.getfixturevalue("redis")
        mosquitto = GuardedMosquitto(processes, tmp_path) if behind_mosquitto else None
        if mosquitto is not None:
            mosquitto.start()
        return Several(
            processes,
            tmp_path,
            database_url=postgresql.database(postgresql.template("innwatch", schema.move_to)),
            redis_url=redis.url,
            env=env,
            names=names,
            mosquitto=mosquitto,
        )

    return make


@pytest.fixture
def clock(tmp_path: Path) -> StoppedClock:
    """A clock that stands still, for an installation that is made with its `env` and started `--for-tests`."""
    return StoppedClock(tmp_path / "clock")


@pytest.fixture
def install(request: pytest.FixtureRequest, processes: Processes, tmp_path: Path) -> Install:
    """Make an installation of this shape; it runs when the test starts it."""

    def make(shape: Shape, *, env: Mapping[str, str] | None = None) -> Installation:
        if shape in {Shape.SERVER, Shape.MOSQUITTO}:
            several: Callable[..., Several] = request.getfixturevalue("several")
            return several(env=env, behind_mosquitto=shape is Shape.MOSQUITTO)
        return Installation(processes, tmp_path, env=env, shape=shape)

    return make
