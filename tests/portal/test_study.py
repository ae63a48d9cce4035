"""The study of a tariff on the office's pages."""

import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape

import httpx
import pytest

from demo.people import PASSWORD

pytestmark = pytest.mark.journey
PAGE = "/oficina/estudio"


def logged_in(url: str, login: str) -> httpx.Client:
    client = httpx.Client(base_url=url, headers={"Origin": url}, follow_redirects=True)
    assert client.post("/entrar", data={"usuario": login, "clave": PASSWORD}).status_code == 200
    return client


@pytest.fixture(scope="module")
def clerk(portal_url: str) -> Iterator[httpx.Client]:
    with closing(logged_in(portal_url, "facturacion")) as client:
        yield client


def words(page: httpx.Response) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))).replace("\u00a0", " ")


def test_the_form_offers_what_is_recorded(clerk: httpx.Client) -> None:
    page = clerk.get(PAGE)
    assert page.status_code == 200
    assert '<option value="ES-AGOST-2023"' in page.text


def test_the_tariff_in_force_changes_nothing(clerk: httpx.Client) -> None:
    page = clerk.get(PAGE, params={"tarifa": "ES-AGOST-2023", "desde": "2000-01-01", "hasta": "2100-01-01"})
    assert page.status_code == 200
    said = words(page)
    found = re.search(r"ES-AGOST-2023: (\d+) contratos, (\d+) facturas", said)
    assert found
    assert int(found[1]) > 0
    assert f"Pagarían menos 0, lo mismo {found[1]}, más 0." in said
    assert page.text.count("<svg") == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tarifa": "ES-AGOST-2023", "desde": "", "hasta": ""}, "Desde: debe ser una fecha como 2026-01-31"),
        ({"tarifa": "ES-NADA", "desde": "2000-01-01", "hasta": "2100-01-01"}, "ES-NADA no está entre las tarifas"),
        (
            {"tarifa": "ES-AGOST-2023", "desde": "1999-01-01", "hasta": "1999-02-01"},
            "Periodo desde el 01/01/1999 hasta el 01/02/1999, sin incluirlo: no se expidió ninguna factura",
        ),
    ],
)
def test_what_cannot_be_studied_is_told_on_the_page(clerk: httpx.Client, asked: dict[str, str], said: str) -> None:
    page = clerk.get(PAGE, params=asked)
    assert page.status_code == 422
    assert said in words(page)


def test_a_subscriber_does_not_find_it(portal_url: str) -> None:
    with closing(logged_in(portal_url, "abonado")) as client:
        assert client.get(PAGE).status_code == 404
