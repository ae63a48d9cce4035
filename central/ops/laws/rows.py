"""No row hangs in the air, the runs are whole, the log is unbroken and the database's own guards stand."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table, exists, func, literal, select

from central import journal
from central.invoicing.shared import CHARGE, FORM, Shared, id_of
from central.invoicing.states import RunStatus
from central.ops.laws.law import Case, Report, pages
from central.store import guards
from central.store.models import Base, BillingRun, Invoice, RunPartition, SharedValue, TariffVersion

# What belongs together beyond the foreign keys: hot tables carry none, because each row would be looked up.
LOOSE = (
    ("reading", ("meter_id",), "meter", ("id",)),
    ("reading", ("telegram_ms", "telegram_id"), "telegram", ("received_ms", "id")),
    ("telegram", ("meter_id",), "meter", ("id",)),
    ("telegram", ("batch_id",), "ingest_batch", ("id",)),
    ("telegram_explanation", ("telegram_ms", "telegram_id"), "telegram", ("received_ms", "id")),
    ("consumption", ("run_id",), "billing_run", ("id",)),
    ("consumption", ("contract_id",), "contract", ("id",)),
    ("draft_bill", ("run_id",), "billing_run", ("id",)),
    ("draft_bill", ("contract_id",), "contract", ("id",)),
    ("invoice", ("run_id",), "billing_run", ("id",)),
    ("invoice", ("contract_id",), "contract", ("id",)),
    ("invoice", ("customer_id",), "customer", ("id",)),
    ("invoice", ("consumption_id",), "consumption", ("id",)),
    ("invoice", ("form_id",), "shared_value", ("id",)),
    ("fiscal_record", ("invoice_id",), "invoice", ("id",)),
    ("fiscal_record", ("config_id",), "shared_value", ("id",)),
    ("ledger_transaction", ("invoice_id",), "invoice", ("id",)),
    ("ledger_entry", ("transaction_id",), "ledger_transaction", ("id",)),
    ("ledger_entry", ("contract_id",), "contract", ("id",)),
    ("ledger_entry", ("invoice_id",), "invoice", ("id",)),
)


def no_orphans(case: Case, report: Report) -> None:
    """Every row that names another finds it."""
    for child, columns, parent, keys in _links():
        mine = [child.c.utility_id == case.utility_id, *(child.c[name].is_not(None) for name in columns[1:])]
        same = [parent.c[key] == child.c[column] for key, column in zip(keys, columns, strict=True)]
        orphans: Any = select(func.count()).select_from(child).where(*mine, ~exists(select(literal(1)).where(*same)))
        count = case.session.scalar(orphans)
        report.saw()
        if count:
            report.breach(f"{child.name}: {count} rows name a {parent.name} ({', '.join(columns)}) that does not exist")


def shared_values_are_whole(case: Case, report: Report) -> None:
    """Each shared value is what its id says; the charges of each form and the tariffs of each charge exist."""
    tariffs = set(case.session.scalars(select(TariffVersion.id).where(TariffVersion.utility_id == case.utility_id)))
    shared = Shared(case.session, case.utility_id)
    for rows in pages(case, select(SharedValue).where(SharedValue.utility_id == case.utility_id), SharedValue.id):
        for row in rows:
            report.saw()
            if id_of(row.kind, row.value.encode()) != row.id:
                report.breach(f"shared_value {row.id}: is not the {row.kind} that its id says")
            elif row.kind == FORM:
                form = shared.form(row.id)
                shared.load(form.charges)
                for one in sorted(set(form.charges) - shared.known()):
                    report.breach(f"shared_value {row.id}: names a charge {one} that does not exist")
            elif row.kind == CHARGE and (tariff := shared.charge(row.id).tariff) not in {*tariffs, None}:
                report.breach(f"shared_value {row.id}: names a tariff_version {tariff} that does not exist")


def runs_are_whole(case: Case, report: Report) -> None:
    """An issued run has an invoice for every number it took, and no partition left to issue."""
    done = (RunStatus.ISSUED, RunStatus.DELIVERED)
    for run in case.session.scalars(select(BillingRun).where(BillingRun.utility_id == case.utility_id)).all():
        if run.status not in done:
            continue
        report.saw()
        mine = (RunPartition.utility_id == case.utility_id, RunPartition.run_id == run.id)
        bills = case.session.scalar(select(func.sum(RunPartition.bills)).where(*mine)) or 0
        invoices = case.session.scalar(
            select(func.count())
            .select_from(Invoice)
            .where(Invoice.utility_id == case.utility_id, Invoice.run_id == run.id)
        )
        if invoices != bills:
            report.breach(f"run {run.code}: took {bills} numbers and has {invoices} invoices")


def audit_log_is_unbroken(case: Case, report: Report) -> None:
    """Each entry's hash covers what it says and the entry before it."""
    for fault in journal.verify(case.session, case.utility_id):
        report.saw()
        if fault is not None:
            report.breach(fault)


def guards_stand(case: Case, report: Report) -> None:
    """The database itself refuses to change what is recorded: each of its guards is there, none is altered."""
    connection = case.session.connection()
    expected, found = set(guards.expected(connection.dialect.name)), guards.installed(connection)
    report.saw(len(expected))
    for name in sorted(expected - found):
        report.breach(f"database: guard {name} is missing")
    for name in sorted(found - expected):
        report.breach(f"database: guard {name} is not one of this program's")


def _links() -> Iterator[tuple[Table, tuple[str, ...], Table, tuple[str, ...]]]:
    """Child, its columns, parent, its columns: the foreign keys of all tables and the loose ones."""
    tables = Base.metadata.tables
    for table in Base.metadata.sorted_tables:
        if "utility_id" not in table.c or table.name == "quarantine":
            continue
        for key in table.foreign_key_constraints:
            columns = tuple(element.parent.name for element in key.elements)
            yield table, columns, key.referred_table, tuple(element.column.name for element in key.elements)
    for child, columns, parent, keys in LOOSE:
        yield tables[child], ("utility_id", *columns), tables[parent], ("utility_id", *keys)
