"""`innwatch token`: prints a token and nothing else, so that a script can use it as it comes."""

from datetime import timedelta

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import Data, DeviceArgument, HotelArgument, IntegratorArgument, PersonArgument, Ttl, life
from config.cli.printing import warn
from rules.ids import DeviceId, HotelId, IntegratorName, UserName

app = typer.Typer(name="token", help="Mint a token: the password for MQTT and HTTP.", no_args_is_help=True)


@app.command("device")
def device(hotel: HotelArgument, device: DeviceArgument, ttl: Ttl = None, data: Data = None) -> None:
    """Mint a tablet's token."""

    async def work(at: Installation) -> str:
        from broker.tokens import mint_device

        await _serving(at, HotelId(hotel))
        keys, now, of_token = at.keys, at.now(), life(ttl) or at.settings.device_token_life
        found = await at.store.note_token(
            HotelId(hotel), DeviceId(device), expires_at=now + of_token, by=at.by, now=now
        )
        return mint_device(keys, hotel_id=found.hotel_id, device_id=found.id, gen=found.gen, now=now, ttl=of_token)

    print(with_installation(data, work))


@app.command("user")
def user(hotel: HotelArgument, name: PersonArgument, ttl: Ttl = None, data: Data = None) -> None:
    """Mint a person's token for one hotel."""

    async def work(at: Installation) -> str:
        from broker.tokens import Role, mint_user
        from config.errors import StartRefused
        from store import NotFound

        await _serving(at, HotelId(hotel))
        account = await at.store.find_account(UserName(name))
        roles = {} if account is None else {one.hotel_id: Role(one.role) for one in account.memberships}
        if account is None or not (account.admin or HotelId(hotel) in roles):
            raise NotFound("user", name)
        if account.disabled:
            raise StartRefused(f"user {name} is disabled")
        role = Role.ADMIN if account.admin else roles[HotelId(hotel)]
        token = mint_user(
            at.keys, hotel_id=HotelId(hotel), name=name, role=role, gen=account.gen, now=at.now(), **_life(ttl)
        )
        await _note(at, HotelId(hotel), name, of="user")
        return token

    print(with_installation(data, work))


@app.command("integrator")
def integrator(hotel: HotelArgument, name: IntegratorArgument, ttl: Ttl = None, data: Data = None) -> None:
    """Mint an integrator's token."""

    async def work(at: Installation) -> str:
        from broker.tokens import mint_integrator
        from store import NotFound

        await _serving(at, HotelId(hotel))
        found = await at.store.find_integrator(HotelId(hotel), IntegratorName(name))
        if found is None:
            raise NotFound("integrator", name)
        token = mint_integrator(
            at.keys,
            hotel_id=found.hotel_id,
            name=found.name,
            scope=found.scopes,
            gen=found.gen,
            now=at.now(),
            **_life(ttl),
        )
        await _note(at, found.hotel_id, name, of="integrator")
        return token

    print(with_installation(data, work))


async def _note(at: Installation, hotel_id: HotelId, name: str, *, of: str) -> None:
    """Whoever mints a person's token may do what the person may: it is in the audit as a tablet's is."""
    from store import Deed

    await at.store.write_audit(hotel_id, Deed.TOKEN_MINTED, by=at.by, subject=name, now=at.now(), detail={"of": of})


async def _serving(at: Installation, hotel_id: HotelId) -> None:
    """Raises NotFound."""
    if (await at.store.hotel(hotel_id)).suspended_at is not None:
        warn(f"hotel {hotel_id} is suspended: the token opens nothing until `innwatch hotel resume {hotel_id}`")


def _life(seconds: int | None) -> dict[str, timedelta]:
    """The argument `ttl`, left out when nobody asked for one: each kind of token has a life of its own."""
    return {} if seconds is None else {"ttl": timedelta(seconds=seconds)}
