"""What the rooms refuse is told in Spanish: every rule of theirs that a page may show has its words."""

import re
import tomllib

import pytest

from central.register import RegisterError
from central.register.importing.columns import SHAPES
from central.typed import TypedError
from portal import refusals
from tests.portal.rules import fields, stated

# Which errors of which rooms reach a page, and which argument says the rule.
REACH: list[tuple[tuple[str, ...], dict[str, int]]] = [
    (
        ("central", "portal"),
        {"RegisterError": 2, "TypedError": 2, "CellError": 0, "ConflictError": 0, "_standard": 3, "_whole": 1},
    ),
    (
        ("central/invoicing", "central/lifecycle", "central/collection"),
        {"RunError": 0, "NothingToRectifyError": 0, "RefundError": 0, "_wrong": 2},
    ),
    (("billing/bank/credit_transfer.py",), {"TransferError": 0}),
    (("central/access/users.py", "central/access/tokens.py"), {"AccessError": 0}),
    (("central/webhooks/address.py", "central/webhooks/endpoints.py"), {"WebhookError": 0, "AddressError": 0}),
    (("central/register/keys.py", "central/register/meters.py"), {"KeyFileError": 0}),
    (
        (
            "central/fiscal/desk.py", "central/fiscal/bodies.py", "billing/fiscal/facturae.py",
            "billing/fiscal/texts.py", "billing/fiscal/verifactu.py", "billing/fiscal/corrective.py",
            "billing/fiscal/registries.py",
        ),
        {"FiscalError": 0},
    ),
    (("billing/tariff", "billing/rating/plan.py"), {"RatingError": 0, "FactError": 1}),
    (("billing/whatif",), {"ChangeError": 0}),
]  # fmt: skip
# What only workers and commands run: their errors are told on no page.
ELSEWHERE = ("drive.py", "issue.py", "partitions.py", "worker.py", "explain.py", "sweep.py")
# The field and the value before a rule, where a text is not catalogued whole.
BEFORE = re.compile(r"[\w.{}]+:?( (\{\}|\(\w+\)))?")


def told() -> dict[str, str]:
    """Every text of the errors that reach a page, with ``{}`` for its gaps, and where it is."""
    found: dict[str, str] = {}
    for roots, errors in REACH:
        for where, text in stated(roots, errors):
            if re.search(r"[a-z]", text.replace("{}", "")) and where.split(":")[0].split("/")[-1] not in ELSEWHERE:
                found.setdefault(text, where)
    return found


def keys(*names: str) -> set[str]:
    lines = [line for name in names for line in tomllib.loads((refusals.PLACE / name).read_text())]
    return {re.sub(r"\{\w+\}", "{}", line) for line in lines}


def readings(text: str) -> set[str]:
    """The text, and each rest of it that a field and a value may stand before."""
    marks = [mark for mark in re.finditer(r": |, ", text) if BEFORE.fullmatch(text[: mark.start()])]
    return {text, *(text[mark.end() :] for mark in marks)}


def test_every_rule_that_a_page_may_show_has_its_spanish() -> None:
    known = keys(*refusals.files())
    lacking = [f"{where}: {text}" for text, where in told().items() if not readings(text) & known]
    assert not lacking, "\n".join(["portal/locale/es lacks:", *lacking])


def test_no_catalogue_holds_what_nobody_says_any_more() -> None:
    said = {reading for text in told() for reading in readings(text)}
    stale = keys(*(name for name in refusals.files() if name != "parts.toml")) - said
    assert not stale, "\n".join(sorted(stale))


def test_every_field_has_its_name() -> None:
    named = {text for _, text in fields(("central", "portal"), {"RegisterError": 0, "TypedError": 0}) if text != "{}"}
    named |= {f"{shape.name}.{column.name}" for shape in SHAPES for column in shape.columns}
    known, names = refusals.catalogue("fields.toml"), tomllib.loads((refusals.PLACE / "fields.toml").read_text())
    nameless = []
    for field in named:
        shape = re.compile(re.escape(field).replace(r"\{\}", r"[\w{}.]+"))
        if not any(entry.pattern.fullmatch(field) for entry in known) and not any(map(shape.fullmatch, names)):
            nameless.append(field)
    assert sorted(nameless) == []


@pytest.mark.parametrize("name", [*refusals.files(), "fields.toml"])
def test_a_translation_has_the_gaps_of_its_text_and_no_others(name: str) -> None:
    for english, spanish in tomllib.loads((refusals.PLACE / name).read_text()).items():
        gaps = re.findall(r"\{(\w+)\}", english)
        assert len(gaps) == len(set(gaps)), english
        assert set(re.findall(r"\{(\w+)\}", spanish)) <= set(gaps), english


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            RegisterError("supply_point.postal_code", "3698", "must be a Spanish postal code of 5 digits"),
            "Código postal «3698»: debe ser un código postal español de 5 cifras",
        ),
        (RegisterError("order.reason", "", "a withdrawn order needs its reason"),
         "Motivo: una orden retirada necesita su motivo"),
        (RegisterError("order.status", "done", "order OT-000001 is closed"),
         "Estado de la orden «hecha»: la orden OT-000001 está cerrada"),
        (RegisterError("cut.until", "2026-01-10", "must lie after 2026-01-12"),
         "Hasta «10/01/2026»: debe ser posterior a 12/01/2026"),
        (RegisterError("customer.name", "O'Hara, 'x'", "must have 1 to 200 characters"),
         "Nombre «O'Hara, 'x'»: debe tener de 1 a 200 caracteres"),
        (RegisterError("closing.litres", "", "real needs the index, in litres"),
         "Lectura: hace falta el índice del contador (lectura leída en el sitio)"),
        (RegisterError("case.supply", "S1",
                       "contract K-1 holds from 2020-01-01 until 2027-01-01; cancel it or change its holder"),
         "Suministro «S1»: el contrato K-1 está en vigor desde el 01/01/2020 hasta el 01/01/2027; dale de baja o cambia"
         " su titular"),
        (TypedError("dia", "mañana: 8 h", "must be a date like 2026-01-31"),
         "Día «mañana: 8 h»: debe ser una fecha como 2026-01-31"),
        ("run 2026-T1: is issued; exceptions are handled while it is in review",
         "Tanda «2026-T1»: está emitida; las excepciones se tratan mientras está en revisión"),
        (TypedError("motivo", "201 characters", "must have at most 200 characters"),
         "Motivo «201 caracteres»: debe tener 200 caracteres como mucho"),
        ("reason: (empty): a refund says why", "Motivo: una devolución dice por qué"),
        ("invoice AG26/7: cannot be rated again: tariffs: ES-NADA is not in the book",
         "Factura AG26/7: no se puede calcular otra vez: Tarifas: ES-NADA no está entre las tarifas"),
        ("no se puede guardar", "no se puede guardar"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_spanish_with_field_and_value(error: ValueError | str, said: str) -> None:
    assert refusals.in_spanish(str(error)) == said


def test_what_people_type_is_not_searched_through_for_ever() -> None:
    hostile = "contract " + ": , " * 10_000
    assert refusals.in_spanish(hostile) == hostile
