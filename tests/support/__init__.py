"""What every test may lean on: waiting with a deadline, a person, a free port, a system server or a skip, a process."""

from tests.support.actors import person
from tests.support.ports import free_port
from tests.support.postgresql import PostgreSQL
from tests.support.processes import Process, Processes
from tests.support.redis import Redis
from tests.support.servers import requires
from tests.support.waiting import eventually, eventually_sync

__all__ = [
    "PostgreSQL",
    "Process",
    "Processes",
    "Redis",
    "eventually",
    "eventually_sync",
    "free_port",
    "person",
    "requires",
]
