"""The reader's pages over HTTP, without JavaScript."""

import re

import httpx
import pytest

from edge.screen.app import own_host
from edge.store import Store
from protocols.sync import SCHEMA, Ack, Refusal
from tests.edge.samples import DEVICE, METER, route, stop, telegram
from tests.edge.screen.conftest import PIN


def field(page: httpx.Response, name: str) -> str:
    match = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert match, page.text
    return match[1]


async def type_index(reader: httpx.AsyncClient, m3: str, supply: str = "S-7", **more: str) -> httpx.Response:
    page = await reader.get("/parada", params={"stop": supply})
    data = {"stop": supply, "m3": m3, "token": field(page, "token"), **more}
    return await reader.post("/lectura", data=data)


async def test_everything_but_the_status_needs_the_pin(visitor: httpx.AsyncClient) -> None:
    for path in ("/", "/ruta", "/parada?stop=S-7", "/motivo?stop=S-7", "/resumen", "/ruta/estado"):
        answer = await visitor.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/entrar?volver=")
    assert (await visitor.post("/lectura", data={"stop": "S-7", "token": "t", "m3": "1"})).status_code == 401
    assert (await visitor.get("/api/status")).json()["device"] == DEVICE


async def test_pin_leads_back_to_the_page_that_was_wanted(visitor: httpx.AsyncClient) -> None:
    page = await visitor.get("/parada?stop=S-7", follow_redirects=True)
    back = field(page, "volver")
    answer = await visitor.post("/entrar", data={"pin": PIN, "volver": back})
    assert answer.headers["location"] == "/parada?stop=S-7"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "x"])
async def test_pin_leads_nowhere_else(visitor: httpx.AsyncClient, elsewhere: str) -> None:
    answer = await visitor.post("/entrar", data={"pin": PIN, "volver": elsewhere})
    assert answer.headers["location"] == "/ruta"


async def test_wrong_pin_is_said_and_then_slowed_down(visitor: httpx.AsyncClient) -> None:
    assert "PIN incorrecto" in (await visitor.post("/entrar", data={"pin": "0000"})).text
    for _ in range(4):
        answer = await visitor.post("/entrar", data={"pin": "0000"})
    assert answer.status_code == 403
    assert "espere 30 segundos" in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8088", "127.0.0.1.evil.example", "", "10.0.0.1"])
async def test_a_foreign_host_name_is_turned_away(visitor: httpx.AsyncClient, host: str) -> None:
    answer = await visitor.get("/api/status", headers={"host": host})
    assert answer.status_code == 421
    assert not own_host(host)


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
async def test_a_form_of_another_page_is_turned_away(reader: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await reader.post("/lectura", data={"stop": "S-7", "token": "t", "m3": "1020"}, headers=headers)
    assert answer.status_code == 403


async def test_every_answer_carries_the_strict_headers(reader: httpx.AsyncClient) -> None:
    for path in ("/ruta", "/static/screen.css", "/nirgends", "/api/status"):
        headers = (await reader.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


async def test_route_in_walking_order_with_unread_first(reader: httpx.AsyncClient, store: Store) -> None:
    await store.put([telegram(1, METER, 1_020_000)])
    await store.flush()
    page = (await reader.get("/ruta")).text
    order = [page.index(text) for text in ("Sin leer (2)", "Calle Mayor 5", "Plaza de la Fuente 1", "Hechas (1)")]
    assert order == sorted(order)
    assert page.index("Calle Mayor 3") > order[-1]
    assert "1\u202f020,000 m³" in page
    backwards = (await reader.get("/ruta?orden=inverso")).text
    assert backwards.index("Plaza de la Fuente 1") < backwards.index("Calle Mayor 5")


@pytest.mark.parametrize(("search", "found"), [("0003", 1), ("fuente", 1), ("5", 1), ("mayor", 2), ("zzz", 0)])
async def test_search_by_last_digits_number_or_street(reader: httpx.AsyncClient, search: str, found: int) -> None:
    page = await reader.get("/ruta", params={"buscar": search})
    assert page.text.count("data-stop=") == found


async def test_an_index_in_the_expected_range_is_saved_and_leads_to_the_next(
    reader: httpx.AsyncClient, store: Store
) -> None:
    answer = await type_index(reader, "1020,5")
    assert answer.status_code == 303
    assert "stop=S-8" in answer.headers["location"]
    page = (await reader.get(answer.headers["location"])).text
    assert "Guardada ✓" in page
    assert "1\u202f020,500 m³" in page
    visit = store.visit(1)
    assert visit is not None
    assert (visit.supply, visit.litres, visit.code, visit.reader, visit.confirmed) == (
        "S-7",
        1_020_500,
        "00",
        "lector",
        False,
    )


async def test_outside_the_range_the_value_is_kept_and_the_same_key_accepts(
    reader: httpx.AsyncClient, store: Store
) -> None:
    asked = await type_index(reader, "1050")
    assert asked.status_code == 409
    assert "Es más alta de lo normal" in asked.text
    assert field(asked, "m3") == "1050" or 'value="1050"' in asked.text
    assert store.counts().typed == 0
    form = {"stop": "S-7", "m3": "1050", "token": field(asked, "token"), "confirm": field(asked, "confirm")}
    assert (await reader.post("/lectura", data=form)).status_code == 303
    visit = store.visit(1)
    assert visit is not None
    assert (visit.litres, visit.code, visit.confirmed) == (1_050_000, "09", True)


async def test_another_value_after_the_warning_is_judged_anew(reader: httpx.AsyncClient, store: Store) -> None:
    asked = await type_index(reader, "1050")
    form = {"stop": "S-7", "m3": "1060", "token": field(asked, "token"), "confirm": field(asked, "confirm")}
    assert (await reader.post("/lectura", data=form)).status_code == 409
    assert store.counts().typed == 0


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"m3": "12a"}, "«12a» no es una lectura"),
        ({"m3": ""}, "Escriba la lectura"),
        ({"m3": "999999999"}, "no cabe en este contador"),
        ({"litres": "1,5"}, "no son litros"),
        ({"code": "99"}, "«99» no es un código de incidencia"),
        ({"code": "09"}, "falta la lectura"),
    ],
)
async def test_a_bad_form_says_what_is_wrong_and_saves_nothing(
    reader: httpx.AsyncClient, store: Store, form: dict[str, str], words: str
) -> None:
    answer = await reader.post("/lectura", data={"stop": "S-7", "token": "t", **form})
    assert answer.status_code == 422
    assert words in answer.text
    assert store.counts().typed == 0


async def test_missing_fields_are_named(reader: httpx.AsyncClient) -> None:
    answer = await reader.post("/lectura", data={"m3": "5"})
    assert answer.status_code == 422
    assert "stop: " in answer.text
    assert "token: " in answer.text


async def test_an_unknown_stop_is_named(reader: httpx.AsyncClient) -> None:
    answer = await reader.post("/lectura", data={"stop": "S-99", "token": "t", "m3": "5"})
    assert answer.status_code == 404
    assert "S-99" in answer.text


async def test_the_same_form_twice_is_one_reading(reader: httpx.AsyncClient, store: Store) -> None:
    form = {"stop": "S-7", "m3": "1020", "token": "once"}
    for _ in range(3):
        assert (await reader.post("/lectura", data=form)).status_code == 303
    assert store.counts().typed == 1


async def test_litres_may_be_given_instead(reader: httpx.AsyncClient, store: Store) -> None:
    assert (await reader.post("/lectura", data={"stop": "S-7", "litres": "1020123", "token": "t"})).status_code == 303
    visit = store.visit(1)
    assert visit is not None
    assert visit.litres == 1_020_123


async def test_a_reason_instead_of_an_index_counts_as_visited_never_as_read(
    reader: httpx.AsyncClient, store: Store
) -> None:
    page = await reader.get("/motivo?stop=S-7")
    assert page.text.count('name="code"') == 8
    form = {"stop": "S-7", "code": "02", "note": " timbre roto ", "token": field(page, "token")}
    assert (await reader.post("/lectura", data=form)).status_code == 303
    visit = store.visit(1)
    assert visit is not None
    assert (visit.litres, visit.code, visit.note) == (None, "02", "timbre roto")
    summary = (await reader.get("/resumen")).text
    assert re.search(r"Visitados sin lectura</th><td>1<", summary)
    more = await reader.get("/motivo?stop=S-7&mas=1")
    assert "Obra o derribo" in more.text


async def test_undo_and_correct_keep_every_version(reader: httpx.AsyncClient, store: Store) -> None:
    answer = await type_index(reader, "1020")
    flash = await reader.get(answer.headers["location"])
    undone = await reader.post("/deshacer", data={"visit": field(flash, "visit")})
    assert undone.headers["location"] == f"/parada?stop=S-7&meter={METER}"
    again = await reader.post("/deshacer", data={"visit": "1"})
    assert again.status_code == 303
    await type_index(reader, "1021")
    await type_index(reader, "1022")
    page = (await reader.get("/parada?stop=S-7")).text
    for text in ("1\u202f020,000 m³", "Deshecha", "1\u202f021,000 m³", "1\u202f022,000 m³"):
        assert text in page
    assert [(v.litres, v.replaces) for v in store.versions("R1", "S-7", METER)] == [
        (1_020_000, None),
        (None, 1),
        (1_021_000, None),
        (1_022_000, 3),
    ]


async def test_radio_reading_fills_the_stop_and_typed_one_stands_before_it(
    reader: httpx.AsyncClient, store: Store
) -> None:
    await store.put([telegram(1, METER, 1_020_500)])
    await store.flush()
    page = (await reader.get("/parada?stop=S-7")).text
    assert "Por radio ✓" in page
    assert "leak, tamper" in page
    low = await type_index(reader, "1012")
    assert low.status_code == 409
    assert "menor que la recibida por radio" in low.text
    await type_index(reader, "1021")
    state = (await reader.get("/ruta/estado")).json()
    assert state["stops"][f"S-7|{METER}"] == ["typed", "1\u202f021,000"]


async def test_a_radio_value_that_is_only_confirmed_makes_no_typed_reading(
    reader: httpx.AsyncClient, store: Store
) -> None:
    await store.put([telegram(1, METER, 1_020_500)])
    await store.flush()
    answer = await type_index(reader, "1020,500", by="radio")
    assert answer.status_code == 303
    assert "hecha" not in answer.headers["location"]
    assert store.counts().typed == 0


async def test_the_last_stop_leads_back_to_the_route(reader: httpx.AsyncClient) -> None:
    await type_index(reader, "1020")
    await type_index(reader, "510", "S-8")
    answer = await type_index(reader, "3", "S-9")
    assert answer.headers["location"].startswith("/ruta?")
    page = (await reader.get(answer.headers["location"])).text
    assert "Nada por leer" in page
    assert "Guardada ✓" in page


async def test_summary_adds_up_and_shows_refused_batches(reader: httpx.AsyncClient, store: Store) -> None:
    await store.put([telegram(1, METER, 1_020_500)])
    await store.flush()
    await type_index(reader, "510", "S-8")
    await store.seal(500)
    refusal = Refusal(1, "batch.items[0].litres: -1, must be at least 0 <b>")
    await store.apply_acks([Ack(SCHEMA, DEVICE, store.boot, 0, refused=(refusal,))])
    page = (await reader.get("/resumen")).text
    numbers = [int(n) for n in re.findall(r"<td>(\d+)</td>", page)]
    assert numbers[:6] == [1, 1, 0, 1, 3, 1]
    assert "must be at least 0 &lt;b&gt;" in page
    assert "7 octetos sin sentido" in page


async def test_the_head_shows_what_is_saved_and_what_is_pending(reader: httpx.AsyncClient, store: Store) -> None:
    await type_index(reader, "1020")
    page = (await reader.get("/ruta")).text
    assert re.search(r'data-live="saved">1<', page)
    assert re.search(r'data-live="pending">1<', page)
    await store.seal(500)
    await store.apply_acks([Ack(SCHEMA, DEVICE, store.boot, 1)])
    assert re.search(r'data-live="pending">0<', (await reader.get("/ruta")).text)


async def test_a_store_that_cannot_save_is_said_loudly(reader: httpx.AsyncClient, store: Store) -> None:
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count={pages}")
    answers = [
        await reader.post("/lectura", data={"stop": "S-7", "m3": "1020", "token": f"t{n}", "note": "x" * 200})
        for n in range(60)
    ]
    assert answers[-1].status_code == 503
    assert "Lo anotado NO está guardado." in answers[-1].text
    assert store.counts().typed == sum(answer.status_code == 303 for answer in answers)


async def test_texts_of_the_route_are_escaped(reader: httpx.AsyncClient, store: Store) -> None:
    hostile = stop(street='<script>alert("x")</script>', hint="<img src=x>")
    await store.store_route(route(1_790_000_000_001, "R1", hostile))
    for path in ("/ruta", "/parada?stop=S-7", "/motivo?stop=S-7"):
        page = (await reader.get(path)).text
        assert "<script>alert" not in page
        assert "<img" not in page


async def test_without_a_route_the_page_says_so(reader: httpx.AsyncClient, store: Store) -> None:
    store._database.execute("DELETE FROM route")
    store._database.conn.commit()
    assert "Todavía no ha llegado ninguna ruta" in (await reader.get("/ruta")).text
    assert (await reader.get("/resumen")).status_code == 200


async def test_leaving_closes_the_session(reader: httpx.AsyncClient) -> None:
    assert (await reader.post("/salir")).status_code == 303
    assert (await reader.get("/ruta")).status_code == 303
