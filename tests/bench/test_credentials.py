"""The bench's credentials: what `innwatch device add --csv` prints is read whole or refused."""

from pathlib import Path

import pytest

from bench.credentials import Tablet, anonymous_tablets, read_tablets, write_login, write_tablets
from bench.failure import BenchFailed

HEADINGS = "client_id,username,password,topic,device_id,room_id,bssid"
LINE = "h/t-1,h/t-1,e30.e30.x,hotels/h/devices/t-1/heartbeat,t-1,r-1,02:00:00:00:00:01"


def test_each_line_is_one_tablet_in_the_order_of_the_file() -> None:
    other = LINE.replace("t-1", "t-2")

    tablets = read_tablets(f"{HEADINGS}\n{LINE}\n{other}\n")

    assert [tablet.device_id for tablet in tablets] == ["t-1", "t-2"]
    assert tablets[0] == Tablet(
        client_id="h/t-1",
        username="h/t-1",
        password="e30.e30.x",
        topic="hotels/h/devices/t-1/heartbeat",
        device_id="t-1",
        room_id="r-1",
        bssid="02:00:00:00:00:01",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Traceback (most recent call last):\n", "line 1 .* has 1 fields"),
        (f"{LINE}\n{HEADINGS}\n", "line 2 .* no heartbeat topic"),
        (f"{HEADINGS}\n{LINE},more\n", "line 2 .* has 8 fields"),
        (f"{HEADINGS}\n{LINE}\n\n", "line 3 .* has 0 fields"),
        (f"{HEADINGS}\n{LINE}\n{LINE}\n", "line 3 .* t-1 comes twice"),
        (f"{HEADINGS}\n{LINE.replace('heartbeat', 'alert')}\n", "line 2 .* no heartbeat topic"),
        (f"{HEADINGS}\n{LINE.replace('devices/t-1', 'devices/t-2')}\n", "line 2 .* no heartbeat topic"),
        (f"{HEADINGS}\n{LINE.replace('02:00:00:00:00:01', '')}\n", "line 2 .* lacks"),
    ],
)
def test_a_csv_that_is_not_ours_is_refused_with_the_line(text: str, complaint: str) -> None:
    with pytest.raises(BenchFailed, match=complaint):
        read_tablets(text)


def test_headings_may_be_missing() -> None:
    assert read_tablets(f"{LINE}\n") == read_tablets(f"{HEADINGS}\n{LINE}\n")


def test_tablets_survive_being_written_for_the_generator(tmp_path: Path) -> None:
    tablets = anonymous_tablets(300)

    written = write_tablets(tmp_path / "tablets.csv", tablets)

    assert read_tablets(written.read_text()) == tablets


def test_files_with_tokens_are_for_their_owner_only(tmp_path: Path) -> None:
    login = write_login(tmp_path / "login.csv", client_id="c", username="u", password="secret")

    assert login.read_text() == "client_id,username,password\nc,u,secret\n"
    assert login.stat().st_mode & 0o777 == 0o600
