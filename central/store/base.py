"""The declarative base and the column types every model shares."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; a naive one is refused at the border."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware → UTC; SQLite keeps it without its zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"instant {value.isoformat()}: must carry a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What comes back is aware UTC on every database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Digest(TypeDecorator[str]):
    """A hash: hexadecimal in upper case in the program, bytes in the database."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Hexadecimal → bytes."""
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | str | None, dialect: Dialect) -> str | None:
        """Bytes → hexadecimal; a text that somebody put there in SQLite is no hash, and stays to be found."""
        return value if value is None or isinstance(value, str) else bytes(value).hex().upper()


Json = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
BigInt = BigInteger()

# Annotated column kinds: the name says the unit.
UtilityId = Annotated[int, mapped_column(Integer, primary_key=True, sort_order=-20)]
Id = Annotated[int, mapped_column(BigInt, primary_key=True, autoincrement=False, sort_order=-10)]
Ref = Annotated[int, mapped_column(BigInt)]
Millis = Annotated[int, mapped_column(BigInt)]
Litres = Annotated[int, mapped_column(BigInt)]
Cents = Annotated[int, mapped_column(BigInt)]
Small = Annotated[int, mapped_column(SmallInteger)]
Instant = Annotated[datetime, mapped_column(UtcDateTime)]
Day = Annotated[date, mapped_column(Date)]
Code = Annotated[str, mapped_column(String(64))]
Name = Annotated[str, mapped_column(String(200))]
LongText = Annotated[str, mapped_column(Text)]
Data = Annotated[dict[str, Any], mapped_column(Json)]
DataList = Annotated[list[Any], mapped_column(Json)]


class Base(DeclarativeBase):
    """Every business table's key starts with ``utility_id``: data partition and shard by it."""

    metadata = MetaData(naming_convention=NAMING)
