"""Which keys sign and verify the tokens of an installation."""

from broker.secret import WeakSecret
from broker.tokens import KeyRing
from config.errors import BadSetting
from config.folder import Folder
from config.settings import Settings


def key_ring(settings: Settings, folder: Folder) -> KeyRing:
    """The ring of SECRET_KEY, or else of the folder's own key. Raises BadSetting, which never shows the key."""
    try:
        return KeyRing.of(settings.secret_key or folder.signing_key())
    except WeakSecret as weakness:
        where = "SECRET_KEY" if settings.secret_key else f"{folder.path}/signing.key"
        raise BadSetting(f"{where}: {weakness}; use at least 32 random bytes, such as `openssl rand -hex 32`") from None
