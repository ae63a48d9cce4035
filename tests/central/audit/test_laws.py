"""Every law holds on what the program writes, and names what somebody broke behind its back."""

# ruff: noqa: S608 - statements that break a test's own database

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from central.ops.audit import Verdict, audit
from central.ops.laws import LAWS
from central.register import KeyRing
from central.store import guards, open_engine
from tests.fixtures.postgres import Postgres

# What breaks these is planted in tests/central/invoicing/test_rectify_laws.py: nothing is rectified here.
# Laws about what this town has none of; their breaches are planted beside what they look at.
RECTIFIED = {"rectified_right", "rectified_once"}
# What these are about does not happen here; they are broken in tests/central/fleet and tests/central/fiscal.
ELSEWHERE = RECTIFIED | {"work_orders", "fiscal_events"}
NOTHING_HERE = ELSEWHERE | {"refunds_posted", "refund_orders"}


@contextmanager
def unguarded(engine: Engine) -> Iterator[Connection]:
    """A connection on which nothing stops anybody, as a thief with the superuser's password would have it."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("COMMIT")
            connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        guards.remove(connection)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET session_replication_role = replica")
        yield connection
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET session_replication_role = origin")
        guards.install(connection)
        connection.commit()


def verdicts(engine: Engine, keys: Path | None = None) -> dict[str, Verdict]:
    return {verdict.law: verdict for verdict in audit(engine, KeyRing.load(keys) if keys else None)}


def test_all_laws_hold_on_what_the_program_wrote(engine: Engine, keys: Path) -> None:
    found = verdicts(engine, keys)
    assert [verdict for verdict in found.values() if not verdict.holds] == []
    assert [name for name, verdict in found.items() if not verdict.checked and name not in NOTHING_HERE] == []
    assert found["telegrams"].checked == 3
    assert found["telegrams"].notes == ()
    assert found["invoice_lines"].checked == 8


def test_without_the_key_file_the_audit_says_what_it_could_not_decode(engine: Engine) -> None:
    found = verdicts(engine)
    assert found["telegrams"].holds
    assert found["telegrams"].notes == ("3 encrypted telegrams were not decoded again: no key file",)


# What is planted, the law that must name it, and what the name says.
FIRST = "(SELECT id FROM invoice WHERE number = 1)"
LAST_HOUSE = "(SELECT max(id) FROM contract)"
BREACHES: list[tuple[str, str, str]] = [
    (
        f"UPDATE ledger_entry SET amount_cents = amount_cents + 1 WHERE invoice_id = {FIRST}",
        "ledger_balances",
        "entries sum to 1 cents",
    ),
    (
        f"DELETE FROM ledger_entry WHERE invoice_id = {FIRST}",
        "invoices_posted",
        "invoice AG2026/000001: total 1484 cents, posted 0 times",
    ),
    (
        "UPDATE ledger_entry SET account = 'vat/21' WHERE account = 'vat/10'",
        "credits",
        "vat/10 is credited 0 cents, its invoices come to -",
    ),
    (
        """UPDATE invoice SET content = replace(content, '["1",446]', '["1",445]') WHERE number = 1""",
        "invoice_lines",
        "invoice AG2026/000001: bases {'10': 1349} must be the sums of its lines, {'10': 1348}",
    ),
    (
        "UPDATE invoice SET total_cents = total_cents + 100 WHERE number = 2",
        "invoice_lines",
        "invoice AG2026/000002: total",
    ),
    (
        """UPDATE invoice SET content = replace(content, '[1349,135]', '[1349,136]'), vat_cents = 136,
        total_cents = 1485 WHERE number = 1""",
        "vat",
        "invoice AG2026/000001: VAT 10: 136 cents on 1349, must be 135",
    ),
    (
        """UPDATE invoice SET content = replace(content, '"Vecina 3"', '""') WHERE number = 3""",
        "invoice_content",
        "invoice AG2026/000003: recipient.name",
    ),
    (
        "UPDATE tariff_version SET text = replace(text, '0.4375', '0.4376')",
        "bills_follow_again",
        "rated again its lines differ",
    ),
    (
        "DELETE FROM invoice WHERE number = 3",
        "numbers",
        "series AG2026: number 3 is missing",
    ),
    (
        "UPDATE series SET next_number = 12",
        "numbers",
        "series AG2026: 9 is missing before the next number 12",
    ),
    (
        "UPDATE invoice SET issue_date = '2026-01-31' WHERE number = 6",
        "dates",
        "invoice AG2026/000006: dated 2026-01-31, the number before it 2026-03-01",
    ),
    (
        "UPDATE fiscal_record SET hash = (SELECT hash FROM fiscal_record WHERE position = 3) WHERE position = 4",
        "fiscal_chain",
        "fiscal_record verifactu 4: its hash does not follow from invoice AG2026/000004",
    ),
    (
        "DELETE FROM fiscal_record WHERE position = 4",
        "fiscal_chain",
        "fiscal_record verifactu 5: position 4 is missing before it",
    ),
    (
        "UPDATE invoice SET total_cents = total_cents + 1 WHERE number = 5",
        "fiscal_chain",
        "fiscal_record verifactu 5: its hash does not follow from invoice AG2026/000005",
    ),
    (
        "UPDATE fiscal_record SET generated_at = '2026-01-01 00:00:00' WHERE position = 2",
        "fiscal_chain",
        "fiscal_record verifactu 2: its hash does not follow from invoice AG2026/000002",
    ),
    (
        "DELETE FROM fiscal_record WHERE position = 8",
        "fiscal_chain",
        "fiscal_chain verifactu: next position is 9, its records end before 8",
    ),
    (
        "DELETE FROM fiscal_record WHERE position = 4",
        "fiscal_records",
        "invoice AG2026/000004: has 0 records of issue, must have 1",
    ),
    (
        "UPDATE reading SET litres = litres + 500 WHERE litres = 11000",
        "litres",
        "invoice AG2026/000001: piece 0: closing is kept as 11000 litres, its reading says 11500",
    ),
    (
        "DELETE FROM reading WHERE litres = 11000",
        "litres",
        "closing of 11000 litres names a reading that does not exist",
    ),
    (
        "UPDATE consumption SET evidence = replace(evidence, substr(evidence, instr(evidence, '\"\",['), 200), "
        f"'\"\",null,null]]]') WHERE id = (SELECT consumption_id FROM invoice WHERE id = {FIRST})",
        "litres",
        "invoice AG2026/000001: piece 0: 10000 litres have no reading and are not called estimated",
    ),
    (
        "UPDATE consumption SET litres = litres + 1000 WHERE id = "
        "(SELECT consumption_id FROM invoice WHERE number = 2)",
        "litres",
        "invoice AG2026/000002: bills 10100 litres, its consumption is 11100, its pieces are 10100",
    ),
    (
        "UPDATE consumption SET estimated_litres = 0 WHERE estimated_litres > 0",
        "litres",
        "litres are called estimated, its pieces say",
    ),
    (
        "UPDATE consumption SET evidence = (SELECT other.evidence FROM consumption other WHERE other.id = "
        "(SELECT consumption_id FROM invoice WHERE number = 5)) "
        "WHERE id = (SELECT consumption_id FROM invoice WHERE number = 1)",
        "readings_chain",
        "PS-0000001: KAM-00000001-1B-16 closes at 21000 litres and opens the bill from 2026-02-01 at 11000",
    ),
    (
        "UPDATE invoice SET period_from = '2026-01-20' WHERE number = 6",
        "billed_once",
        "invoice AG2026/000006: bills contract K-0000002 from 2026-01-20, billed already to 2026-02-01",
    ),
    (
        "UPDATE invoice SET consumption_id = (SELECT consumption_id FROM invoice WHERE number = 1) WHERE number = 2",
        "billed_once",
        "invoice AG2026/000002: bills the consumption of invoice AG2026/000001 again",
    ),
    (
        "DELETE FROM telegram_explanation WHERE telegram_ms = (SELECT min(telegram_ms) FROM telegram_explanation)",
        "telegrams",
        "invoice AG2026/000004: its explanation behind 17345 litres is missing",
    ),
    (
        "UPDATE reading SET litres = 17346 WHERE litres = 17345",
        "telegrams",
        "decodes to 17345 litres, the reading says 17346",
    ),
    (
        "INSERT INTO refund (utility_id, id, contract_id, customer_id, cents, iban, holder, reason, asked_by, "
        "asked_at, decision, decided_by, decided_at) SELECT utility_id, 1, contract_id, customer_id, 100, 'ES79', "
        "'A', 'b', 'ana', issued_at, 'approved', 'jefa', issued_at FROM invoice WHERE number = 1",
        "refunds_posted",
        "refund 1: refund:1 must post",
    ),
    (
        "INSERT INTO refund_order (utility_id, id, code, execute_on, debtor_iban, transfers, total_cents, sha256, "
        "content, made_by, made_at) SELECT utility_id, 1, 'SGC-1', issue_date, 'ES79', 1, 100, '', '', 'ana', "
        "issued_at FROM invoice WHERE number = 1",
        "refund_orders",
        "refund_order SGC-1: 1 transfers of 100 cents, its refunds are 0 of 0",
    ),
    (
        "DELETE FROM invoice WHERE number = 7",
        "runs",
        "run R-2026-02: took 4 numbers and has 3 invoices",
    ),
    (
        f"DELETE FROM contract_holder WHERE contract_id = {LAST_HOUSE}; DELETE FROM customer WHERE code = 'C-0000004'",
        "orphans",
        "invoice: 2 rows name a customer (utility_id, customer_id) that does not exist",
    ),
    (
        "UPDATE shared_value SET value = replace(value, '0.4375', '0.4376')",
        "shared_values",
        "is not the charge that its id says",
    ),
    (
        "UPDATE audit_entry SET actor = 'nadie' WHERE position = 4",
        "audit_log",
        "audit_entry 4: hash does not cover what it says",
    ),
    (
        "DELETE FROM audit_entry WHERE position = 5",
        "audit_log",
        "audit_entry 5: missing before position 6",
    ),
]


@pytest.mark.parametrize(
    ("statements", "law", "said"), BREACHES, ids=[f"{law}-{n}" for n, (_, law, _) in enumerate(BREACHES)]
)
def test_a_planted_breach_is_named(engine: Engine, keys: Path, statements: str, law: str, said: str) -> None:
    with unguarded(engine) as connection:
        for statement in statements.split("; "):
            # The one function here that has another name on each database.
            place = "strpos(" if engine.dialect.name == "postgresql" else "instr("
            connection.execute(text(statement.replace("instr(", place)))
    found = verdicts(engine, keys)[law]
    assert any(said in breach for breach in found.breaches), found.breaches


def test_every_law_has_a_breach_that_it_names() -> None:
    assert {law for _, law, _ in BREACHES} | {"guards"} | ELSEWHERE == {law.name for law in LAWS}


def test_a_guard_that_is_gone_is_named(engine: Engine) -> None:
    with engine.begin() as connection:
        guards.remove(connection)
    found = verdicts(engine)["guards"]
    assert len(found.breaches) == found.checked
    assert "database: guard guard_" in found.breaches[0]


@pytest.mark.postgres
def test_a_number_given_twice_is_named(issued_postgres: tuple[str, Path], postgres: Postgres) -> None:
    url = postgres.create(issued_postgres[0])
    engine = open_engine(url)
    with unguarded(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE invoice DROP CONSTRAINT uq_invoice_utility_id_series_number")
        connection.exec_driver_sql("UPDATE invoice SET number = 2 WHERE number = 3")
    assert verdicts(engine)["numbers"].breaches == (
        "series AG2026: number 2 is given twice",
        "series AG2026: number 3 is missing",
    )
    engine.dispose()
    postgres.drop(url)
