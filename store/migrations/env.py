"""What Alembic runs: the revisions of `versions`, on the connection that `store.schema` hands it."""

from alembic import context

connection = context.config.attributes["connection"]
# The caller's transaction holds the write lock from before the revision was read until all of it is done.
context.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
context.run_migrations()
