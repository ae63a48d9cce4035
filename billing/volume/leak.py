"""The leak allowance: which part of a bill's litres is excess over the household's usual consumption."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from billing.volume.estimate import from_history
from billing.volume.period import Period, years_later
from billing.volume.policy import Policy
from billing.volume.readings import PastPeriod


@dataclass(frozen=True, slots=True)
class LeakPolicy:
    """Conditions usual in municipal by-laws; all configurable."""

    hidden_only: bool = True
    evidence_days: int = 30
    years_between: int = 2


@dataclass(frozen=True, slots=True)
class LeakClaim:
    """What the customer brought: dates of the bill, of the repair's invoice, and the last allowance."""

    bill_date: date
    hidden: bool
    repair_invoice: date | None
    last_granted: date | None = None


@dataclass(frozen=True, slots=True)
class LeakAllowance:
    """``excess_litres`` is priced at the leak price; ``refusals`` says in Spanish why it is not granted."""

    granted: bool
    reference_litres: int
    excess_litres: int
    basis: str
    refusals: tuple[str, ...] = ()


def leak_allowance(
    litres: int,
    period: Period,
    past: Sequence[PastPeriod],
    claim: LeakClaim,
    leak: LeakPolicy,
    policy: Policy,
) -> LeakAllowance:
    """Judge a claim and split ``litres`` into reference and excess.

    The reference is the consumption expected by the estimation cascade, which starts with the same season
    of the previous year; without any history there is none and the claim is refused.
    """
    reference = from_history(period, past, policy)
    refusals = _refusals(claim, leak)
    if reference is None:
        refusals.append("No hay consumo anterior con el que comparar")
        return LeakAllowance(False, litres, 0, "no_history", tuple(refusals))
    excess = max(0, litres - reference.litres)
    if not excess:
        refusals.append("El consumo no supera el de referencia")
    granted = not refusals
    return LeakAllowance(granted, reference.litres, excess if granted else 0, reference.basis, tuple(refusals))


def _refusals(claim: LeakClaim, leak: LeakPolicy) -> list[str]:
    found = []
    if leak.hidden_only and not claim.hidden:
        found.append("La fuga no era oculta")
    if claim.repair_invoice is None:
        found.append("Falta la factura de la reparación")
    elif (claim.repair_invoice - claim.bill_date).days > leak.evidence_days:
        found.append(f"La reparación se acreditó pasados {leak.evidence_days} días de la factura")
    if claim.last_granted is not None and years_later(claim.last_granted, leak.years_between) > claim.bill_date:
        found.append(f"Ya se concedió otra hace menos de {leak.years_between} años")
    return found
