"""A tariff as the table that is published: for each concept its rows, so that any page, PDF or terminal can show it."""

from collections.abc import Iterator
from dataclasses import dataclass

from billing.tariff.facts import FACTS
from billing.tariff.match import Condition
from billing.tariff.model import CERTAINTIES, NATURES, Component, Rate, TariffVersion


@dataclass(frozen=True, slots=True)
class Row:
    """One price: the concept it applies to, the price as text (``no consta`` if the source lacks it), its unit."""

    concept: str
    price: str
    unit: str


@dataclass(frozen=True, slots=True)
class Section:
    """The prices of one component for one group of customers and one stretch of time."""

    code: str
    name: str
    applies: str
    since: str
    until: str
    vat: str
    nature: str
    beneficiary: str
    clause: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class PublishedTariff:
    """Everything a published tariff says, ready to be laid out."""

    id: str
    place: str
    utility: str
    source: str
    url: str
    certainty: str
    since: str
    until: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...]

    def text(self) -> Iterator[str]:
        """The table for a terminal, line by line."""
        yield f"{self.id}  {self.place}"
        yield f"{self.utility}. {self.source} ({self.certainty})"
        yield f"Vigencia: {_validity(self.since, self.until)}"
        for section in self.sections:
            yield ""
            yield from _section_text(section)
        if self.notes:
            yield ""
            yield from (f"Nota: {note}" for note in self.notes)


def published(version: TariffVersion) -> PublishedTariff:
    """The published table of a tariff."""
    return PublishedTariff(
        id=version.id,
        place=version.place,
        utility=version.utility,
        source=version.source.title,
        url=version.source.url,
        certainty=": ".join(filter(None, [CERTAINTIES[version.source.certainty], version.source.read_as])),
        since=_day(version.start),
        until=_day(version.end),
        sections=tuple(_section(part, rate) for part in version.components for rate in part.rates),
        notes=version.notes,
    )


def _section(part: Component, rate: Rate) -> Section:
    rows = rate.charge.table() if rate.charge else [(f"exento: {rate.exempt}", "0", "€")]
    season = f", del {rate.season.start[1]:02}/{rate.season.start[0]:02}" if rate.season else ""
    season += f" al {rate.season.end[1]:02}/{rate.season.end[0]:02} (excluido)" if rate.season else ""
    return Section(
        code=part.code,
        name=part.name,
        applies=", ".join(filter(None, [_applies(part.when), _applies(rate.when)])) + season,
        since=_day(rate.start or part.start),
        until=_day(rate.end or part.end),
        vat=rate.vat or part.vat,
        nature=NATURES[part.nature],
        beneficiary=part.beneficiary,
        clause=rate.clause or part.clause,
        rows=tuple(Row(*row) for row in rows),
    )


def _applies(when: Condition) -> str:
    return ", ".join(f"{FACTS[name].spanish}: {match.text}" for name, match in when.parts)


def _day(day: object) -> str:
    return f"{day:%d/%m/%Y}" if day else ""


def _validity(since: str, until: str) -> str:
    start = f"desde el {since}" if since else "sin fecha de inicio publicada"
    return f"{start}, hasta el {until} (excluido)" if until else start


def _section_text(section: Section) -> Iterator[str]:
    applies = f" ({section.applies})" if section.applies else ""
    dates = f" {_validity(section.since, section.until)}" if section.since or section.until else ""
    yield f"{section.code}  {section.name}{applies}{dates}. IVA {section.vat}"
    width = max(len(row.concept) for row in section.rows)
    yield from (f"  {row.concept:<{width}}  {row.price:>12} {row.unit}" for row in section.rows)
