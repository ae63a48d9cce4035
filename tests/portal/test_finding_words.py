"""Every rule of validation has words for a person."""

import pytest

from central.reading.validation import all_rules
from portal.findings import WORDS, finding_words


@pytest.mark.parametrize("rule", [rule.name for rule in all_rules() if rule.name != "meter_alarm"])
def test_every_rule_has_words(rule: str) -> None:
    assert rule in WORDS


def test_words_say_the_numbers() -> None:
    numbers = {"litres": 55, "minutes": 180, "before_litres": 1000}
    assert "55\u00a0l" in finding_words("finding_backflow", "text", numbers)
    assert finding_words("finding_backflow", "text", {}) == "text"
    low = {"level": "low", "litres": 3000, "reference_litres": 10_000}
    assert finding_words("finding_high_low", "text", low).startswith("Consumo bajo: ")


def test_what_the_rooms_say_of_a_bill_or_an_order_is_told_in_spanish() -> None:
    text = "zone Z1: no tariff is assigned on [2026-01-01, 2026-04-01)"
    said = "no hay tarifa asignada desde el 01/01/2026 hasta el 01/04/2026, sin incluirlo"
    assert finding_words("cannot_bill", text, {}) == f"Zona «Z1»: {said}"
    text = "order OT-000001, done: the order was withdrawn before it was done"
    assert finding_words("order_conflict", text, {}) == "Orden OT-000001, hecha: la orden se retiró antes de hacerla"
