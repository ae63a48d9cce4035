"""Who issues and who receives an invoice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; ``street`` carries number, floor and door."""

    street: str
    postal_code: str
    town: str
    province: str = ""
    country: str = "ES"

    @property
    def complete(self) -> bool:
        """Whether a letter would arrive."""
        return bool(self.street and self.postal_code and self.town)

    @property
    def lines(self) -> tuple[str, ...]:
        """As written on an envelope."""
        town = f"{self.postal_code} {self.town}".strip()
        province = f" ({self.province})" if self.province and self.province != self.town else ""
        return tuple(line for line in (self.street, town + province) if line)


@dataclass(frozen=True, slots=True)
class ForeignId:
    """An identity other than a NIF in the tax agency's census.

    ``kind`` is the agency's list L7: 02 NIF-IVA, 03 passport, 04 official document, 05 residence
    certificate, 06 other, 07 not in the census.
    """

    kind: str
    number: str
    country: str = "ES"


@dataclass(frozen=True, slots=True)
class Party:
    """A natural or legal person. ``business`` marks one who acts as such, whose NIF is then compulsory."""

    name: str
    nif: str = ""
    address: Address | None = None
    business: bool = False
    foreign_id: ForeignId | None = None
