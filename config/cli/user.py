"""`innwatch user`: people, as members of hotels. A name is one account; adding it again adds a membership."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, PersonArgument
from config.cli.printing import print_facts, print_json, print_table, warn
from rules.ids import HotelId, UserName

if TYPE_CHECKING:
    from store.records import Account, MemberRole

app = typer.Typer(name="user", help="People who log in.", no_args_is_help=True)

RoleName = Literal["viewer", "staff", "manager"]

SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 1024


PasswordStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        help=f"Read the password from standard input ({SHORTEST_PASSWORD} characters or more); else one is made up.",
    ),
]


@app.command("add")
def add(
    hotel: HotelArgument,
    name: PersonArgument,
    role: Annotated[RoleName, typer.Option("--role", help="What they may do.")],
    *,
    password_stdin: PasswordStdin = False,
    admin: Annotated[
        bool, typer.Option("--admin", help="An administrator, of every hotel; `up` makes a first one by itself.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a person, or make one who has an account a member of a further hotel."""
    given = _password_from_stdin() if password_stdin else None

    async def work(at: Installation) -> str | None:
        """The password that was made up, if one was."""
        from config.errors import StartRefused
        from config.passwords import hash_password, new_password
        from store.records import MemberRole

        await at.store.hotel(HotelId(hotel))
        account = await at.store.find_account(UserName(name))
        if admin and account is not None and not account.admin:
            raise StartRefused(f"{name} has an account already, and it is no administrator's; choose another name")
        known = account is not None
        password = None if known else given or new_password()
        await at.store.add_user(
            HotelId(hotel),
            UserName(name),
            role=MemberRole(role),
            password_hash=None if password is None else hash_password(password),
            admin=admin,
            by=at.by,
            now=at.now(),
        )
        if known and given is not None:
            warn(f"{name} has an account already; its password was left as it is (see `innwatch user password`)")
        return password if given is None else None

    password = with_installation(data, work)
    if as_json:
        shown = {} if password is None else {"password": password}
        print_json({"hotelId": hotel, "name": name, "role": role} | ({"admin": True} if admin else {}) | shown)
    else:
        print(f"added {name} to {hotel} as {role}" + (", and as an administrator" if admin else ""))
        if password is not None:
            print(f"password: {password}  (shown this once)")


@app.command("password")
def password(
    name: PersonArgument,
    password_stdin: PasswordStdin = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give a person another password. The way back in when an administrator's is forgotten.

    Whoever is logged in by the old one is logged out within seconds.
    """
    given = _password_from_stdin() if password_stdin else None

    async def work(at: Installation) -> str:
        from config.first_run import known_login
        from config.passwords import hash_password, new_password

        chosen = given or new_password()
        await at.store.set_password(UserName(name), hash_password(chosen), by=at.by, now=at.now())
        login = known_login(at.folder)
        if login is not None and login.username == name:
            # Else `up` would go on greeting with a password that no longer opens anything.
            at.folder.first_login.unlink(missing_ok=True)
            warn(f"{at.folder.first_login} held the old password and was removed")
        return chosen

    chosen = with_installation(data, work)
    if as_json:
        print_json({"name": name} | ({} if given else {"password": chosen}))
    else:
        print(f"{name} has a new password")
        if not given:
            print(f"password: {chosen}  (shown this once)")


@app.command("disable")
def disable(name: PersonArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Log a person out, in every hotel, and let nobody log in by that name until `enable`."""

    async def work(at: Installation) -> bool:
        return await at.store.disable_user(UserName(name), by=at.by, now=at.now())

    changed = with_installation(data, work)
    if as_json:
        print_json({"name": name, "disabled": True, "changed": changed})
    elif changed:
        print(f"{name} is disabled: logged out everywhere within seconds (see `innwatch user enable`)")
    else:
        print(f"{name} was disabled already")


@app.command("enable")
def enable(name: PersonArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Let a disabled person log in again. What they were logged in by before stays void."""

    async def work(at: Installation) -> bool:
        return await at.store.enable_user(UserName(name), by=at.by, now=at.now())

    changed = with_installation(data, work)
    if as_json:
        print_json({"name": name, "disabled": False, "changed": changed})
    else:
        print(f"{name} may log in again" if changed else f"{name} was not disabled")


@app.command("list")
def list_(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """List a hotel's people."""

    async def work(at: Installation) -> "tuple[tuple[UserName, MemberRole], ...]":
        await at.store.hotel(HotelId(hotel))
        return await at.store.members(HotelId(hotel))

    members = with_installation(data, work)
    if as_json:
        print_json([{"name": name, "role": role} for name, role in members])
    else:
        print_table(("name", "role"), members)


@app.command("show")
def show(hotel: HotelArgument, name: PersonArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Show a member of a hotel, with their other memberships."""

    async def work(at: Installation) -> "Account":
        from store import NotFound

        await at.store.hotel(HotelId(hotel))
        account = await at.store.find_account(UserName(name))
        if account is None or all(one.hotel_id != hotel for one in account.memberships):
            raise NotFound("user", name)
        return account

    account = with_installation(data, work)
    record: dict[str, object] = {"name": account.name, "admin": account.admin, "disabled": account.disabled}
    if as_json:
        print_json(record | {"memberships": account.memberships})
    else:
        print_facts(record | {"memberships": [f"{one.hotel_id} ({one.role})" for one in account.memberships]})


def _password_from_stdin() -> str:
    password = sys.stdin.readline(LONGEST_PASSWORD + 2).rstrip("\r\n")
    if not password:
        raise typer.BadParameter("--password-stdin: there was no password on standard input")
    if len(password) < SHORTEST_PASSWORD:
        raise typer.BadParameter(f"--password-stdin: a password has at least {SHORTEST_PASSWORD} characters")
    if len(password) > LONGEST_PASSWORD:
        raise typer.BadParameter(f"--password-stdin: a password has at most {LONGEST_PASSWORD} characters")
    return password
