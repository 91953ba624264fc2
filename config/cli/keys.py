"""`innwatch keys`: what tokens are signed with, and changing it without locking anybody out. No key is ever shown."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data
from config.cli.printing import print_facts, print_json, print_table, warn
from config.errors import BadSetting, StartRefused
from config.variable import Kind, duration

if TYPE_CHECKING:
    from datetime import datetime

    from broker.keys import Key
    from config.keys import Keys

app = typer.Typer(name="keys", help="What tokens are signed with.", no_args_is_help=True)

LONGEST_TOKEN = timedelta(days=365)
"""Of those that are minted without --ttl: an integrator's."""

AFTER = timedelta(minutes=10)
"""Time for every process to know a new key, and for whoever has read the JWKS to read it again."""

JWKS_KEPT = timedelta(minutes=5)

_SOON = duration(timedelta(), timedelta(days=365))
_LONG = duration(timedelta(), timedelta(days=3_650))


class KeyRow(Struct, frozen=True, rename="camel", kw_only=True):
    """A key as `keys list` shows it. `state` is signs, next, verifies or over; `where` says what holds it."""

    kid: str
    algorithm: str
    state: str
    where: str
    signs_from: "datetime | None"
    verifies_until: "datetime | None"


def _time(kind: Kind[timedelta]) -> Callable[[str], timedelta]:
    def read(text: str) -> timedelta:
        found = kind.read(text)
        if found is None:
            raise typer.BadParameter(f"{text!r} is not {kind.wanted}")
        return found

    return read


@app.command("list")
def list_(data: Data = None, as_json: AsJson = False) -> None:
    """List the keys, and which of them signs."""

    async def work(at: Installation) -> list[KeyRow]:
        return _rows(_keys(at), now=at.now())

    rows = with_installation(data, work)
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("key", "algorithm", "state", "stands in", "signs from", "verifies until"),
            [(row.kid, row.algorithm, row.state, row.where, row.signs_from, row.verifies_until) for row in rows],
        )


@app.command("rotate")
def rotate(
    after: Annotated[
        timedelta | None,
        typer.Option(
            "--after",
            help="When it begins to sign; by then every process must know it.",
            parser=_time(_SOON),
            metavar="TIME",
            show_default="10m",
        ),
    ] = None,
    keep: Annotated[
        timedelta | None,
        typer.Option(
            "--keep",
            help="How long the keys before it verify after that.",
            parser=_time(_LONG),
            metavar="TIME",
            show_default="366d, or as long as a tablet's token lives",
        ),
    ] = None,
    data: Data = None,
    *,
    es256: Annotated[
        bool, typer.Option("--es256", help="An ES256 key: its public half stands at /.well-known/jwks.json.")
    ] = False,
    key: Annotated[
        Path | None, typer.Option("--key", help="Take the ES256 key in this PEM file (P-256).", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a key that will sign. What was signed before stays good, and every running process takes it up by itself.

    Where several machines have a copy of the file of keys, bring it to all of them before the new key signs.
    """

    async def work(at: Installation) -> KeyRow:
        from broker.keys import Algorithm, new_key
        from config.key_file import rotated
        from store.audit import Deed

        keys, now = _keys(at), at.now()
        if keys.file is None:
            raise BadSetting(
                "INNWATCH_KEYS is missing: name a file that every process can read, in a folder of its own"
            )
        new = _read(key) if key is not None else new_key(Algorithm.ES256 if es256 else Algorithm.HS256)
        if any(one.kid == new.kid for one in keys.all()):
            raise StartRefused(f"the key {new.kid} is there already")
        begins = AFTER if after is None else after
        lives = max(LONGEST_TOKEN, at.settings.device_token_life) + timedelta(days=1) if keep is None else keep
        with keys.file.changing() as change:
            change.lines = rotated(change.lines, new, elsewhere=keys.own, now=now, after=begins, keep=lives)
        row = next(one for one in _rows(keys, now=now) if one.kid == new.kid)
        detail = {"algorithm": row.algorithm, "signsFrom": f"{row.signs_from:%Y-%m-%dT%H:%M:%SZ}"}
        await at.store.write_audit(None, Deed.KEY_ADDED, by=at.by, subject=new.kid, now=now, detail=detail)
        return row

    row = with_installation(data, work)
    if row.algorithm == "ES256" and after is not None and after < JWKS_KEPT:
        warn("whoever verifies by the JWKS may keep it for five minutes, and refuse what the new key signs so long")
    if as_json:
        print_json(row)
    else:
        print_facts({"key": row.kid, "algorithm": row.algorithm, "signs from": row.signs_from, "stands in": row.where})


@app.command("remove")
def remove(
    kid: Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")],
    data: Data = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Even if tokens that it signed are still good: they are void at once.")
    ] = False,
) -> None:
    """Take out a key. Whoever is in by a token that it signed is out within seconds."""

    async def work(at: Installation) -> str | None:
        from config.key_file import KeyKept, taken_out
        from store.audit import Deed

        keys, now = _keys(at), at.now()
        row = next((one for one in _rows(keys, now=now) if one.kid == kid), None)
        if row is None:
            raise StartRefused(f"there is no key {kid}")
        if keys.file is None or kid in {one.kid for one in keys.previous}:
            raise StartRefused(f"it stands in {row.where}: take it out there, and start every process again")
        if row.state == "verifies" and not force:
            raise StartRefused("tokens that it signed may still be good, and would be void at once: say --force")
        try:
            with keys.file.changing() as change:
                change.lines = taken_out(change.lines, kid, elsewhere=keys.own, now=now)
        except KeyKept as kept:
            raise StartRefused(str(kept)) from None
        await at.store.write_audit(None, Deed.KEY_REMOVED, by=at.by, subject=kid, now=now)
        return row.where if keys.own is not None and kid == keys.own.kid else None

    where = with_installation(data, work)
    print(f"removed key {kid}: what it signed is void within seconds")
    if where is not None:
        warn(f"the key in {where} opens nothing any more, as long as the file of keys says so: keep that file")


def _keys(at: Installation) -> "Keys":
    from config.keys import Keys

    return Keys(at.settings, at.folder)


def _read(file: Path) -> "Key":
    from broker.keys import KeyUnusable, read_pem

    try:
        return read_pem(file.read_bytes())
    except KeyUnusable as unusable:
        raise StartRefused(f"{file}: {unusable}") from None
    except OSError as error:
        raise StartRefused(f"{file}: {error.strerror}") from None


def _rows(keys: "Keys", *, now: "datetime") -> list[KeyRow]:
    from broker.tokens import KeyRing, NoKeySigns
    from config.keys import ISSUER

    found = keys.all()
    try:
        signs = KeyRing(found, issuer=ISSUER).signing(now).kid
    except NoKeySigns:
        signs = None
    return [_row(one, keys=keys, signs=signs, now=now) for one in found]


def _row(key: "Key", *, keys: "Keys", signs: str | None, now: "datetime") -> KeyRow:
    from broker.keys import EVER

    if not key.verifies_at(now):
        state = "over"
    elif key.kid == signs:
        state = "signs"
    else:
        state = "next" if key.signs_from is not None and key.signs_from > now else "verifies"
    return KeyRow(
        kid=key.kid,
        algorithm=key.algorithm,
        state=state,
        where=keys.where(key.kid),
        signs_from=None if key.signs_from == EVER else key.signs_from,
        verifies_until=key.verifies_until,
    )
