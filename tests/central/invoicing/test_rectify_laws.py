"""The laws of rectifications name what somebody broke behind the program's back."""

# ruff: noqa: S608 - statements that break a test's own database

from datetime import date

import pytest
from sqlalchemy import text

from central.ops.audit import audit
from tests.central.audit.test_laws import RECTIFIED, unguarded
from tests.central.factories import Town
from tests.central.invoicing.driving import issued
from tests.central.invoicing.test_rectify import bills, decided, proposed

MADE = "(SELECT id FROM invoice WHERE number_text = 'AR2026/000001')"
BREACHES = (
    (
        f"UPDATE invoice SET content = replace(content, '[\"3.1\",', '[\"93.1\",') WHERE id = {MADE}",
        "rectified_right",
        "are not those of the right bill",
    ),
    (
        f"UPDATE invoice SET total_cents = total_cents + 1 WHERE id = {MADE}",
        "rectified_right",
        "with its rectifications it comes to",
    ),
    (
        f"DELETE FROM rectification_item WHERE result_id = {MADE}",
        "rectified_once",
        "rectifies nothing that is on record",
    ),
    (
        "UPDATE invoice SET number_text = 'AG2026/000099' WHERE number_text = 'AG2026/000002'",
        "rectified_once",
        "names AG2026/000002, what stood is AG2026/000099",
    ),
    (f"DELETE FROM fiscal_record WHERE invoice_id = {MADE}", "rectified_once", "has not the fiscal records"),
)


@pytest.mark.parametrize(("statement", "law", "said"), BREACHES)
def test_a_broken_rectification_is_named(town: Town, statement: str, law: str, said: str) -> None:
    issued(town)
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    decided(town, proposed(town, bills(town, 1)))
    before = {verdict.law: verdict for verdict in audit(town.engine)}
    assert all(before[name].holds and before[name].checked == 1 for name in RECTIFIED)
    with unguarded(town.engine) as connection:
        connection.execute(text(statement))
    found = next(verdict for verdict in audit(town.engine) if verdict.law == law)
    assert said in " ".join(found.breaches), found
