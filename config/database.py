"""Which database an installation has: the one that DATABASE_URL names, else the file in its data folder."""

from config.errors import BadSetting
from config.folder import Folder
from config.settings import Settings
from config.settings_store import DATABASE_URL, DatabaseUrl


def database_of(settings: Settings, folder: Folder) -> DatabaseUrl:
    return settings.database_url or DatabaseUrl(folder.database_url)


def database_file(settings: Settings, folder: Folder) -> DatabaseUrl:
    """The same for a command that needs a file of its own. Raises BadSetting."""
    database = database_of(settings, folder)
    if database.file is None:
        raise BadSetting(
            f"{DATABASE_URL} names a server, and `up` keeps its database in a file; leave it out, or start"
            " `innwatch broker`, `bridge`, `api` and `worker`"
        )
    return database
