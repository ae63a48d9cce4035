"""What must be true for a case to be completed: each rule refuses with field, value and what to do instead."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from central.lifecycle import closing, standing
from central.lifecycle.details import Details
from central.lifecycle.procedures import CLOSES, Procedure
from central.register.errors import RegisterError
from central.store.models import Contract, ContractCase, ContractHolder, Customer, Meter, SupplyPoint

AHEAD_DAYS = 60


@dataclass(frozen=True)
class Situation:
    """A case with what it touches, loaded once; ``holder`` and ``person`` are of the day before the effective one."""

    session: Session
    case: ContractCase
    details: Details
    point: SupplyPoint
    contract: Contract | None
    holder: ContractHolder | None
    person: Customer | None
    meter: Meter | None
    today: date

    @property
    def procedure(self) -> Procedure:
        """What is asked for."""
        return Procedure(self.case.procedure)

    @property
    def on(self) -> date:
        """The effective day."""
        return self.case.effective_on

    @property
    def existing(self) -> Contract:
        """The contract that a change or a cancellation is about."""
        if self.contract is None:
            raise RegisterError("case.contract", "", f"{self.procedure} names the contract")
        return self.contract


Rule = Callable[[Situation], None]


def situation(session: Session, case: ContractCase, details: Details, today: date) -> Situation:
    """All that the rules look at."""
    point = session.get_one(SupplyPoint, (case.utility_id, case.supply_point_id))
    closes = case.procedure in CLOSES
    contract = session.get_one(Contract, (case.utility_id, case.contract_id)) if closes else None
    holder = standing.holder_on(session, contract, standing.day_before(case.effective_on)) if contract else None
    person = standing.customer_of(session, holder) if holder else None
    meter = closing.meter_at(session, point, case.effective_on, opens=not closes)
    return Situation(session, case, details, point, contract, holder, person, meter, today)


def problems(found: Situation) -> Iterator[RegisterError]:
    """Every rule of the procedure that the case breaks now."""
    for rule in _RULES[found.procedure]:
        try:
            rule(found)
        except RegisterError as error:
            yield error


def demand(found: Situation) -> None:
    """Raise the first :class:`RegisterError` there is."""
    for rule in _RULES[found.procedure]:
        rule(found)


def _no_second_contract(found: Situation) -> None:
    """A supply point has one contract at a time."""
    for contract in standing.contracts_at(found.session, found.point.utility_id, found.point.id):
        if contract.valid_to is None or contract.valid_to > found.on:
            until = f"until {contract.valid_to}" if contract.valid_to else "and has no end"
            rule = f"contract {contract.code} holds from {contract.valid_from} {until}; cancel it or change its holder"
            raise RegisterError("case.supply", found.point.code, rule)


def _not_far_ahead(found: Situation) -> None:
    latest = found.today + timedelta(AHEAD_DAYS)
    if found.on > latest:
        raise RegisterError("case.effective_on", found.on.isoformat(), f"must not lie after {latest}")


def _not_ahead(found: Situation) -> None:
    """The last day of what ends has come: its reading cannot be known before."""
    latest = found.today + timedelta(1)
    if found.on > latest:
        rule = f"must not lie after {latest}: the closing reading is not known before"
        raise RegisterError("case.effective_on", found.on.isoformat(), rule)


def _within_contract(found: Situation) -> None:
    contract, field = found.existing, "case.effective_on"
    if found.on <= contract.valid_from:
        rule = f"must lie after the start of contract {contract.code}, {contract.valid_from}"
        raise RegisterError(field, found.on.isoformat(), rule)
    if contract.valid_to is not None and found.on >= contract.valid_to:
        raise RegisterError(field, found.on.isoformat(), f"contract {contract.code} ended on {contract.valid_to}")


def _after_the_holder(found: Situation) -> None:
    """Each holder keeps at least a day, and no holder that was already recorded for later is passed over."""
    if found.holder is None:
        rule = f"contract {found.existing.code} has no holder the day before"
        raise RegisterError("case.effective_on", found.on.isoformat(), rule)
    later = [row for row in standing.holders(found.session, found.existing) if row.valid_from >= found.on]
    if later:
        rule = f"a holder from {later[0].valid_from} on is recorded; choose a later day"
        raise RegisterError("case.effective_on", found.on.isoformat(), rule)


def _not_billed(found: Situation) -> None:
    """Days that are billed to somebody are passed to another only by rectifying those bills."""
    billed = standing.billed_until(found.session, found.point.utility_id, found.point.id)
    if billed is not None and found.on < billed[0]:
        rule = (
            f"contract {billed[1]} is billed up to {billed[0]}; take that day or a later one, "
            "or cancel the later bills first by rectification (cause cancel, R4)"
        )
        raise RegisterError("case.effective_on", found.on.isoformat(), rule)


def _no_run_in_flight(found: Situation) -> None:
    run = standing.run_in_flight(found.session, found.existing, found.on)
    if run is not None:
        rule = f"run {run} is approved and bills later days to the present holder; wait for it or cancel it"
        raise RegisterError("case.effective_on", found.on.isoformat(), rule)


def _another_holder(found: Situation) -> None:
    new, now = found.details.holder, found.person
    if new is not None and now is not None and new.nif == now.nif:
        raise RegisterError("holder.nif", new.nif, f"holds contract {found.existing.code} already")


def _no_debt(found: Situation) -> None:
    """Who owes something at the supply point pays it first; what others owe there is none of theirs."""
    new = found.details.holder
    if new is None:
        return
    for debt in standing.debts_at(found.session, found.point.utility_id, found.point.id, new.nif):
        owed = f"{debt.cents // 100}.{debt.cents % 100:02d}"
        raise RegisterError("holder.nif", new.nif, f"owes {owed} EUR of contract {debt.contract} at this supply point")


def _debt_assumed_in_subrogation_only(found: Situation) -> None:
    if found.details.assume_debt and found.procedure is not Procedure.SUBROGATION:
        rule = "only a subrogation may take over the old holder's debt"
        raise RegisterError("assume_debt", found.details.assume_debt, rule)


def _closing_fits(found: Situation) -> None:
    closing.check_closing(found.session, found.meter, found.details.closing, found.on)


def _opening_fits(found: Situation) -> None:
    if found.details.closing is not None:
        closing.check_closing(found.session, found.meter, found.details.closing, found.on)


_BOTH: tuple[Rule, ...] = (_within_contract, _after_the_holder, _not_ahead, _not_billed, _no_run_in_flight)
_NEW: tuple[Rule, ...] = (_another_holder, _no_debt, _debt_assumed_in_subrogation_only)
_RULES: dict[Procedure, tuple[Rule, ...]] = {
    Procedure.SIGN_UP: (
        _no_second_contract,
        _not_far_ahead,
        _not_billed,
        _no_debt,
        _debt_assumed_in_subrogation_only,
        _opening_fits,
    ),
    Procedure.CHANGE_OF_HOLDER: (*_BOTH, *_NEW, _closing_fits),
    Procedure.SUBROGATION: (*_BOTH, *_NEW, _closing_fits),
    Procedure.CANCELLATION: (*_BOTH, _debt_assumed_in_subrogation_only, _closing_fits),
}
