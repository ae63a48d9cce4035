"""Past days of a contract without terms: they cannot be billed."""

from collections.abc import Iterator

from central.register.quality.gaps import find_gaps
from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import ContractTerms


def _find(asked: Asked) -> Iterator[Hit]:
    return find_gaps(asked, ContractTerms)


RULE = Rule(
    "gap_in_terms",
    "Días pasados sin condiciones",
    "error",
    "clerk",
    _find,
    advice="Registre el uso y las condiciones de esos días.",
)
