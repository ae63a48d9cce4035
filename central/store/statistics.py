"""What SQLite's planner believes of tables that nobody has analysed yet.

Every key starts with ``utility_id``. Without statistics SQLite takes that column alone for selective, and walks a key
that is led by time, or a whole utility, where an index by meter would find a handful of rows. So a database starts with
figures of the right order; ``ANALYZE`` replaces them with its own.
"""

from sqlalchemy import Connection

ROWS = 1_000_000
# How many rows remain of so many, for each further column of an index.
NARROWED = 2_000
# Columns that tell few rows from many.
COARSE = frozenset({"utility_id", "account", "kind", "position", "revision", "rule", "series", "status", "use", "zone"})
COARSE_BY = 5


def seed(connection: Connection) -> None:
    """Write the figures for every index that has none; nothing to do on PostgreSQL."""
    if connection.dialect.name != "sqlite":
        return
    # Makes the table of statistics where there is none, and reads nothing else.
    connection.exec_driver_sql("ANALYZE sqlite_master")
    known = {row[0] for row in connection.exec_driver_sql("SELECT idx FROM sqlite_stat1 WHERE idx IS NOT NULL")}
    tables = connection.exec_driver_sql(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    rows = []
    for (table,) in tables.all():
        for _, index, unique, *_ in connection.exec_driver_sql(f'PRAGMA index_list("{table}")').all():
            if index not in known:
                columns = [row[2] for row in connection.exec_driver_sql(f'PRAGMA index_info("{index}")').all()]
                # A table without row ids is its own primary key, whose statistics bear the table's name.
                clustered = index.startswith("sqlite_autoindex") and _is_clustered(connection, table)
                rows.append((table, table if clustered else index, _figures(columns, unique=bool(unique))))
    connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", rows)
    connection.exec_driver_sql("ANALYZE sqlite_master")


def _is_clustered(connection: Connection, table: str) -> bool:
    made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    return "WITHOUT ROWID" in (made.scalar() or "").upper()


def _figures(columns: list[str], *, unique: bool) -> str:
    """Rows of the table, and how many of them share the first column, the first two, and so on."""
    left, figures = ROWS, [ROWS]
    for place, column in enumerate(columns, start=1):
        if column != "utility_id":
            left = max(1, left // (COARSE_BY if column in COARSE else NARROWED))
        figures.append(1 if unique and place == len(columns) else max(left, 2))
    return " ".join(map(str, figures))
