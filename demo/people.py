"""The people of the demonstration and how they log in. They exist only in a demonstration's own database."""

from dataclasses import dataclass
from datetime import UTC, datetime

from central.access import create_user
from central.access.rules import set_rules
from central.register.customers import find_customer
from central.store import Session
from firmware_sim.town import Town

PASSWORD = "agua-demo-2026"  # noqa: S105  printed at the end of every demonstration


@dataclass(frozen=True)
class Login:
    """A log-in to be shown."""

    role: str
    login: str
    password: str
    path: str


def create_people(session: Session, utility_id: int, town: Town) -> list[Login]:
    """A clerk, a supervisor and the subscriber with the most to see: the one whose house leaks.

    None of them must have a second factor: what is printed is enough to log in.
    """
    set_rules(session, utility_id, {"factor_roles": []}, "demo", datetime.now(UTC))
    create_user(session, utility_id, "facturacion", PASSWORD, role="clerk", name="Marta (facturación)")
    create_user(session, utility_id, "supervision", PASSWORD, role="supervisor", name="Jordi (supervisión)")
    create_user(session, utility_id, "administracion", PASSWORD, role="admin", name="Neus (administración)")
    leaking = next(meter for meter in town.meters if meter.behaviour == "leak")
    customer = find_customer(session, utility_id, f"C-{leaking.house.contract_no}")
    if customer is None:
        raise LookupError(f"customer of contract {leaking.house.contract_no}: is not in the register")
    create_user(
        session, utility_id, "abonado", PASSWORD, role="subscriber", name=customer.name, customer_id=customer.id
    )
    return [
        Login("Abonado / Subscriber", "abonado", PASSWORD, "/facturas"),
        Login("Facturación / Clerk", "facturacion", PASSWORD, "/oficina/"),
        Login("Supervisión / Supervisor", "supervision", PASSWORD, "/oficina/"),
        Login("Administración / Administrator", "administracion", PASSWORD, "/oficina/usuarios"),
    ]
