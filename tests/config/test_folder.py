"""The data folder: private, whole, and of one running `up` at a time."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config.errors import BadSetting, StartRefused
from config.folder import FirstLogin, Folder

LOGIN = FirstLogin(url="http://127.0.0.1:8080/", username="admin", password="p", hotel_id="hotel-1")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def loose_umask() -> Iterator[None]:
    """A careless shell: what is private must be so by our own doing."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.make(tmp_path / "data", for_tests=False)


def test_a_new_folder_is_its_owners_alone(folder: Folder) -> None:
    assert mode(folder.path) == 0o700


def test_an_empty_folder_that_was_there_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o777)

    assert mode(Folder.make(tmp_path / "data", for_tests=False).path) == 0o700


def test_the_signing_key_is_private_and_stays_the_same(folder: Folder) -> None:
    key = folder.signing_key()

    assert len(key) >= 32
    assert Folder.make(folder.path, for_tests=False).signing_key() == key
    assert mode(folder.path / "signing.key") == 0o600


def test_two_folders_have_two_keys(tmp_path: Path) -> None:
    keys = {Folder.make(tmp_path / name, for_tests=False).signing_key() for name in ("one", "two")}

    assert len(keys) == 2


def test_the_first_login_is_private_and_of_the_agreed_form(folder: Folder) -> None:
    folder.write_first_login(LOGIN)

    assert mode(folder.first_login) == 0o600
    assert msgspec.json.decode(folder.first_login.read_bytes()) == {
        "url": "http://127.0.0.1:8080/",
        "username": "admin",
        "password": "p",
        "hotelId": "hotel-1",
    }


def test_writing_leaves_no_draft_behind(folder: Folder) -> None:
    folder.write_first_login(LOGIN)
    folder.write_first_login(LOGIN)

    assert [path.name for path in folder.path.iterdir()] == ["first-login.json"]


def test_a_second_owner_is_refused_until_the_first_lets_go(folder: Folder) -> None:
    with folder.locked(), pytest.raises(StartRefused, match="in use"), Folder(folder.path).locked():
        pass

    with Folder(folder.path).locked():
        pass


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(StartRefused, match="not a folder"):
        Folder.make(tmp_path / "data", for_tests=False)


def test_a_folder_below_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StartRefused) as refusal:
        Folder.make(tmp_path / "file" / "data", for_tests=False)

    assert "\n" not in str(refusal.value)


def test_a_folder_without_a_database_is_not_found(folder: Folder) -> None:
    with pytest.raises(StartRefused, match="innwatch up"):
        Folder.find(folder.path)


def test_a_folder_made_for_tests_stays_one(tmp_path: Path) -> None:
    Folder.make(tmp_path / "data", for_tests=True)

    assert Folder.make(tmp_path / "data", for_tests=False).is_for_tests


def test_a_folder_in_use_cannot_become_one_for_tests(folder: Folder) -> None:
    folder.signing_key()

    with pytest.raises(BadSetting, match="--for-tests"):
        Folder.make(folder.path, for_tests=True)


def test_a_folder_of_ours_that_others_may_read_is_closed_again(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0o755)
    (tmp_path / "d" / "innwatch.db").touch()
    Folder.make(tmp_path / "d", for_tests=False)
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o700


def test_a_signing_key_that_is_rubbish_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSetting, match="holds no key"):
        Folder(tmp_path).signing_key()
