"""How Alembic runs the site's migrations: on the connection that it is given, inside that one's transaction."""

from alembic import context

from fedsky.web.database import VERSION_TABLE
from fedsky.web.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    compare_type=True,
    render_as_batch=True,
)
context.run_migrations()
