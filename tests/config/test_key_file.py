"""From when until when a key signs and verifies, and the file that says so."""

import itertools
import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from broker.keys import Algorithm, new_key
from broker.tokens import mint_device, mint_service
from config.errors import BadSetting
from config.folder import Folder
from config.keys import LiveKeys, key_ring
from config.settings import read_settings
from rules.ids import DeviceId, HotelId
from tests.config.keyed import MINUTE, NOW, OTHER, SECRET, YEAR, is_good, remove, ring_of, rotate, signer, token_of


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.make(tmp_path / "data", for_tests=True)


def test_a_new_key_verifies_first_and_signs_later_while_the_old_one_goes_on(folder: Folder) -> None:
    before = ring_of(folder)
    old, early = signer(before, NOW), token_of(before)
    new = rotate(folder, after=10 * MINUTE)
    ring = ring_of(folder)

    assert [signer(ring, NOW + minutes * MINUTE) for minutes in (0, 9, 10, 99)] == [old, old, new, new]
    assert is_good(ring, early)
    late = token_of(ring, NOW + 10 * MINUTE)
    assert is_good(ring, late, NOW + 10 * MINUTE)
    assert not is_good(before, late, NOW + 10 * MINUTE)


def test_an_old_key_verifies_until_its_last_token_has_expired_and_no_longer(folder: Folder) -> None:
    ring = ring_of(folder)
    rotate(folder, after=10 * MINUTE)
    last = NOW + 10 * MINUTE - timedelta(seconds=1)
    token = mint_device(ring, hotel_id=HotelId("h"), device_id=DeviceId("d"), gen=0, now=last, ttl=YEAR)
    ring = ring_of(folder)

    assert is_good(ring, token, last + YEAR - timedelta(seconds=1))
    too_long = mint_device(ring, hotel_id=HotelId("h"), device_id=DeviceId("d"), gen=0, now=NOW, ttl=2 * YEAR)
    assert not is_good(ring, too_long, NOW + 10 * MINUTE + YEAR)


def test_the_last_of_several_rotations_wins_and_all_before_it_verify(folder: Folder) -> None:
    tokens, newest = [], ""
    for _ in range(4):
        tokens.append(token_of(ring_of(folder)))
        newest = rotate(folder)
    ring = ring_of(folder)

    assert signer(ring, NOW) == newest
    assert all(is_good(ring, token) for token in tokens)


def test_whoever_is_in_a_hurry_overtakes_a_key_that_was_to_sign_later(folder: Folder) -> None:
    rotate(folder, after=timedelta(days=1))
    hurried = rotate(folder)
    ring = ring_of(folder)

    assert signer(ring, NOW) == signer(ring, NOW + timedelta(days=2)) == hurried


def test_a_key_that_was_to_sign_can_be_taken_out_and_the_one_before_it_goes_on(folder: Folder) -> None:
    old = signer(ring_of(folder), NOW)
    remove(folder, rotate(folder, after=MINUTE))
    ring = ring_of(folder)

    assert signer(ring, NOW + 3 * YEAR) == old
    assert is_good(ring, token_of(ring, NOW + 3 * YEAR), NOW + 3 * YEAR)


def test_the_key_that_stands_elsewhere_can_be_taken_out_for_good(folder: Folder) -> None:
    ring = ring_of(folder)
    own, token = signer(ring, NOW), token_of(ring)
    rotate(folder)
    remove(folder, own)
    rotate(folder)

    assert not is_good(ring_of(folder), token)
    assert own not in ring_of(folder).known(NOW)


def test_what_hangs_on_the_first_key_outlives_a_rotation(folder: Folder) -> None:
    before = ring_of(folder).derived("client id")
    rotate(folder, algorithm=Algorithm.ES256)
    assert ring_of(folder).derived("client id") == before


def test_previous_secrets_verify_and_never_sign(folder: Folder) -> None:
    one = ring_of(folder, SECRET_KEY=SECRET)
    other = ring_of(folder, SECRET_KEY=OTHER, INNWATCH_PREVIOUS_SECRET_KEYS=f"{SECRET}\n{SECRET[::-1]}")

    assert is_good(other, token_of(one))
    assert not is_good(one, token_of(other))


def test_two_servers_can_change_the_secret_one_after_the_other(folder: Folder) -> None:
    """Each step on one server while the other is a step behind: nobody is refused at either."""
    steps = [
        {"SECRET_KEY": SECRET},
        {"SECRET_KEY": SECRET, "INNWATCH_PREVIOUS_SECRET_KEYS": OTHER},
        {"SECRET_KEY": OTHER, "INNWATCH_PREVIOUS_SECRET_KEYS": SECRET},
    ]
    for behind, ahead in itertools.pairwise(steps):
        rings = [ring_of(folder, NOW, **behind), ring_of(folder, NOW, **ahead)]
        assert all(is_good(there, token_of(here)) for here in rings for there in rings)


def test_a_file_of_keys_alone_is_enough_on_a_server(folder: Folder) -> None:
    rotate(folder)
    environment = {"DATABASE_URL": "postgresql://u@db/innwatch", "INNWATCH_KEYS": str(folder.keys)}
    ring = key_ring(read_settings(environment), Folder(folder.path / "none"), now=NOW)
    assert is_good(ring, token_of(ring))


def test_a_bridge_with_a_new_key_logs_in_by_a_token_that_others_verify(folder: Folder) -> None:
    broker, bridge = ring_of(folder), LiveKeys(read_settings({}), folder, now=lambda: NOW)
    rotate(folder, after=10 * MINUTE)
    token = mint_service(bridge.ring, name="bridge", gen=0, now=NOW)
    assert is_good(broker, token)


def test_it_is_for_its_owner_alone(folder: Folder) -> None:
    before = os.umask(0)
    try:
        rotate(folder)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o600
    assert [path.name for path in folder.path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "\xff", '{"format": 1}', '{"format": 9, "keys": []}', '{"format": 1, "keys": [{}]}']
)
def test_one_that_is_torn_stops_the_start_with_a_word(folder: Folder, content: str) -> None:
    folder.keys.write_text(content, encoding="latin-1")
    with pytest.raises(BadSetting, match=r"keys\.json"):
        ring_of(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key": "c2hvcnQ"}, "shorter"),
        ({"key": "*!?"}, "base64url"),
        ({"key": new_key(Algorithm.HS256).text}, "another one"),
        ({"algorithm": "ES256"}, "no private key"),
        ({"algorithm": "none"}, "no file of"),
        ({"signsFrom": "2026-11-23T10:00:00"}, "form"),
    ],
)
def test_a_key_that_is_of_no_use_is_named_and_not_shown(folder: Folder, change: dict[str, str], says: str) -> None:
    rotate(folder)
    content = json.loads(folder.keys.read_text())
    secret = content["keys"][-1]["key"]
    content["keys"][-1] |= change
    folder.keys.write_text(json.dumps(content))

    with pytest.raises(BadSetting) as refused:
        ring_of(folder)
    assert says in str(refused.value)
    assert secret not in str(refused.value)
    assert change.get("key", secret) not in str(refused.value)


def test_one_that_is_named_must_be_there(folder: Folder) -> None:
    with pytest.raises(BadSetting, match="INNWATCH_KEYS: there is no file"):
        ring_of(folder, INNWATCH_KEYS=str(folder.path / "other.json"))


def test_a_server_without_any_key_is_told_so(folder: Folder) -> None:
    with pytest.raises(BadSetting, match="SECRET_KEY is missing"):
        ring_of(folder, DATABASE_URL="postgresql://u@db/innwatch")


@pytest.mark.parametrize("weak", ["short", "changeme-changeme-changeme-changeme", f"{SECRET} short"])
def test_a_weak_previous_secret_is_refused_and_not_shown(folder: Folder, weak: str) -> None:
    with pytest.raises(BadSetting) as refused:
        ring_of(folder, INNWATCH_PREVIOUS_SECRET_KEYS=weak)
    assert str(refused.value).startswith("INNWATCH_PREVIOUS_SECRET_KEYS: the secret is")
    assert not any(word in str(refused.value).replace("shorter", "") for word in weak.split())
