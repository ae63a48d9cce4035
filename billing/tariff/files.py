"""The one place where billing reads a file: tariffs from a folder of ``ID.yaml``. Everything else takes their text."""

from collections.abc import Iterator
from pathlib import Path

from billing.tariff.book import Book
from billing.tariff.errors import Problem, TariffError
from billing.tariff.model import TariffVersion
from billing.tariff.parse import ID, parse


def load(path: Path | str) -> TariffVersion:
    """The tariff in one file; TariffError names file, line, field, value and rule."""
    path = Path(path)
    return parse(_text(path), path.name)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise TariffError([Problem(path.name, 1, "file", f"byte {error.start}", "must be UTF-8 text")]) from error
    except OSError as error:
        raise TariffError([Problem(path.name, 1, "file", f"'{path}'", error.strerror or "cannot be read")]) from error


class TariffBook(Book):
    """The tariffs of a folder, each parsed when first asked for."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        super().__init__(self._read, self._names)

    def _read(self, tariff: str) -> str | None:
        path = self.folder / f"{tariff}.yaml"
        return _text(path) if ID.fullmatch(tariff) and path.is_file() else None

    def _names(self) -> Iterator[str]:
        yield from sorted(path.stem for path in self.folder.glob("*.yaml") if ID.fullmatch(path.stem))
