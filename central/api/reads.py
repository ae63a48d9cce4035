"""Every list and every single row that is read the same way, declared one after the other."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, create_model
from sqlalchemy.orm import InstrumentedAttribute, Session
from starlette.responses import Response

from central.access import Permission
from central.api import fleet_shapes, shapes
from central.api.exchange_shapes import ImportOut
from central.api.fiscal_system_shapes import FiscalSystemChangeOut
from central.api.gate import Allowed, Caller
from central.api.problems import documented
from central.api.queries import SPAN, one_of, page_of, told_of_contracts
from central.api.values import Code, Output, Page, Paging, PathId, QueryMillis, Small, Word
from central.api.webhook_shapes import EndpointOut, EventOut
from central.store import models, read_session
from central.store.models import Base

router = APIRouter()


@dataclass(frozen=True)
class Resource:
    """Rows of ``model`` at ``/name``, in the order of ``keys``, told as ``shape``; ``filters``: column → its type.

    ``span``: the rows have an instant ``at_ms``, of which a stretch [from_ms, to_ms) may be asked for.
    """

    name: str
    model: Any
    shape: type[Output]
    permission: Permission
    filters: dict[str, Any]
    keys: tuple[str, ...] = ("id",)
    single: bool = True
    span: bool = False

    @property
    def columns(self) -> Sequence[InstrumentedAttribute[int]]:
        """The columns of ``keys``."""
        return [getattr(self.model, key) for key in self.keys]


SEE, RUNS = Permission.SEE_REGISTER, Permission.SEE_RUNS
RESOURCES = (
    Resource("supply-points", models.SupplyPoint, shapes.SupplyPointOut, SEE, {"code": Code, "zone": Word}),
    Resource("meters", models.Meter, shapes.MeterOut, SEE, {"address": Code, "serial": Code}),
    Resource(
        "installations",
        models.Installation,
        shapes.InstallationOut,
        SEE,
        {"meter_id": PathId, "supply_point_id": PathId},
    ),
    Resource("customers", models.Customer, shapes.CustomerOut, SEE, {"code": Code, "nif": Code}),
    Resource("contracts", models.Contract, shapes.ContractOut, SEE, {"code": Code, "supply_point_id": PathId}),
    Resource("routes", models.Route, shapes.RouteOut, SEE, {"code": Code, "device_id": PathId}),
    Resource(
        "work-orders",
        models.WorkOrder,
        fleet_shapes.WorkOrderOut,
        SEE,
        {"code": Code, "status": Code, "kind": Code, "supply_point_id": PathId, "device_id": PathId},
    ),
    Resource(
        "order-reports",
        models.OrderReport,
        fleet_shapes.OrderReportOut,
        SEE,
        {"order_id": PathId, "order_code": Code, "status": Code},
    ),
    Resource("cut-facts", models.CutFact, fleet_shapes.CutFactOut, SEE, {"contract_id": PathId, "kind": Code}),
    Resource("devices", models.Device, shapes.DeviceOut, SEE, {"name": Code}),
    Resource(
        "readings",
        models.Reading,
        shapes.ReadingOut,
        SEE,
        {"meter_id": PathId, "kind": Small, "status": Small},
        keys=("at_ms", "meter_id", "kind", "revision"),
        single=False,
        span=True,
    ),
    Resource(
        "visits",
        models.Visit,
        shapes.VisitOut,
        SEE,
        {"supply_point_id": PathId, "device_id": PathId, "reader": Code},
        span=True,
    ),
    Resource("receivers", models.Receiver, shapes.ReceiverOut, SEE, {"device_id": PathId}),
    Resource(
        "device-events", models.DeviceEvent, shapes.DeviceEventOut, SEE, {"device_id": PathId, "kind": Code}, span=True
    ),
    Resource(
        "route-stops",
        models.RouteStop,
        shapes.RouteStopOut,
        SEE,
        {"route_id": PathId},
        keys=("route_id", "position"),
        single=False,
    ),
    Resource(
        "findings", models.Finding, shapes.FindingOut, SEE, {"rule": Code, "status": Code, "supply_point_id": PathId}
    ),
    Resource("register-imports", models.RegisterImport, ImportOut, SEE, {"state": Code}),
    Resource("quarantine", models.Quarantine, shapes.QuarantineOut, SEE, {"kind": Code, "device": Code}),
    Resource("consumption", models.Consumption, shapes.ConsumptionOut, RUNS, {"contract_id": PathId}),
    Resource("tariffs", models.TariffVersion, shapes.TariffOut, RUNS, {"tariff": Code, "series": Code}),
    Resource("tariff-assignments", models.TariffAssignment, shapes.AssignmentOut, RUNS, {"tariff": Code, "zone": Word}),
    Resource("runs", models.BillingRun, shapes.RunOut, RUNS, {"code": Code, "status": Code}),
    Resource(
        "invoices",
        models.Invoice,
        shapes.InvoiceOut,
        RUNS,
        {"contract_id": PathId, "customer_id": PathId, "run_id": PathId, "number_text": Word},
    ),
    Resource(
        "ledger-entries",
        models.LedgerEntry,
        shapes.EntryOut,
        RUNS,
        {"contract_id": PathId, "account": Word},
        keys=("transaction_id", "position"),
        single=False,
    ),
    Resource(
        "rectifications",
        models.Rectification,
        shapes.RectificationOut,
        RUNS,
        {"contract_id": PathId, "cause": Code, "decision": Code},
        single=False,
    ),
    Resource(
        "fiscal-system-changes",
        models.FiscalRegime,
        FiscalSystemChangeOut,
        RUNS,
        {"system": Code, "decision": Code},
    ),
    Resource("webhooks", models.WebhookEndpoint, EndpointOut, Permission.MANAGE_WEBHOOKS, {"state": Code}),
    Resource("webhook-events", models.WebhookEvent, EventOut, Permission.MANAGE_WEBHOOKS, {"type": Code}),
    Resource("tokens", models.ApiToken, shapes.TokenOut, Permission.MANAGE_USERS, {"user_id": PathId}),
    Resource("users", models.User, shapes.UserOut, Permission.MANAGE_USERS, {"login": Word, "role": Code}),
    Resource(
        "audit",
        models.AuditEntry,
        shapes.AuditOut,
        Permission.SEE_AUDIT,
        {"subject": Code, "subject_id": PathId, "actor": Word},
        keys=("position",),
    ),
)


def told(session: Session, utility_id: int, shape: type[Output], rows: Sequence[Base]) -> list[Output]:
    """Rows as their shape tells them; contracts with their holders and terms."""
    out = [shape.model_validate(row) for row in rows]
    contracts = [one for one in out if isinstance(one, shapes.ContractOut)]
    if contracts:
        holders, terms = told_of_contracts(session, utility_id, [one.id for one in contracts])
        for one in contracts:
            one.holders = [shapes.HolderOut.model_validate(row) for row in holders[one.id]]
            one.terms = [shapes.TermsOut.model_validate(row) for row in terms[one.id]]
    return out


def etag(body: bytes) -> str:
    """A strong validator of a representation (RFC 9110, 8.8.3)."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def answer(body: BaseModel) -> Response:
    """A value as JSON with its ETag."""
    content = body.model_dump_json().encode()
    return Response(content, media_type="application/json", headers={"ETag": etag(content)})


def _list_endpoint(resource: Resource) -> Callable[..., Response]:
    spans = dict.fromkeys(SPAN, QueryMillis) if resource.span else {}
    fields: Any = {name: (kind | None, None) for name, kind in (resource.filters | spans).items()}
    query: Any = create_model(f"{resource.model.__name__}Query", __base__=Paging, **fields)
    page: Any = Page[resource.shape]  # type: ignore[name-defined]

    def read_list(
        caller: Annotated[Caller, Depends(Allowed(resource.permission))], asked: Annotated[query, Query()]
    ) -> Response:
        narrowed = asked.model_dump(exclude={"limit", "after"}, exclude_none=True)
        with read_session(caller.engine) as session:
            rows, following = page_of(
                session, resource.model, resource.columns, caller.utility_id, narrowed, asked.after, asked.limit
            )
            items = told(session, caller.utility_id, resource.shape, rows)
        return answer(page(items=items, next=following))

    return read_list


def _single_endpoint(resource: Resource) -> Callable[..., Response]:
    def read_one(caller: Annotated[Caller, Depends(Allowed(resource.permission))], number: PathId) -> Response:
        with read_session(caller.engine) as session:
            row = one_of(session, resource.model, resource.columns[0], caller.utility_id, number)
            found = told(session, caller.utility_id, resource.shape, [row])
        return answer(found[0])

    return read_one


def _mount() -> None:
    for resource in RESOURCES:
        spoken = resource.name.replace("-", "_")
        router.add_api_route(
            f"/{resource.name}",
            _list_endpoint(resource),
            methods=["GET"],
            operation_id=f"list_{spoken}",
            response_model=Page[resource.shape],  # type: ignore[name-defined]
            summary=f"A page of {resource.name}",
            responses=documented(401, 403, 422, 429),
        )
        if resource.single:
            router.add_api_route(
                f"/{resource.name}/{{number}}",
                _single_endpoint(resource),
                methods=["GET"],
                operation_id=f"get_{spoken}",
                response_model=resource.shape,
                summary=f"One of {resource.name}",
                responses=documented(401, 403, 404, 422, 429),
            )


_mount()
