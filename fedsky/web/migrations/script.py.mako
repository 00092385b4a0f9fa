"""${message}"""

import sqlalchemy as sa
from alembic import op

from fedsky.web.tables import Time

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Brings the tables from the version before to this one."""
    ${upgrades if upgrades else "pass"}
