"""Who a token stands for, and where its holder finds the broker."""

from litestar import get
from litestar.di import NamedDependency

from api.gate import Caller, needs
from api.problems import Trouble, problems, unauthorized
from api.records import MqttPlace, Session, SessionHotel
from api.routes.signin import Desk
from api.settings import ApiSettings
from broker.tokens import Role
from rules.ids import HotelId, UserName
from store import Store


@get("/session", opt=needs(Role.VIEWER, hotel=False), tags=["auth"], responses=problems(401, 403, 404, 503))
async def show_session(
    store: NamedDependency[Store],
    desk: NamedDependency[Desk],
    caller: NamedDependency[Caller],
    settings: NamedDependency[ApiSettings],
) -> Session:
    """What a console needs to begin: who, in which hotel, and the way to the broker."""
    account = await store.find_account(UserName(caller.name))
    if account is None or caller.role is None:
        raise unauthorized(Trouble.TOKEN_REVOKED)
    claims = caller.claims
    return Session(
        user=caller.name,
        role=caller.role,
        temporary_password=account.temporary,
        hotel=None if claims.hotel_id is None else await _hotel(store, claims.hotel_id),
        hotels=await desk.choices(account),
        expires_at=claims.exp,
        mqtt=MqttPlace(
            port=settings.mqtt_port,
            path=settings.mqtt_path,
            secure=settings.mqtt_secure,
            username=claims.sub,
            client_id_prefix=f"{claims.sub}/",
        ),
    )


async def _hotel(store: Store, hotel_id: HotelId) -> SessionHotel:
    hotel = await store.hotel(hotel_id)
    return SessionHotel(hotel.id, hotel.name, hotel.timezone, hotel.profile)
