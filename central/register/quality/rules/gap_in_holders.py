"""Past days of a contract without holder: nobody can be billed for them."""

from collections.abc import Iterator

from central.register.quality.gaps import find_gaps
from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import ContractHolder


def _find(asked: Asked) -> Iterator[Hit]:
    return find_gaps(asked, ContractHolder)


RULE = Rule(
    "gap_in_holders",
    "Días pasados sin titular",
    "error",
    "clerk",
    _find,
    advice="Registre quién era titular esos días, o desde cuándo hay contrato.",
)
