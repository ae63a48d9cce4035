"""${message}"""

import sqlalchemy as sa
from alembic import op

from central.store.base import Json, UtcDateTime

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


${upgrades}
