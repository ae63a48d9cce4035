"""Where the town lies: its utility, its grid of streets and the buildings along them."""

import math
import random
from dataclasses import dataclass

from stdnum.es import referenciacatastral

METRES_PER_DEGREE = 111_320
FRONT_M = 9
STREET_GAP_M = 45
STREET_WIDTH_M = 8

STREET_NAMES = (
    "Mayor", "de la Iglesia", "San Roque", "del Pilar", "Alicante", "Monóvar", "de la Font", "Canalejas",
    "Virgen de la Paz", "del Pozo", "Alfarería", "San Pedro", "Novelda", "del Horno", "Ramón y Cajal", "Castelar",
    "de la Huerta", "Joaquín Sorolla", "del Castillo", "Miguel Hernández", "Gabriel Miró", "de la Balsa",
    "San Francisco", "Azorín", "del Olmo", "Jaime I", "de la Rambla", "Maestro Chapí", "del Molino", "Lepanto",
    "Santa Ana", "del Ventós", "Blasco Ibáñez", "de los Almendros", "Doctor Fleming", "Pintor Gastón", "Colón",
    "del Calvario", "Hernán Cortés", "Reyes Católicos",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Utility:
    """The service that owns the meters; ``ine`` is the municipality's code of five digits."""

    name: str
    nif: str
    ine: str
    place: str
    province: str
    postal_code: str
    lat: float
    lon: float


# The place is real, so that its tariff, holidays and codes fit; the company is not.
AGOST = Utility(
    name="Servicio Municipal de Aguas de Agost (simulado), S.L.",
    nif="B03999992",
    ine="03002",
    place="Agost",
    province="Alicante",
    postal_code="03698",
    lat=38.4405,
    lon=-0.6390,
)


@dataclass(frozen=True, slots=True)
class Street:
    """A straight street: its name and the coordinates of its two ends."""

    kind: str
    name: str
    from_lat: float
    from_lon: float
    to_lat: float
    to_lon: float

    @property
    def full_name(self) -> str:
        """As it is written on a letter."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Building:
    """One house number: where it stands and how many meters hang in it."""

    street: Street
    number: int
    lat: float
    lon: float
    cadastral_plot: str
    meters: int


@dataclass(frozen=True, slots=True)
class Grid:
    """How many streets and how many house numbers along each side of one."""

    streets: int
    per_side: int


def grid_for(buildings: int) -> Grid:
    """A grid about as wide as it is long."""
    per_side = max(5, math.isqrt(buildings * STREET_GAP_M // (2 * FRONT_M)) * 2 // 3)
    return Grid(-(-buildings // (2 * per_side)), per_side)


def shift(utility: Utility, east_m: float, north_m: float) -> tuple[float, float]:
    """Coordinates some metres from the utility's centre, to about a decimetre."""
    lat = utility.lat + north_m / METRES_PER_DEGREE
    lon = utility.lon + east_m / (METRES_PER_DEGREE * math.cos(math.radians(utility.lat)))
    return round(lat, 6), round(lon, 6)


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two nearby (lat, lon)."""
    north = (a[0] - b[0]) * METRES_PER_DEGREE
    east = (a[1] - b[1]) * METRES_PER_DEGREE * math.cos(math.radians(a[0]))
    return math.hypot(north, east)


def streets(utility: Utility, grid: Grid) -> list[Street]:
    """Parallel streets from west to east, one name each."""
    half_length = grid.per_side * FRONT_M / 2
    out = []
    for index in range(grid.streets):
        north = (index - (grid.streets - 1) / 2) * STREET_GAP_M
        west, east = shift(utility, -half_length, north), shift(utility, half_length, north)
        out.append(Street("Calle", street_name(index), *west, *east))
    return out


def street_name(index: int) -> str:
    """Names repeat with a Roman-style suffix once they are used up."""
    turn, at = divmod(index, len(STREET_NAMES))
    return STREET_NAMES[at] if turn == 0 else f"{STREET_NAMES[at]} {turn + 1}"


def buildings(utility: Utility, meters: int, rng: random.Random) -> tuple[list[Street], list[Building]]:
    """Streets, and buildings with ``meters`` meters in all: houses, and flats once the town is large."""
    sizes = building_sizes(meters, rng)
    grid = grid_for(len(sizes))
    rows = streets(utility, grid)
    out = []
    for index, size in enumerate(sizes):
        street_no, along = divmod(index, 2 * grid.per_side)
        out.append(_building(utility, grid, rows[street_no], street_no, along, size))
    return rows, out


def _building(utility: Utility, grid: Grid, street: Street, street_no: int, along: int, size: int) -> Building:
    """Odd numbers stand north of the street, even numbers south."""
    place, side = divmod(along, 2)
    east = (place + 0.5 - grid.per_side / 2) * FRONT_M
    north = (street_no - (grid.streets - 1) / 2) * STREET_GAP_M + STREET_WIDTH_M * (1 - 2 * side)
    lat, lon = shift(utility, east, north)
    plot = f"{(street_no + 1) % 100_000:05d}{along + 1:02d}YH{street_no % 100:02d}{along % 100:02d}N"
    return Building(street, along + 1, lat, lon, plot, size)


def building_sizes(meters: int, rng: random.Random) -> list[int]:
    """Meters of each building until all are placed: mostly houses; a third are blocks of flats in a large town."""
    flats = 0.1 if meters < 500 else 0.35
    sizes: list[int] = []
    left = meters
    while left:
        size = rng.randrange(3, 11) if rng.random() < flats else 1
        sizes.append(min(size, left))
        left -= sizes[-1]
    return sizes


def cadastral_reference(building: Building, unit: int) -> str:
    """Twenty characters: plot, four digits of the unit and two control letters."""
    number = f"{building.cadastral_plot}{unit:04d}"
    return number + str(referenciacatastral.calc_check_digits(f"{number}XX"))
