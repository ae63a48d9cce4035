"""The tariffs in force, as they are published for anyone to read."""

from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing.tariff import parse
from billing.tariff.published import PublishedTariff, published
from central.invoicing.tariffs import Assignments
from central.store.models import TariffVersion


def tariffs_in_force(session: Session, utility_id: int, on: date, known_at: datetime) -> list[PublishedTariff]:
    """What is assigned in any zone on a day: of each tariff the newest text recorded up to ``known_at``."""
    names = Assignments(session, utility_id, known_at).names_on(on)
    rows = session.scalars(
        select(TariffVersion)
        .where(
            TariffVersion.utility_id == utility_id,
            TariffVersion.recorded_at <= known_at,
            TariffVersion.valid_from <= on,
            or_(TariffVersion.valid_to.is_(None), TariffVersion.valid_to > on),
            or_(TariffVersion.tariff.in_(names), TariffVersion.series.in_(names)),
        )
        .order_by(TariffVersion.tariff, TariffVersion.version)
    )
    newest = {row.tariff: row for row in rows}
    return [published(parse(row.text, f"{name}.yaml")) for name, row in newest.items()]
