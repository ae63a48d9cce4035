"""The portal over plain HTTP: what a subscriber and a clerk see, and what nobody may see."""

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape

import httpx
import pytest

from demo.people import PASSWORD
from tests.fixtures.road import WalkedRoad

pytestmark = pytest.mark.journey

BILL = re.compile(r'href="(/facturas/\d+)"')
LINE = re.compile(r'href="(/facturas/\d+/lineas/\d+)"')


def visitor(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Origin": url}, follow_redirects=True)


def logged_in(url: str, login: str) -> httpx.Client:
    client = visitor(url)
    answer = client.post("/entrar", data={"usuario": login, "clave": PASSWORD})
    assert answer.status_code == 200, answer.text
    return client


@pytest.fixture(scope="module")
def subscriber(portal_url: str) -> Iterator[httpx.Client]:
    client = logged_in(portal_url, "abonado")
    yield client
    client.close()


@pytest.fixture(scope="module")
def clerk(portal_url: str) -> Iterator[httpx.Client]:
    client = logged_in(portal_url, "facturacion")
    yield client
    client.close()


@pytest.fixture(scope="module")
def bill_path(subscriber: httpx.Client) -> str:
    found = BILL.search(subscriber.get("/facturas").text)
    assert found
    return found[1]


def words(page: httpx.Response) -> str:
    assert page.status_code == 200
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))).replace("\u00a0", " ")


def number(text: str) -> Decimal:
    return Decimal(text.replace(".", "").replace(",", "."))


def test_each_line_opens_a_story_whose_numbers_recompute_to_the_amount(
    subscriber: httpx.Client, bill_path: str
) -> None:
    lines = LINE.findall(subscriber.get(bill_path).text)
    assert len(lines) >= 2
    for path in lines:
        story = words(subscriber.get(path))
        found = re.search(r"([\d.,]+) \S+ × ([\d.,]+) € = ([\d.,]+) €", story)
        assert found, story
        quantity, price, amount = (number(part) for part in found.groups())
        assert abs(quantity * price - amount) <= Decimal("0.005")
        assert "ES-AGOST-2023" in story
        assert "DOGV" in story


def test_a_line_shows_the_telegram_behind_each_radio_reading_byte_by_byte(
    subscriber: httpx.Client, bill_path: str
) -> None:
    page = subscriber.get(f"{bill_path}/lineas/1")
    story = words(page)
    assert "telelectura a fecha fija" in story
    assert "dBm" in story
    assert "receptor van" in story
    assert "descifrado con la clave del contador" in story
    telegram = re.search(r'<dt>Telegrama</dt><dd class="hex">([0-9a-f]+)</dd>', page.text)
    assert telegram
    rows = re.findall(r'<td class="num">(\d+)</td><td class="hex">([^<]*)</td>', page.text)
    assert len(rows) > 10


def test_the_bill_adds_up_and_carries_its_qr(subscriber: httpx.Client, bill_path: str) -> None:
    page = subscriber.get(bill_path)
    text = words(page)
    amounts = [number(part) for part in re.findall(r"([\d.,]+) € ¿Por qué\?", text)]
    vat = re.search(r"Base ([\d.,]+) € · IVA 10 % ([\d.,]+) €", text)
    total = re.search(r"Total ([\d.,]+) €", text)
    assert vat
    assert total
    assert sum(amounts) == number(vat[1])
    assert number(vat[1]) + number(vat[2]) == number(total[1])
    assert 'class="qr"' in page.text
    assert "QR tributario:" in text
    assert "VERI*FACTU" in text
    assert "ValidarQR?nif=" in unescape(page.text)


def test_the_document_is_a_pdf(subscriber: httpx.Client, bill_path: str) -> None:
    answer = subscriber.get(f"{bill_path}/factura.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_days_table_and_csv_agree_with_the_billed_litres(subscriber: httpx.Client, bill_path: str) -> None:
    page = words(subscriber.get(bill_path))
    period = re.search(r"Del (\d\d)/(\d\d)/(\d{4}) al (\d\d)/(\d\d)/(\d{4})", page)
    billed = re.search(r"([\d.]+) l ·", page)
    assert period
    assert billed
    rows = list(csv.reader(io.StringIO(subscriber.get("/consumo.csv").text.lstrip("\ufeff")), delimiter=";"))[1:]
    first, last = "".join(period.groups()[2::-1]), "".join(period.groups()[:2:-1])
    inside = [int(litres) for day, litres, _ in rows if first <= "".join(reversed(day.split("/"))) <= last]
    assert sum(inside) == int(billed[1].replace(".", ""))
    table = words(subscriber.get("/consumo"))
    assert f"Total {number(str(sum(int(row[1]) for row in rows)))}" in table.replace(".", "")


def test_the_leak_is_told_in_words(subscriber: httpx.Client) -> None:
    assert 'class="notice"' in subscriber.get("/consumo").text


def test_somebody_elses_bill_does_not_exist(subscriber: httpx.Client, clerk: httpx.Client, bill_path: str) -> None:
    own = int(bill_path.rsplit("/", 1)[1])
    for other in (own + 1, own - 1, 1):
        for path in (f"/facturas/{other}", f"/facturas/{other}/lineas/1", f"/facturas/{other}/factura.pdf"):
            assert subscriber.get(path).status_code == 404
    assert clerk.get(bill_path).status_code == 404
    assert subscriber.get("/oficina/").status_code == 404


def test_without_a_session_every_page_asks_to_log_in(portal_url: str, bill_path: str) -> None:
    with httpx.Client(base_url=portal_url) as nobody:
        for path in ("/facturas", bill_path, f"{bill_path}/factura.pdf", "/consumo", "/consumo.csv", "/oficina/"):
            answer = nobody.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/entrar?a=/")


def test_a_wrong_password_says_nothing_about_the_login(portal_url: str) -> None:
    with visitor(portal_url) as client:
        known = client.post("/entrar", data={"usuario": "abonado", "clave": "no es esta"})
        unknown = client.post("/entrar", data={"usuario": "nadie", "clave": "no es esta"})
    assert known.status_code == unknown.status_code == 401
    assert "Error: Entrar" in known.text
    assert known.text.replace("abonado", "") == unknown.text.replace("nadie", "")


def test_guessing_is_slowed_down(portal_url: str) -> None:
    with visitor(portal_url) as client:
        answers = [client.post("/entrar", data={"usuario": "alguien", "clave": "x"}).status_code for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2


def test_a_form_from_another_site_is_refused(portal_url: str) -> None:
    form = {"usuario": "abonado", "clave": PASSWORD}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert httpx.post(f"{portal_url}/entrar", data=form, headers=headers).status_code == 403


def test_a_redirect_leads_nowhere_else(portal_url: str) -> None:
    for target in ("//evil.example", "https://evil.example", "/\\evil.example"):
        with httpx.Client(base_url=portal_url, headers={"Origin": portal_url}) as client:
            answer = client.post("/entrar", data={"usuario": "abonado", "clave": PASSWORD, "a": target})
            assert answer.headers["location"] == "/facturas"


def test_logging_in_anew_ends_the_session_before_it(portal_url: str) -> None:
    client = logged_in(portal_url, "abonado")
    before = client.cookies["sgc"]
    assert client.post("/entrar", data={"usuario": "abonado", "clave": PASSWORD}).status_code == 200
    assert httpx.get(f"{portal_url}/facturas", cookies={"sgc": client.cookies["sgc"]}).status_code == 200
    assert httpx.get(f"{portal_url}/facturas", cookies={"sgc": before}).status_code == 303


def test_leaving_ends_the_session_at_the_server(portal_url: str) -> None:
    client = logged_in(portal_url, "abonado")
    cookie = client.cookies["sgc"]
    client.post("/salir")
    again = httpx.get(f"{portal_url}/facturas", cookies={"sgc": cookie})
    assert again.status_code == 303


def test_every_answer_is_guarded(subscriber: httpx.Client) -> None:
    for path in ("/", "/facturas", "/consumo", "/tarifas", "/accesibilidad", "/nowhere", "/static/portal.css"):
        headers = subscriber.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        if not path.startswith("/static"):
            assert headers["cache-control"] == "no-store"


def test_the_clerk_sees_the_run_and_what_stood_out(clerk: httpx.Client, walked_road: WalkedRoad) -> None:
    home = clerk.get("/oficina/")
    assert f"{walked_road.report['invoices']} facturas" in words(home)
    run = re.search(r'href="(/oficina/tandas/\d+)"', home.text)
    assert run
    listed = words(clerk.get(run[1]))
    assert f"{walked_road.report['supply_points_billed']} borradores" in listed
    draft = re.search(r'href="(/oficina/tandas/\d+/contratos/\d+\?desde=[\d-]+)"', clerk.get(run[1]).text)
    assert draft
    assert "ES-AGOST-2023" in words(clerk.get(draft[1]))


def test_the_published_tariff_is_open_to_anyone(portal_url: str) -> None:
    text = words(httpx.get(f"{portal_url}/tarifas"))
    assert "0,4375" in text.replace(".", ",")


def test_the_interface_for_programs_is_served_beside_the_pages(portal_url: str) -> None:
    described = httpx.get(f"{portal_url}/api/v1/openapi.json")
    assert described.status_code == 200
    assert "/meters" in described.json()["paths"]
    assert described.headers["X-Content-Type-Options"] == "nosniff"
    refused = httpx.get(f"{portal_url}/api/v1/meters")
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    assert httpx.post(f"{portal_url}/api/v1/runs", json={}).status_code == 401
