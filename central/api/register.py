"""Changes of the register: each is one service of :mod:`central.register`, whose refusals are problems."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from pydantic import Field
from starlette.responses import Response

from central import register
from central.access import Permission
from central.api import shapes
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import ApiError, documented
from central.api.queries import one_of
from central.api.reads import etag, told
from central.api.values import Code, Input, Int64, IsoDay, IsoInstant, Litres, Output, Text
from central.api.values import PathId as Number
from central.register.contracts import Terms
from central.store import Session, models

router = APIRouter()
Editor = Annotated[Caller, Depends(Allowed(Permission.EDIT_REGISTER))]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=200)]
Id = Annotated[int, Field(ge=1, le=2**63 - 1, json_schema_extra={"format": "int64"})]
Count = Annotated[int, Field(ge=0, le=32_767)]
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)
CHANGES = MISSING | documented(412, 428)


class Reasoned(Input):
    """A change; its reason goes to the audit."""

    reason: Text = ""


class NewSupplyPoint(Reasoned):
    """A place to be supplied; coordinates are degrees times 10^7."""

    code: Code
    street: Text
    number: Annotated[Text, Field(max_length=64)]
    detail: Text = ""
    postal_code: Annotated[str, Field(pattern=r"^[0-9]{5}$")]
    ine_code: Annotated[str, Field(pattern=r"^[0-9]{5,6}$")]
    cadastral_ref: Annotated[str, Field(pattern=r"^[0-9A-Z]{20}$")] | None = None
    zone: Code | None = None
    lat_e7: Annotated[int, Field(ge=-900_000_000, le=900_000_000)] | None = None
    lon_e7: Annotated[int, Field(ge=-1_800_000_000, le=1_800_000_000)] | None = None


class NewMeter(Reasoned):
    """A meter; ``address`` is that of its telegrams, and is left out where it sends none."""

    address: Code | None = None
    serial: Code
    calibre_mm: Annotated[int, Field(ge=1, le=1000)]
    modulus_litres: Annotated[int, Field(ge=1, le=10**15)]
    radio: bool
    q3_litres_hour: Annotated[int, Field(ge=1, le=10**8)] | None = None
    made_year: Annotated[int, Field(ge=1900, le=2200)] | None = None


class NewCustomer(Reasoned):
    """A person or body that will hold contracts."""

    code: Code
    nif: Code
    name: Text
    kind: Code = "person"
    email: Text | None = None
    phone: Annotated[Text, Field(max_length=32)] | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "es"


class NewTerms(Reasoned):
    """What the tariff needs to know of a contract from ``on`` onwards."""

    on: IsoDay
    use: Code
    dwellings: Count = 1
    premises: Count = 1
    persons: Count | None = None
    groups: Annotated[list[Code], Field(max_length=20, default_factory=list)]
    habitual_home: bool = False
    vulnerable: bool = False

    def terms(self) -> Terms:
        """The terms as the register takes them."""
        return Terms(
            use=self.use,
            dwellings=self.dwellings,
            premises=self.premises,
            persons=self.persons,
            groups=tuple(self.groups),
            habitual_home=self.habitual_home,
            vulnerable=self.vulnerable,
        )


class NewContract(NewTerms):
    """A contract at a supply point, held by a customer from ``on``."""

    code: Code
    supply_point_id: Id
    customer_id: Id


class NewHolder(Reasoned):
    """Who holds a contract from ``on``."""

    customer_id: Id
    on: IsoDay


class Ending(Reasoned):
    """The first day a contract no longer holds."""

    on: IsoDay


class NewInstallation(Reasoned):
    """A meter hung at a supply point; ``litres`` is its index then, where it was read."""

    meter_id: Id
    at: IsoInstant
    litres: Litres | None = None


class NewExchange(Reasoned):
    """A meter replaced at one instant, with the last index of the old and the first of the new."""

    meter_id: Id
    at: IsoInstant
    removal_litres: Litres | None = None
    installation_litres: Litres


class NewDevice(Reasoned):
    """A device let in."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    kind: Code = "handheld"


class NewRoute(Reasoned):
    """Supply points to be read on a day, in this order; without any, all of them street by street."""

    code: Code
    name: Text
    planned_on: IsoDay
    supply_codes: Annotated[list[Code], Field(max_length=10_000)] | None = None
    closed_list: bool = False


def by(caller: Caller, body: Reasoned) -> register.Change:
    """The author of a change, as the audit names it."""
    return register.Change(caller.actor, caller.now, body.reason)


def _values(body: Reasoned) -> dict[str, Any]:
    return body.model_dump(exclude={"reason"})


@router.post("/supply-points", status_code=201, response_model=shapes.SupplyPointOut, responses=REFUSALS)
def add_supply_point(request: Request, caller: Editor, key: Key, body: NewSupplyPoint) -> Response:
    """Add a supply point."""

    def work(session: Session) -> shapes.SupplyPointOut:
        row = register.add_supply_point(session, caller.utility_id, **_values(body), by=by(caller, body))
        return shapes.SupplyPointOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post("/meters", status_code=201, response_model=shapes.MeterOut, responses=REFUSALS)
def add_meter(request: Request, caller: Editor, key: Key, body: NewMeter) -> Response:
    """Add a meter; its key comes by the import or the key file, never here."""

    def work(session: Session) -> shapes.MeterOut:
        row = register.add_meter(session, caller.utility_id, **_values(body), by=by(caller, body))
        return shapes.MeterOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post("/customers", status_code=201, response_model=shapes.CustomerOut, responses=REFUSALS)
def add_customer(request: Request, caller: Editor, key: Key, body: NewCustomer) -> Response:
    """Add a customer."""

    def work(session: Session) -> shapes.CustomerOut:
        row = register.add_customer(session, caller.utility_id, **_values(body), by=by(caller, body))
        return shapes.CustomerOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post("/devices", status_code=201, response_model=shapes.DeviceOut, responses=REFUSALS)
def enrol_device(request: Request, caller: Editor, key: Key, body: NewDevice) -> Response:
    """Let a device in."""

    def work(session: Session) -> shapes.DeviceOut:
        row = register.enrol_device(session, caller.utility_id, body.name, body.kind, by=by(caller, body))
        return shapes.DeviceOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post("/routes", status_code=201, response_model=shapes.RouteOut, responses=REFUSALS)
def build_route(request: Request, caller: Editor, key: Key, body: NewRoute) -> Response:
    """Build a route."""

    def work(session: Session) -> shapes.RouteOut:
        row = register.build_route(session, caller.utility_id, **_values(body), by=by(caller, body))
        return shapes.RouteOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post("/contracts", status_code=201, response_model=shapes.ContractOut, responses=MISSING)
def sign_contract(request: Request, caller: Editor, key: Key, body: NewContract) -> Response:
    """Sign a contract."""

    def work(session: Session) -> Output:
        point = _row(session, caller, models.SupplyPoint, body.supply_point_id)
        customer = _row(session, caller, models.Customer, body.customer_id)
        contract = register.sign_contract(
            session, point, body.code, customer, body.terms(), body.on, by=by(caller, body)
        )
        return _contract(session, caller, contract)

    return once(request, caller, key, body, work)


@router.post("/contracts/{number}/holders", status_code=201, response_model=shapes.ContractOut, responses=CHANGES)
def change_holder(
    request: Request, caller: Editor, key: Key, number: Number, body: NewHolder, if_match: IfMatch = None
) -> Response:
    """Give a contract to another holder from a day on."""

    def work(session: Session) -> Output:
        contract = _unchanged(session, caller, number, if_match)
        customer = _row(session, caller, models.Customer, body.customer_id)
        register.change_holder(session, contract, customer, body.on, by=by(caller, body))
        return _contract(session, caller, contract)

    return once(request, caller, key, body, work)


@router.post("/contracts/{number}/terms", status_code=201, response_model=shapes.ContractOut, responses=CHANGES)
def change_terms(
    request: Request, caller: Editor, key: Key, number: Number, body: NewTerms, if_match: IfMatch = None
) -> Response:
    """Change what the tariff knows of a contract from a day on."""

    def work(session: Session) -> Output:
        contract = _unchanged(session, caller, number, if_match)
        register.change_terms(session, contract, body.terms(), body.on, by=by(caller, body))
        return _contract(session, caller, contract)

    return once(request, caller, key, body, work)


@router.post("/contracts/{number}/cancellation", status_code=201, response_model=shapes.ContractOut, responses=CHANGES)
def cancel_contract(
    request: Request, caller: Editor, key: Key, number: Number, body: Ending, if_match: IfMatch = None
) -> Response:
    """End a contract on a day."""

    def work(session: Session) -> Output:
        contract = _unchanged(session, caller, number, if_match)
        register.cancel_contract(session, contract, body.on, by=by(caller, body))
        return _contract(session, caller, contract)

    return once(request, caller, key, body, work)


@router.post(
    "/supply-points/{number}/installations",
    status_code=201,
    response_model=shapes.InstallationOut,
    responses=MISSING,
)
def install_meter(request: Request, caller: Editor, key: Key, number: Number, body: NewInstallation) -> Response:
    """Hang a meter at a supply point."""

    def work(session: Session) -> shapes.InstallationOut:
        point = _row(session, caller, models.SupplyPoint, number)
        meter = _row(session, caller, models.Meter, body.meter_id)
        row = register.install_meter(session, point, meter, body.at, body.litres, by=by(caller, body))
        return shapes.InstallationOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post(
    "/supply-points/{number}/exchanges", status_code=201, response_model=shapes.InstallationOut, responses=MISSING
)
def exchange_meter(request: Request, caller: Editor, key: Key, number: Number, body: NewExchange) -> Response:
    """Replace the meter of a supply point."""

    def work(session: Session) -> shapes.InstallationOut:
        row = register.exchange_meter(
            session,
            _row(session, caller, models.SupplyPoint, number),
            _row(session, caller, models.Meter, body.meter_id),
            body.at,
            removal_litres=body.removal_litres,
            installation_litres=body.installation_litres,
            by=by(caller, body),
        )
        return shapes.InstallationOut.model_validate(row)

    return once(request, caller, key, body, work)


def _row(session: Session, caller: Caller, model: Any, number: Int64) -> Any:
    return one_of(session, model, model.id, caller.utility_id, number)


def _contract(session: Session, caller: Caller, contract: models.Contract) -> Output:
    return told(session, caller.utility_id, shapes.ContractOut, [contract])[0]


def _unchanged(session: Session, caller: Caller, number: int, if_match: str | None) -> models.Contract:
    """The contract, where it still is what the caller read (RFC 9110, 13.1.1; RFC 6585, 3)."""
    contract: models.Contract = _row(session, caller, models.Contract, number)
    if if_match is None:
        raise ApiError(428, "precondition", "If-Match: must carry the ETag of the contract that was read")
    session.refresh(contract, with_for_update=True)
    if if_match != etag(_contract(session, caller, contract).model_dump_json().encode()):
        raise ApiError(412, "changed", f"contract {contract.code}: is no longer what was read; read it again")
    return contract
