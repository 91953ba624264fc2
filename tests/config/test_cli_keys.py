"""`innwatch keys`: list, rotate, remove."""

import json
import subprocess
from pathlib import Path

import jwt
import pytest

from config.folder import Folder
from tests.config.command_line import CommandLine
from tests.config.keyed import OTHER, SECRET
from tests.support.command_line import Ended


def rows(cli: CommandLine, **environment: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = cli("keys", "list", "--json", **environment).json()
    return found


def rotated(cli: CommandLine, *words: str) -> dict[str, str]:
    found: dict[str, str] = cli("keys", "rotate", *words, "--json").json()
    return found


def test_a_new_installation_has_one_key(cli: CommandLine) -> None:
    (row,) = rows(cli)
    assert (row["algorithm"], row["state"]) == ("HS256", "signs")
    assert row["where"].endswith("signing.key")


def test_where_each_key_stands_is_said_and_no_key_shown(cli: CommandLine) -> None:
    rotated(cli)
    rotated(cli, "--es256", "--after", "0")
    environment = {"SECRET_KEY": SECRET, "INNWATCH_PREVIOUS_SECRET_KEYS": OTHER}
    ended = cli("keys", "list", **environment)

    assert ["SECRET_KEY" in ended.out, "INNWATCH_PREVIOUS_SECRET_KEYS" in ended.out] == [True, True]
    for secret in (
        SECRET,
        OTHER,
        *(one["key"] for one in json.loads(cli.folder.keys.read_text())["keys"] if "key" in one),
    ):
        assert secret is None or secret not in ended.out


def test_the_states_of_keys(cli: CommandLine) -> None:
    (first,) = rows(cli)
    rotated(cli, "--after", "0")
    rotated(cli, "--after", "1h")

    assert [row["state"] for row in rows(cli)] == ["verifies", "signs", "next"]
    assert rows(cli)[0]["kid"] == first["kid"]


def test_a_key_of_ones_own_signs_es256(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", file], check=True)
    row = rotated(cli, "--key", str(file), "--after", "0")
    cli("hotel", "add", "h")
    cli("room", "add", "h", "101")
    cli("device", "add", "h", "t", "--room", "101")
    header = jwt.get_unverified_header(cli("token", "device", "h", "t").out.strip())

    assert (header["alg"], header["kid"]) == ("ES256", row["kid"])
    assert "there already" in cli.refused("keys", "rotate", "--key", file).err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "no key for ES256"),
        (["ecparam", "-name", "secp384r1", "-genkey", "-noout"], "no key for ES256"),
        (
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes128", "-pass", "pass:x"],
            "passphrase",
        ),
        (["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", "/dev/null"], "no private key"),
    ],
)
def test_a_file_of_another_kind_is_refused(cli: CommandLine, tmp_path: Path, words: list[str], says: str) -> None:
    file = tmp_path / "key.pem"
    subprocess.run(["openssl", *words, "-out", file], check=True, capture_output=True)
    ended = cli.refused("keys", "rotate", "--key", file)

    assert (ended.code, says in ended.err) == (1, True), ended.err
    assert not cli.folder.keys.exists()


def test_a_key_that_tokens_still_need_goes_only_by_force_and_the_one_that_signs_never(cli: CommandLine) -> None:
    old = rows(cli)[0]["kid"]
    new = rotated(cli, "--after", "0")["kid"]

    assert "--force" in cli.refused("keys", "remove", old).err
    assert "it signs" in cli.refused("keys", "remove", new, "--force").err
    assert "there is no key" in cli.refused("keys", "remove", "nothing").err
    ended = cli("keys", "remove", old, "--force")
    assert ended.out.startswith(f"removed key {old}")
    assert "signing.key opens nothing" in ended.err
    assert [row["state"] for row in rows(cli)] == ["over", "signs"]


def test_a_previous_secret_is_taken_out_where_it_stands(cli: CommandLine) -> None:
    kid = next(row["kid"] for row in rows(cli, INNWATCH_PREVIOUS_SECRET_KEYS=OTHER) if row["state"] == "verifies")
    ended = cli.refused("keys", "remove", kid, "--force", INNWATCH_PREVIOUS_SECRET_KEYS=OTHER)
    assert "INNWATCH_PREVIOUS_SECRET_KEYS" in ended.err


def test_who_changed_keys_is_in_the_audit(cli: CommandLine) -> None:
    old = rows(cli)[0]["kid"]
    new = rotated(cli, "--after", "0")["kid"]
    cli("keys", "remove", old, "--force")
    page = cli.with_store(lambda store: store.platform_audit(deed="key."))

    assert [(line.deed, line.subject, line.actor_kind) for line in page.items] == [
        ("key.removed", old, "command-line"),
        ("key.added", new, "command-line"),
    ]


@pytest.mark.parametrize("time", ["soon", "-1", "2y", "400d"])
def test_a_time_that_is_none_is_refused(cli: CommandLine, time: str) -> None:
    ended: Ended = cli.refused("keys", "rotate", f"--after={time}")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)


def test_a_backup_has_the_keys_only_when_it_is_asked_to(cli: CommandLine, tmp_path: Path) -> None:
    rotated(cli)
    cli("backup", tmp_path / "without")
    cli("backup", tmp_path / "with", "--with-signing-key")
    elsewhere = CommandLine(Folder(tmp_path / "restored"))
    elsewhere("restore", tmp_path / "with")

    assert elsewhere.folder.keys.read_bytes() == cli.folder.keys.read_bytes()
    without = CommandLine(Folder(tmp_path / "bare"))
    without("restore", tmp_path / "without")
    assert not without.folder.keys.exists()
