"""The closing bill on the page of its case: made by one person, issued by another, told with what is left to pay."""

from datetime import timedelta

from fastapi import FastAPI

from tests.portal.test_contracts import PAGE, TODAY, app, bring, client, engine, opened, words

__all__ = ["app", "engine"]

SINCE = TODAY - timedelta(30)
SAID = {"serie": "C26", "vence": (TODAY + timedelta(15)).isoformat(), "desde": SINCE.isoformat()}


def left(app: FastAPI) -> str:
    """The path of a change of holder that is completed."""
    clerk = client(app, "maria")
    path = opened(clerk)
    for code in ("identity", "title"):
        bring(clerk, path, code)
    assert "hecho" in words(clerk.post(f"{path}/completar"))
    return path


def test_the_closing_bill_from_the_button_to_its_number(app: FastAPI) -> None:
    path, clerk, boss = left(app), client(app, "maria"), client(app, "jordi")
    assert "Hacer la factura de cierre" in words(clerk.get(path))
    made = words(clerk.post(f"{path}/cierre", data=SAID))
    assert f"Del {SINCE:%d/%m/%Y} al {TODAY - timedelta(11):%d/%m/%Y} · 13,500 m³" in made
    assert "Factura de cierre en revisión" in made
    assert "CIERRE-000001" in made
    assert "Se hizo la factura de cierre · maria" in made
    assert "Aprobar y emitir" not in made
    if "por revisar" in made:
        assert "Aprobar y emitir" not in words(boss.get(path))
        assert "necesita un motivo" in words(clerk.post(f"{path}/cierre/revisar", data={"motivo": " "}))
        made = words(clerk.post(f"{path}/cierre/revisar", data={"motivo": "visto"}))
    assert "La aprueba otra persona" in made
    assert "Aprobar y emitir" in words(boss.get(path))
    done = words(boss.post(f"{path}/cierre/emitir"))
    assert "Factura de cierre entregada" in done
    assert "C26/000001" in done
    assert "aprobada por jordi" in done
    assert "Queda por pagar" in done


def test_who_makes_it_does_not_issue_it_and_an_auditor_only_looks(app: FastAPI) -> None:
    path, boss = left(app), client(app, "jordi")
    assert "Hacer la factura" not in words(client(app, "inspector").get(path))
    boss.post(f"{path}/cierre", data=SAID)
    boss.post(f"{path}/cierre/revisar", data={"motivo": "visto"})
    assert "Aprobar y emitir" not in words(boss.get(path))
    refused = boss.post(f"{path}/cierre/emitir")
    assert (refused.status_code, "jordi" in words(refused)) == (422, True)
    assert client(app, "maria").post(f"{path}/cierre/emitir").status_code == 404
    assert client(app, "inspector").post(f"{path}/cierre", data=SAID).status_code == 404


def test_what_is_wrong_is_told_on_the_page_and_a_run_given_up_makes_room_for_another(app: FastAPI) -> None:
    path, clerk = left(app), client(app, "maria")
    unknown = clerk.post(f"{path}/cierre", data=SAID | {"desde": ""})
    assert (unknown.status_code, "366" in words(unknown)) == (422, True)
    assert clerk.post(f"{path}/cierre", data=SAID | {"vence": "pronto"}).status_code == 422
    assert clerk.post(f"{path}/cierre", data=SAID | {"serie": "x" * 65}).status_code == 422
    assert clerk.post(f"{path}/cierre/calcular").status_code == 404
    clerk.post(f"{path}/cierre", data=SAID)
    assert "en revisión" in words(clerk.post(f"{path}/cierre/calcular"))
    again = clerk.post(f"{path}/cierre", data=SAID)
    assert (again.status_code, "CIERRE-000001" in words(again)) == (422, True)
    assert "Hacer la factura de cierre" in words(clerk.post(f"{path}/cierre/abandonar", data={"motivo": "otra fecha"}))
    assert "CIERRE-000001-2" in words(clerk.post(f"{path}/cierre", data=SAID))


def test_a_case_that_is_not_completed_has_no_closing_bill(app: FastAPI) -> None:
    clerk = client(app, "maria")
    path = opened(clerk)
    assert "Factura de cierre" not in words(clerk.get(path))
    assert clerk.post(f"{path}/cierre", data=SAID).status_code == 422
    assert clerk.post(f"{PAGE}/999/cierre", data=SAID).status_code == 404
