"""A person with a body's NIF, or a body with a person's (Orden EHA/451/2008: the first letter says the legal form)."""

from collections.abc import Iterator

from sqlalchemy import func, or_, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Customer

BODIES = tuple("ABCDEFGHJNPQRSUVW")


def _find(asked: Asked) -> Iterator[Hit]:
    body = func.substr(Customer.nif, 1, 1).in_(BODIES)
    rows = asked.session.execute(
        select(Customer.code, Customer.nif, Customer.kind).where(
            Customer.utility_id == asked.utility_id,
            Customer.nif != "",
            or_(body & (Customer.kind == "person"), ~body & (Customer.kind != "person")),
        )
    )
    for code, nif, kind in rows:
        if kind == "person":
            yield Hit(code, f"figura como persona física y su NIF {nif} es de una entidad")
        else:
            yield Hit(code, f"figura como entidad ({kind}) y su NIF {nif} es de una persona")


RULE = Rule(
    "nif_against_kind",
    "NIF impropio de la clase de cliente",
    "warning",
    "clerk",
    _find,
    about="customer",
    advice="Corrija la clase del cliente, o su NIF.",
)
