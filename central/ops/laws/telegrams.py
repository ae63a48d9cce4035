"""Telegrams behind billed readings: each was explained, and says what the reading says."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select

from central.invoicing.decoding import StoredTelegrams
from central.invoicing.explain import MeterKeys
from central.invoicing.values import evidence_of
from central.ops.laws.evidence import key_of, stored_litres
from central.ops.laws.law import AT_ONCE, Case, Report, pages
from central.store.bulk import chunks
from central.store.models import Invoice, Telegram, TelegramExplanation

LITRES = 1000
Key = tuple[int | None, int | None]


class Heard(NamedTuple):
    """A telegram behind an invoice, its stored explanation, and what its reading says."""

    number_text: str
    telegram: Telegram | None
    decoded: Mapping[str, Any] | None
    litres: int


def telegrams_say_their_readings(case: Case, report: Report) -> None:
    """Each telegram behind a billed reading is explained, and decodes, today as then, to the reading's index."""
    sealed = 0
    for invoices in pages(case, select(Invoice).where(Invoice.utility_id == case.utility_id), Invoice.id):
        heard = _heard(case, invoices)
        addresses = sorted({row.telegram.address for row in heard if row.telegram and row.telegram.address})
        keys = MeterKeys(case.session, case.utility_id, addresses, case.ring)
        stored = StoredTelegrams(case.session, case.utility_id, keys)
        for row in heard:
            report.saw()
            telegram = row.telegram
            if telegram is None or row.decoded is None:
                missing = "the telegram" if telegram is None else "its explanation"
                report.breach(f"invoice {row.number_text}: {missing} behind {row.litres} litres is missing")
                continue
            where = f"invoice {row.number_text}: telegram of {telegram.address}"
            if row.litres not in _explained_litres(row.decoded):
                report.breach(f"{where}: its explanation does not say {row.litres} litres")
            decoded = stored.decode(telegram.frame, telegram.meter_id, telegram.received_ms)
            if decoded.security.state == "key_missing" and case.ring is None:
                sealed += 1
            elif row.litres not in (decoded.total_litres, *(litres for _, litres in decoded.due_litres)):
                report.breach(f"{where}: decodes to {decoded.total_litres} litres, the reading says {row.litres}")
    if sealed:
        report.note(f"{sealed} encrypted telegrams were not decoded again: no key file")


def _explained_litres(decoded: Mapping[str, Any]) -> set[int]:
    """Every volume that a stored explanation states, in whole litres."""
    values = [record["value"] for record in decoded["records"] if record["quantity"] == "volume"]
    values += [value for name, value in decoded["fields"].items() if name.endswith("_m3")]
    return {int(Decimal(value) * LITRES) for value in values if value is not None}


def _heard(case: Case, invoices: Sequence[Invoice]) -> list[Heard]:
    """The telegrams behind invoices, each with the reading that it gave."""
    kept = evidence_of(case.session, case.utility_id, [row.consumption_id for row in invoices])
    ends = [
        (row.number_text, end.source, (end.source.telegram_ms, end.source.telegram_id))
        for row in invoices
        for end in kept[row.consumption_id].ends
        if end.source.telegram_id is not None
    ]
    litres = stored_litres(case, [source for _, source, _ in ends])
    known, said = _telegrams(case, [key for _, _, key in ends]), _explanations(case, [key for _, _, key in ends])
    return [
        Heard(number, known.get(key), said.get(key), litres[key_of(source)])
        for number, source, key in ends
        if key_of(source) in litres
    ]


def _telegrams(case: Case, keys: Sequence[Key]) -> dict[Key, Telegram]:
    found: dict[Key, Telegram] = {}
    for some in chunks(sorted(set(keys)), AT_ONCE):
        rows = select(Telegram).where(
            Telegram.utility_id == case.utility_id,
            Telegram.received_ms.in_([ms for ms, _ in some]),
            Telegram.id.in_([one for _, one in some]),
        )
        found |= {(row.received_ms, row.id): row for row in case.session.scalars(rows)}
    return found


def _explanations(case: Case, keys: Sequence[Key]) -> dict[Key, Mapping[str, Any]]:
    found: dict[Key, Mapping[str, Any]] = {}
    for some in chunks(sorted(set(keys)), AT_ONCE):
        rows = select(TelegramExplanation).where(
            TelegramExplanation.utility_id == case.utility_id,
            TelegramExplanation.telegram_ms.in_([ms for ms, _ in some]),
            TelegramExplanation.telegram_id.in_([one for _, one in some]),
        )
        found |= {(row.telegram_ms, row.telegram_id): row.decoded for row in case.session.scalars(rows)}
    return found
