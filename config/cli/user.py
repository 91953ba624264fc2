"""`innwatch user`: people, as members of hotels. A name is one account; adding it again adds a membership."""

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, PersonArgument
from config.cli.printing import plain, print_facts, print_json, print_table, warn
from config.cli.reached import Server, address_of, warn_of_this_machine
from rules.ids import HotelId, UserName

if TYPE_CHECKING:
    from store import Store
    from store.records import Account, Member, Membership, PasswordLink

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
    """Add a person, or make one who has an account a member of a further hotel.

    The console asks whoever logs in by a password that somebody else chose to choose one of their own.
    """
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
            temporary=True,
            by=at.by,
            now=at.now(),
        )
        if account is not None and account.password_hash is None:
            warn(f"{name} has an account without a password; give one by `innwatch user password-link {name}`")
        elif known and given is not None:
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

    Whoever is logged in by the old one is logged out within seconds. By `password-link` they choose one that nobody
    else knows.
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


@app.command("password-link")
def password_link(name: PersonArgument, server: Server = None, data: Data = None, as_json: AsJson = False) -> None:
    """Make a link by which a person chooses a password that nobody else knows: once, within a day.

    A link that was made before is void. The password they have now holds until then.
    """

    async def work(at: Installation) -> "tuple[PasswordLink, str]":
        link = await at.store.make_password_link(UserName(name), by=at.by, now=at.now())
        return link, f"{address_of(at, server)}/#password/{link.secret}"

    link, address = with_installation(data, work)
    warn_of_this_machine(address, server=server, what_for="a browser")
    if as_json:
        print_json({"name": name, "link": address, "expiresAt": link.expires_at})
    else:
        print(address)
        warn(f"for {name} alone, once, until {plain(link.expires_at)}; whoever has it sets the password")


@app.command("role")
def role(
    hotel: HotelArgument,
    name: PersonArgument,
    role: Annotated[RoleName, typer.Argument(help="What they may do from now on.", metavar="ROLE")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let a member of a hotel do more or less there.

    More holds from their next log-in; less at once, and logs them out of that hotel.
    """

    async def work(at: Installation) -> "Member":
        from store.records import MemberRole

        await at.store.hotel(HotelId(hotel))
        return await at.store.change_role(HotelId(hotel), UserName(name), MemberRole(role), by=at.by, now=at.now())

    member = with_installation(data, work)
    if as_json:
        print_json(member)
    else:
        print(f"{name} is {role} in {hotel}")


@app.command("remove")
def remove(hotel: HotelArgument, name: PersonArgument, data: Data = None, as_json: AsJson = False) -> None:
    """End a person's membership in a hotel, and log them out of it.

    Who is in no hotel any more has no password either. The account stays: what it did stands under its name.
    """

    async def work(at: Installation) -> "Account | None":
        await at.store.hotel(HotelId(hotel))
        await at.store.remove_user(HotelId(hotel), UserName(name), by=at.by, now=at.now())
        return await at.store.find_account(UserName(name))

    account = with_installation(data, work)
    left = [] if account is None else [one.hotel_id for one in account.memberships]
    if as_json:
        print_json({"hotelId": hotel, "name": name, "memberships": left})
    else:
        print(f"removed {name} from {hotel}" + (f"; still in {plain(left)}" if left else ""))
        if account is not None and account.admin:
            warn(
                f"{name} is an administrator and may enter every hotel; to shut them out: innwatch user disable {name}"
            )


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

    async def work(at: Installation) -> "list[Member]":
        await at.store.hotel(HotelId(hotel))
        return [member async for member in everybody(at.store, HotelId(hotel))]

    members = with_installation(data, work)
    if as_json:
        print_json(members)
    else:
        print_table(("name", "role", "since", ""), [(one.name, one.role, one.since, _remark(one)) for one in members])


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
        print_json(
            record
            | {"temporaryPassword": account.temporary, "memberships": [_membership(one) for one in account.memberships]}
        )
    else:
        record |= {"password": "chosen by somebody else" if account.temporary else "their own"}
        if account.password_hash is None:
            record["password"] = None
        print_facts(record | {"memberships": [f"{one.hotel_id} ({one.role})" for one in account.memberships]})


async def everybody(store: "Store", hotel_id: HotelId) -> "AsyncIterator[Member]":
    """All of a hotel's people, in order of name."""
    cursor: str | None = None
    while True:
        page = await store.members(hotel_id, cursor=cursor, limit=500)
        for member in page.items:
            yield member
        cursor = page.next
        if cursor is None:
            return


def _remark(member: "Member") -> str:
    remarks = {
        "administrator": member.admin,
        "disabled": member.disabled,
        "has no password": not member.has_password,
        "did not choose the password": member.temporary,
    }
    return ", ".join(remark for remark, holds in remarks.items() if holds)


def _membership(one: "Membership") -> dict[str, object]:
    return {"hotelId": one.hotel_id, "hotelName": one.hotel_name, "role": one.role, "suspended": one.suspended}


def _password_from_stdin() -> str:
    try:
        password = sys.stdin.readline(LONGEST_PASSWORD + 2).rstrip("\r\n")
        password.encode()
    except UnicodeError:
        raise typer.BadParameter("--password-stdin: the password is no text in UTF-8") from None
    if not password:
        raise typer.BadParameter("--password-stdin: there was no password on standard input")
    if len(password) < SHORTEST_PASSWORD:
        raise typer.BadParameter(f"--password-stdin: a password has at least {SHORTEST_PASSWORD} characters")
    if len(password) > LONGEST_PASSWORD:
        raise typer.BadParameter(f"--password-stdin: a password has at most {LONGEST_PASSWORD} characters")
    return password
