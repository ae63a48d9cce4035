"""Identifiers: what is taken, in which form, and what the refusal says."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from central.register import identifiers as check
from central.register.errors import RegisterError


@pytest.mark.parametrize(
    ("checker", "given", "normal"),
    [
        (check.nif, "12345678-z", "12345678Z"),
        (check.nif, "X1234567L", "X1234567L"),
        (check.nif, "P0300200C", "P0300200C"),
        (check.iban, "ES91 2100 0418 4502 0005 1332", "ES9121000418450200051332"),
        (check.cadastral_ref, "7837301-VG8173B-0001 TT", "7837301VG8173B0001TT"),
        (check.postal_code, "03698", "03698"),
        (check.ine_code, "030149", "03014"),
        (check.ine_code, "03014", "03014"),
        (check.meter_address, "KAM-76348799-1B-16", "KAM-76348799-1B-16"),
        (check.meter_address, "MECH-A12/7", "MECH-A12/7"),
        (check.name, "  María   José ", "María José"),
        (check.email, "ana@example.es", "ana@example.es"),
    ],
)
def test_a_good_identifier_is_returned_in_its_normal_form(
    checker: Callable[[str, str], str], given: str, normal: str
) -> None:
    assert checker("field", given) == normal


@pytest.mark.parametrize(
    ("checker", "given", "rule"),
    [
        (check.nif, "12345678A", "must be a valid NIF, NIE or CIF"),
        (check.iban, "ES9121000418450200051333", "must be a valid IBAN"),
        (check.iban, "ES6621000418401234567892", "must be a valid IBAN"),
        (check.cadastral_ref, "7837301VG8173B0001TA", "cadastral reference of 20 characters"),
        (check.postal_code, "53001", "postal code of 5 digits"),
        (check.ine_code, "030148", "its check digit must be 9"),
        (check.ine_code, "99001", "INE municipality code"),
        (check.ine_code, "3014", "INE municipality code"),
        (check.meter_address, "kam-76348799-1b-16", "meter address like"),
        (check.meter_address, "MECH-", "meter address like"),
        (check.code, "-a", "letters, digits"),
        (check.name, "   ", "1 to 200 characters"),
        (check.email, "ana@", "e-mail"),
    ],
)
def test_a_bad_identifier_is_refused_by_field_value_and_rule(
    checker: Callable[[str, str], str], given: str, rule: str
) -> None:
    with pytest.raises(RegisterError, match=f"^customer.field: '{given}'.*{rule}"):
        checker("customer.field", given)


def test_a_bad_meter_key_is_refused_without_repeating_it() -> None:
    secret = "0123456789ABCDEF0123456789ABCDE"
    with pytest.raises(RegisterError, match="has 31 characters") as refusal:
        check.meter_key("meter.key", secret)
    assert secret not in str(refusal.value)


def test_every_municipality_of_the_ine_has_its_check_digit(shared: Path) -> None:
    with (shared / "data/billing/municipios_ine.csv").open(encoding="utf-8") as file:
        codes = [(row["municipio_id"], row["dc"]) for row in csv.DictReader(file)]
    assert len(codes) > 8000
    assert [code for code, digit in codes if check.ine_check_digit(code) != int(digit)] == []
