"""What Alembic runs: the revisions of `versions`, on the connection that `store.schema` hands it."""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo

connection, told = context.config.attributes["connection"], context.config.attributes["told"]


def tell(ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]) -> None:
    """Say which revision the schema has now."""
    del ctx, heads, run_args
    told(step.up_revision_id if step.is_upgrade else step.down_revision_ids[0] if step.down_revision_ids else "base")


# The caller's transaction holds the write lock from before the revision was read until all of it is done.
context.configure(connection=connection, transactional_ddl=True, render_as_batch=True, on_version_apply=tell)
context.run_migrations()
