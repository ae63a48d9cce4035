"""The version of this program, as it is kept with each bill and each decoded telegram."""

from importlib import metadata


def _version() -> str:
    try:
        return metadata.version("sgc")
    except metadata.PackageNotFoundError:
        return "unpackaged"


VERSION = _version()
