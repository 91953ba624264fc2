"""The one wall clock, and the file that moves it."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.clock import Clock
from config.errors import BadSetting
from tests.support import eventually_sync

CLOSE = timedelta(seconds=30)
"""How far two readings may lie apart on a busy machine; every shift below is far larger."""


def test_without_a_file_it_tells_the_time_with_its_zone() -> None:
    now = Clock().now()

    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < CLOSE


@pytest.mark.parametrize("seconds", [3600, -86_400.5])
def test_it_is_moved_by_the_seconds_that_the_file_holds(tmp_path: Path, seconds: float) -> None:
    (tmp_path / "clock").write_text(f"{seconds}\n")

    shifted = Clock(tmp_path / "clock").now()

    assert abs(shifted - timedelta(seconds=seconds) - datetime.now(UTC)) < CLOSE


def test_a_file_that_is_not_there_moves_nothing(tmp_path: Path) -> None:
    assert abs(Clock(tmp_path / "clock").now() - datetime.now(UTC)) < CLOSE


def test_it_follows_the_file_while_it_runs(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")

    (tmp_path / "clock").write_text("7200")

    eventually_sync(lambda: clock.now() - datetime.now(UTC) > timedelta(minutes=119))


def test_a_file_read_in_the_middle_of_being_written_leaves_the_clock_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("7200")
    clock = Clock(file)

    file.write_text("")

    with pytest.raises(AssertionError):
        eventually_sync(lambda: clock.now() - datetime.now(UTC) < timedelta(minutes=119), within=0.3)


def test_it_stands_still_at_the_moment_that_the_file_holds_until_that_is_another(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("2026-11-23T03:00:00Z")
    clock = Clock(file)

    assert clock.now() == clock.now() == datetime(2026, 11, 23, 3, tzinfo=UTC)
    file.write_text("2026-11-23T04:00:20+01:00")
    assert clock.now() == datetime(2026, 11, 23, 3, 0, 20, tzinfo=UTC)
    assert clock.steps() == 0

    file.write_text("2026-11-23T03:00:00Z")
    clock.now()
    assert clock.steps() == 1


def test_while_time_stands_still_nobody_is_slow(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("60")
    clock = Clock(file)
    began = clock.ticks()
    eventually_sync(lambda: clock.ticks() > began)

    file.write_text("2026-11-23T03:00:00Z")
    clock.now()
    began, wall = clock.ticks(), time.monotonic()
    eventually_sync(lambda: time.monotonic() > wall)
    assert clock.ticks() == began


@pytest.mark.parametrize("text", ["an hour", "nan", "1e300", "", "2026-11-23T03:00:00"])
def test_a_file_that_holds_no_seconds_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock").write_text(text)

    with pytest.raises(BadSetting, match="INNWATCH_CLOCK"):
        Clock(tmp_path / "clock")
