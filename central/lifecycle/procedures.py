"""The procedures a contract knows, why each is asked for, the channels, and the states of a case."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from central.lifecycle.details import Details
from central.register import identifiers as check
from central.register.errors import RegisterError


class Procedure(StrEnum):
    """What is asked for."""

    SIGN_UP = "sign_up"  # alta
    CHANGE_OF_HOLDER = "change_of_holder"  # cambio de titular
    SUBROGATION = "subrogation"  # subrogación: the new holder steps into the old one's contract
    CANCELLATION = "cancellation"  # baja


class State(StrEnum):
    """Where a case is: data missing, documents missing, nothing missing; or its end."""

    OPEN = "open"
    WAITING = "waiting"
    READY = "ready"
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


LIVE = (State.OPEN, State.WAITING, State.READY)
CHANNELS = ("office", "phone", "portal", "api")
# The first cause of each is what is meant where none is named.
CAUSES: dict[Procedure, tuple[str, ...]] = {
    Procedure.SIGN_UP: ("new_supply", "reopening"),
    Procedure.CHANGE_OF_HOLDER: ("sale", "lease", "other"),
    Procedure.SUBROGATION: ("death", "separation", "succession"),
    Procedure.CANCELLATION: ("leaves", "death", "demolition", "closure"),
}
NEW_HOLDER = (Procedure.SIGN_UP, Procedure.CHANGE_OF_HOLDER, Procedure.SUBROGATION)
CLOSES = (Procedure.CHANGE_OF_HOLDER, Procedure.SUBROGATION, Procedure.CANCELLATION)


@dataclass(frozen=True)
class Asked:
    """A request as it comes in. A sign-up names the ``supply`` point, every other procedure the ``contract``.

    ``effective_on`` is a local date: the first day of the new holder or contract; of a cancellation the first day
    without one.
    """

    procedure: str
    effective_on: date
    details: Details
    supply: str = ""
    contract: str = ""
    cause: str = ""
    channel: str = "office"

    def checked(self) -> "Asked":
        """The same request with procedure, cause and channel of their lists; raises :class:`RegisterError`."""
        procedure = Procedure(check.one_of("case.procedure", self.procedure, tuple(Procedure)))
        causes = CAUSES[procedure]
        cause = check.one_of("case.cause", self.cause or causes[0], causes)
        check.one_of("case.channel", self.channel, CHANNELS)
        if procedure is Procedure.SIGN_UP and not self.supply:
            raise RegisterError("case.supply", "", "a sign-up names the supply point")
        if procedure is not Procedure.SIGN_UP and not self.contract:
            raise RegisterError("case.contract", "", f"{procedure} names the contract")
        return Asked(
            procedure,
            self.effective_on,
            self.details.checked(),
            supply=self.supply,
            contract=self.contract,
            cause=cause,
            channel=self.channel,
        )
