"""What a new installation starts with: one hotel, and one administrator whose login stands in a file."""

import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from config.folder import FirstLogin, Folder
from config.passwords import hash_password, is_password, new_password
from config.settings import Settings
from rules.ids import HotelId, UserName
from rules.policy import Profile
from store import INNWATCH, Exists, Store
from store.records import Account, Channel, EmailChannel, Hotel, MemberRole, SlackChannel

ADMIN = UserName("admin")
DEMO = HotelId("demo")

_log = logging.getLogger(__name__)


def default_channels(settings: Settings) -> tuple[Channel, ...]:
    """The channels of a hotel for which nobody named any: those of the settings."""
    channels: list[Channel] = []
    if settings.email_recipients:
        channels.append(EmailChannel(settings.email_recipients))
    if settings.slack_webhook_url is not None and settings.slack_enabled:
        channels.append(SlackChannel(settings.slack_webhook_url))
    return tuple(channels)


async def furnish(
    store: Store, folder: Folder, *, settings: Settings, url: str, demo: bool, now: Callable[[], datetime]
) -> FirstLogin:
    """Make sure that there is a hotel, and an administrator who is a member of it; the login, as the file says it.

    The file comes before the account, so that a crash between them leaves no account that nobody can use.
    """
    hotel = await _first_hotel(store, settings=settings, demo=demo, now=now)
    if not demo:
        await _warn_of_an_empty_demo(store)
    login, admin = known_login(folder), await store.find_account(ADMIN)
    if login is not None and admin is not None and not opens(login, admin):
        folder.first_login.unlink(missing_ok=True)
        login = None
    if admin is None:
        login = FirstLogin(url=url, username=ADMIN, password=new_password(), hotel_id=hotel)
        folder.write_first_login(login)
        await _join(store, hotel, password_hash=hash_password(login.password), now=now)
    elif demo:
        await _join(store, hotel, password_hash=None, now=now)
    if login is None:
        return FirstLogin(url=url, username=ADMIN, password="", hotel_id=hotel)
    if (login.url, login.hotel_id) != (url, hotel):
        login = msgspec.structs.replace(login, url=url, hotel_id=hotel)
        folder.write_first_login(login)
    return login


async def _first_hotel(store: Store, *, settings: Settings, demo: bool, now: Callable[[], datetime]) -> HotelId:
    hotels = [hotel.id for hotel in await store.hotels()]
    if demo and DEMO in hotels:
        return DEMO
    if hotels and not demo:
        return hotels[0]
    hotel = (
        Hotel(id=DEMO, name="Demo Hotel", profile=Profile.STRICT)
        if demo
        else Hotel(id=HotelId("hotel-1"), name="Hotel 1")
    )
    await store.add_hotel(hotel, channels=default_channels(settings), by=INNWATCH, now=now())
    return hotel.id


async def _warn_of_an_empty_demo(store: Store) -> None:
    """Tablets of an earlier --demo are missed like any others: whoever starts without it should not wonder."""
    if (await store.devices(DEMO, limit=1)).items:
        _log.warning("tablets are not simulated without --demo, each will be reported silent", {"hotel": DEMO})


async def _join(store: Store, hotel_id: HotelId, *, password_hash: str | None, now: Callable[[], datetime]) -> None:
    try:
        await store.add_user(
            hotel_id,
            ADMIN,
            role=MemberRole.MANAGER,
            password_hash=password_hash,
            admin=True,
            temporary=True,
            by=INNWATCH,
            now=now(),
        )
    except Exists:
        return


def opens(login: FirstLogin, account: Account) -> bool:
    """Whether a login still holds: whoever read it was asked to choose another password, and may have, meanwhile."""
    return account.password_hash is not None and is_password(login.password, account.password_hash)


def known_login(folder: Folder) -> FirstLogin | None:
    """The login of an earlier start; None when its reader has removed the file, as they should."""
    try:
        return msgspec.json.decode(folder.first_login.read_bytes(), type=FirstLogin)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
