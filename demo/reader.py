"""The meter reader of the demonstration: opens the device's screen like a browser and types what the dial shows."""

import re
from dataclasses import dataclass

import httpx

TOKEN = re.compile(r'name="token" value="([^"]+)"')


class ReaderError(RuntimeError):
    """The screen did not take the reading; the text names the stop and what it answered."""


@dataclass(frozen=True)
class Dial:
    """What the reader finds at a stop: the meter and its index in litres."""

    supply: str
    meter: str
    litres: int


async def type_readings(url: str, pin: str, dials: list[Dial]) -> None:
    """Log in with ``pin`` and type every dial; a warning is confirmed as a person would, by the same key again."""
    async with httpx.AsyncClient(base_url=url, follow_redirects=False, headers={"Origin": url.rstrip("/")}) as browser:
        entered = await browser.post("/entrar", data={"pin": pin})
        if entered.status_code != httpx.codes.SEE_OTHER:
            raise ReaderError(f"screen {url}: PIN refused with {entered.status_code}, must open the route")
        for dial in dials:
            await _type(browser, dial)
        await browser.post("/salir")


async def _type(browser: httpx.AsyncClient, dial: Dial) -> None:
    page = await browser.get("/parada", params={"stop": dial.supply, "meter": dial.meter})
    form = {"stop": dial.supply, "meter": dial.meter, "litres": str(dial.litres), "token": _token(page, dial)}
    answer = await browser.post("/lectura", data=form)
    if answer.status_code == httpx.codes.CONFLICT:
        answer = await browser.post("/lectura", data=form | {"confirm": str(dial.litres)})
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise ReaderError(f"stop {dial.supply}: reading answered with {answer.status_code}, must be taken")


def _token(page: httpx.Response, dial: Dial) -> str:
    found = TOKEN.search(page.text)
    if page.status_code != httpx.codes.OK or found is None:
        raise ReaderError(f"stop {dial.supply}: page answered with {page.status_code}, must show a form")
    return found[1]
