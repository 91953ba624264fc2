"""`innwatch integrator`: the hotel's other systems, each with the scopes that it needs and its own space."""

from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import AsJson, Data, HotelArgument, IntegratorArgument
from config.cli.printing import print_facts, print_json, print_table
from rules.ids import HotelId, IntegratorName

if TYPE_CHECKING:
    from store.records import Integrator

app = typer.Typer(name="integrator", help="Other systems of a hotel.", no_args_is_help=True)


def _scopes(text: str) -> str:
    from broker.access import SCOPES

    words = [word.strip() for word in text.split(",") if word.strip()]
    strange = [word for word in words if word not in SCOPES]
    if strange:
        raise typer.BadParameter(f"{strange[0]!r} is no scope; there are {', '.join(SCOPES)}")
    return ",".join(dict.fromkeys(words))


@app.command("add")
def add(
    hotel: HotelArgument,
    name: IntegratorArgument,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="alerts,events,rooms to read, pms to speak for the PMS; repeatable. Its own space it has anyway.",
            parser=_scopes,
            metavar="SCOPES",
        ),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add an integrator."""

    async def work(at: Installation) -> "Integrator":
        scopes = list(dict.fromkeys(word for said in scope or () for word in said.split(",") if word))
        return await at.store.add_integrator(
            HotelId(hotel), IntegratorName(name), scopes=scopes, by=at.by, now=at.now()
        )

    made = with_installation(data, work)
    if as_json:
        print_json(_record(made))
    else:
        print(f"added integrator {name} to {hotel}; scopes: {', '.join(made.scopes) or 'none (its own space only)'}")


@app.command("list")
def list_(hotel: HotelArgument, data: Data = None, as_json: AsJson = False) -> None:
    """List a hotel's integrators."""

    async def work(at: Installation) -> "tuple[Integrator, ...]":
        await at.store.hotel(HotelId(hotel))
        return await at.store.integrators(HotelId(hotel))

    found = with_installation(data, work)
    if as_json:
        print_json([_record(one) for one in found])
    else:
        print_table(("integrator", "scopes"), [(one.name, one.scopes) for one in found])


@app.command("show")
def show(hotel: HotelArgument, name: IntegratorArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Show an integrator."""

    async def work(at: Installation) -> "Integrator":
        from store import NotFound

        await at.store.hotel(HotelId(hotel))
        found = await at.store.find_integrator(HotelId(hotel), IntegratorName(name))
        if found is None:
            raise NotFound("integrator", name)
        return found

    found = with_installation(data, work)
    if as_json:
        print_json(_record(found))
    else:
        print_facts(
            {
                "integrator": found.name,
                "hotel": found.hotel_id,
                "scopes": found.scopes,
                "generation of tokens": found.gen,
            }
        )


@app.command("revoke")
def revoke(hotel: HotelArgument, name: IntegratorArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Void every token that an integrator has, and close its connections."""

    async def work(at: Installation) -> "Integrator":
        await at.store.hotel(HotelId(hotel))
        return await at.store.revoke_integrator(HotelId(hotel), IntegratorName(name), by=at.by, now=at.now())

    found = with_installation(data, work)
    if as_json:
        print_json(_record(found))
    else:
        print(f"revoked integrator {name} of {hotel}: its tokens are void, its connections are closed within seconds")
        print(f"a new token: innwatch token integrator {hotel} {name}")


@app.command("scopes")
def scopes(
    hotel: HotelArgument,
    name: IntegratorArgument,
    scope: Annotated[
        str,
        typer.Argument(help="alerts,events,rooms,pms, or some of them; '' for none.", parser=_scopes, metavar="SCOPES"),
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give an integrator other scopes. Its tokens, which have the old ones, are void: mint it a new one."""

    async def work(at: Installation) -> "Integrator":
        await at.store.hotel(HotelId(hotel))
        chosen = [word for word in scope.split(",") if word]
        return await at.store.change_scopes(HotelId(hotel), IntegratorName(name), chosen, by=at.by, now=at.now())

    found = with_installation(data, work)
    if as_json:
        print_json(_record(found))
    else:
        print(f"integrator {name} of {hotel} has the scopes {', '.join(found.scopes) or 'none (its own space only)'}")
        print(f"its tokens are void; a new one: innwatch token integrator {hotel} {name}")


@app.command("remove")
def remove(hotel: HotelArgument, name: IntegratorArgument, data: Data = None, as_json: AsJson = False) -> None:
    """Forget an integrator; its tokens are void for good, whoever gets the name next."""

    async def work(at: Installation) -> None:
        await at.store.hotel(HotelId(hotel))
        await at.store.remove_integrator(HotelId(hotel), IntegratorName(name), by=at.by, now=at.now())

    with_installation(data, work)
    if as_json:
        print_json({"hotelId": hotel, "name": name, "removed": True})
    else:
        print(f"removed integrator {name} of {hotel}: its tokens are void, its connections are closed within seconds")


def _record(one: "Integrator") -> dict[str, object]:
    return {"hotelId": one.hotel_id, "name": one.name, "scopes": one.scopes, "gen": one.gen}
