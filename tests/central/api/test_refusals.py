"""What no meter can show and no calendar has is the caller's fault, and told so."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

As = Callable[[str], httpx.Client]
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def errors(answer: httpx.Response) -> Any:
    """What a refused request is told."""
    assert answer.status_code == 422, answer.text
    return answer.json()["errors"]


@ONE_DATABASE
def test_an_index_the_meter_cannot_show_is_refused(as_role: As) -> None:
    clerk = as_role("clerk")
    hanging = clerk.get("/installations").json()["items"][0]
    spare = {"serial": "NEW-1", "calibre_mm": 13, "modulus_litres": 10**8, "radio": False}
    meter = clerk.post("/meters", json=spare, headers={"Idempotency-Key": "m"}).json()
    change = {"meter_id": meter["id"], "at": "2026-06-01T00:00:00Z", "installation_litres": 0, "removal_litres": 10**11}
    point = hanging["supply_point_id"]
    answer = clerk.post(f"/supply-points/{point}/exchanges", json=change, headers={"Idempotency-Key": "x"})
    assert errors(answer)[0]["field"] == "reading.litres"
    assert clerk.get(f"/installations/{hanging['id']}").json() == hanging


@ONE_DATABASE
@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31"])
def test_a_day_nobody_means_is_refused(as_role: As, day: str) -> None:
    supervisor = as_role("supervisor")
    contract = supervisor.get("/contracts").json()["items"][0]["id"]
    said = errors(supervisor.get(f"/contracts/{contract}/cut", params={"on": day}))
    assert "must lie in the years 1900 to 2199" in said[0]["rule"]
