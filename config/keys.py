"""Which keys sign and verify the tokens of an installation."""

from broker.secret import WeakSecret
from broker.tokens import KeyRing
from config.database import database_of
from config.errors import BadSetting
from config.folder import Folder
from config.settings import SECRET_KEY, Settings
from config.settings_store import DATABASE_URL


def key_ring(settings: Settings, folder: Folder) -> KeyRing:
    """The ring of SECRET_KEY, or else of the folder's own key. Raises BadSetting, which never shows the key.

    Processes that share a database server may share no folder: a key that one of them makes up helps nobody.
    """
    if settings.secret_key is None and database_of(settings, folder).file is None:
        raise BadSetting(
            f"{SECRET_KEY} is missing: {DATABASE_URL} names a server, and all who use it need the same key"
        )
    if settings.secret_key is None and not folder.path.is_dir():
        raise BadSetting(
            f"there is no data folder {folder.path} with a key in it; give it by --data, or set {SECRET_KEY}"
        )
    try:
        return KeyRing.of(settings.secret_key or folder.signing_key())
    except WeakSecret as weakness:
        where = "SECRET_KEY" if settings.secret_key else f"{folder.path}/signing.key"
        raise BadSetting(f"{where}: {weakness}; use at least 32 random bytes, such as `openssl rand -hex 32`") from None
