"""What is done at intervals, and how it went last."""

from litestar import get
from litestar.di import NamedDependency

from api.gate import needs
from api.problems import problems
from broker.tokens import Role
from store import Store
from store.records import Job, Page


@get("/jobs", tags=["operations"], opt=needs(Role.ADMIN, hotel=False), responses=problems(400, 401, 403, 503))
async def list_jobs(store: NamedDependency[Store]) -> Page[Job]:
    """Every job that ever ran, in order of name, on one page: `prune` forgets what is older than it is kept."""
    return Page(await store.jobs())
