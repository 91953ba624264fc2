"""`innwatch access`: who may use which topics, as a file for a broker that is not ours."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.installation import Installation, with_installation
from config.cli.options import Data
from config.cli.user import everybody
from config.errors import BadSetting
from config.settings_uplink import BROKER

if TYPE_CHECKING:
    from rules.ids import HotelId


def access(
    bridge: Annotated[
        str | None,
        typer.Option(
            "--bridge", help="The bridge's user name there.", metavar="USER", show_default="of INNWATCH_BROKER"
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Print the rules of everybody who may connect, as an acl_file of Mosquitto.

    Without who is disabled or of a suspended hotel. A broker that is not ours knows no tokens: for one that is revoked,
    change the password there.
    """

    async def work(at: Installation) -> list[str]:
        from broker.access_file import rules_of, rules_of_bridge

        url = at.settings.broker_url
        name = bridge or (url.username if url is not None else None)
        if name is None:
            raise BadSetting(
                f"say what the bridge is called there: --bridge USER, or {BROKER}=mqtt://USER:PASSWORD@HOST"
            )
        hotels = [hotel.id for hotel in await at.store.hotels() if hotel.suspended_at is None]
        tokens = [token for hotel_id in hotels async for token in _tokens(at, hotel_id)]
        claims = [at.keys.verify(token, audience="mqtt", now=at.now()) for token in tokens]
        return [rules_of_bridge(name), *(rules_of(one) for one in claims)]

    print("\n".join(with_installation(data, work)), end="")


async def _tokens(at: Installation, hotel_id: "HotelId") -> AsyncIterator[str]:
    """A token of everybody in a hotel: its claims are what access goes by."""
    from broker.tokens import Role, mint_device, mint_integrator, mint_user

    now = at.now()
    cursor: str | None = None
    while True:
        page = await at.store.devices(hotel_id, cursor=cursor, limit=1000)
        for row in page.items:
            yield mint_device(at.keys, hotel_id=hotel_id, device_id=row.device.id, gen=row.device.gen, now=now)
        cursor = page.next
        if cursor is None:
            break
    async for member in everybody(at.store, hotel_id):
        if not member.disabled:
            role = Role.ADMIN if member.admin else Role(member.role)
            yield mint_user(at.keys, hotel_id=hotel_id, name=member.name, role=role, gen=1, now=now)
    for one in await at.store.integrators(hotel_id):
        yield mint_integrator(at.keys, hotel_id=hotel_id, name=one.name, scope=one.scopes, gen=one.gen, now=now)
