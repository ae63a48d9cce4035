"""Every byte of every frame is accounted for."""

import pytest

from protocols import wmbus
from protocols.wmbus.explain import explain_telegram
from tests.protocols.wmbus.samples import FORMS, FRAMES, KEY, LAYOUTS, READABLE, WIRED, formed


@pytest.mark.parametrize("keys", [KEY, None])
@pytest.mark.parametrize("name", [*FRAMES, *LAYOUTS, *WIRED])
def test_spans_cover_the_frame_in_order(name: str, keys: bytes | None) -> None:
    frame = {**FRAMES, **LAYOUTS, **WIRED}[name]
    at = 0
    for span in wmbus.explain(frame, keys):
        assert span.offset == at
        assert span.length == len(span.hex) // 2 > 0
        assert span.meaning
        at += span.length
    assert at == len(frame)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", READABLE)
def test_link_crcs_have_their_place(name: str, form: str) -> None:
    frame = FORMS["B" if form in ("B", "C1B") else "A"](FRAMES[name])
    at = 0
    for span in wmbus.explain(formed(form, FRAMES[name]), KEY):
        assert span.offset == at
        if span.meaning == "CRC":
            assert span.hex == frame[at : at + 2].hex().upper()
        at += span.length
    assert at == len(frame)


def test_values_stand_beside_their_bytes() -> None:
    meanings = {span.meaning: span.hex for span in wmbus.explain(FRAMES["mode 5"], KEY)}
    assert meanings["466.472 m3"] == "281E0700"
    assert meanings["2026-08-31"] == "5F38"


def test_a_compact_frame_is_explained_by_its_format() -> None:
    formats = wmbus.FormatStore()
    wmbus.decode(FRAMES["plain"], formats=formats)
    telegram = wmbus.decode(FRAMES["compact"], formats=formats)
    meanings = {span.meaning: span.hex for span in explain_telegram(telegram, FRAMES["compact"])}
    assert meanings["volume: 466.472 m3"] == "281E0700"
    assert meanings["customer: SGC-1"] == "05312D434753"


def test_a_layout_says_what_its_bytes_are() -> None:
    meanings = [span.meaning for span in wmbus.explain(LAYOUTS["techem"])]
    assert [text for text in meanings if "m3" in text]


def test_meanings_come_in_two_languages() -> None:
    spanish = {span.meaning for span in wmbus.explain(FRAMES["mode 5"], lang="es")}
    assert {"cifrado", "número de acceso 12", "fabricante SGC"} <= spanish
    with pytest.raises(ValueError, match="lang: 'fr'"):
        wmbus.explain(FRAMES["mode 5"], lang="fr")


def test_what_stays_shut_is_one_span() -> None:
    spans = [span for span in wmbus.explain(FRAMES["mode 5"]) if span.layer == "app"]
    assert [span.meaning for span in spans] == ["encrypted"]


def test_a_bad_frame_is_one_span_that_says_why() -> None:
    for form in FORMS:
        (span,) = wmbus.explain(formed(form, FRAMES["plain"])[:-9])
        assert span.layer == "link"
        assert span.length == len(formed(form, FRAMES["plain"])) - 9
    assert wmbus.explain(b"") == []
