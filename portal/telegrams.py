"""A telegram's explanation in Spanish: layers by name, and the decoder's phrases word for word."""

import re
from collections.abc import Callable

LAYERS = {
    "link": "enlace",
    "ell": "enlace extendido",
    "nwl": "red",
    "afl": "autenticación",
    "tpl": "transporte",
    "app": "datos",
}
QUANTITIES = {
    "volume": "volumen",
    "volume_flow": "caudal",
    "datetime": "fecha y hora",
    "date": "fecha",
    "time": "hora",
    "flow_temperature": "temperatura del agua",
    "external_temperature": "temperatura ambiente",
    "error_flags": "avisos",
    "remaining_battery": "batería restante",
    "operating_time": "tiempo en marcha",
    "on_time": "tiempo encendido",
    "fabrication_number": "número de fabricación",
    "energy": "energía",
    "power": "potencia",
    "filler": "relleno",
    "encrypted": "cifrado",
}
MEDIA = {"water": "agua", "cold water": "agua fría", "hot water": "agua caliente", "warm water": "agua templada"}

Phrase = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]


def _phrase(pattern: str, spanish: str) -> Phrase:
    return re.compile(pattern), lambda match: spanish.format(*match.groups())


PHRASES: tuple[Phrase, ...] = (
    _phrase(r"L field: (\d+) bytes follow", "campo L: siguen {0} bytes"),
    _phrase(r"C field (\w+)", "campo C {0}"),
    _phrase(r"manufacturer", "fabricante"),
    _phrase(r"identification(?: of the meter)?, lowest digits first", "número del contador, las cifras bajas primero"),
    _phrase(r"version (\d+)", "versión {0}"),
    (
        re.compile(r"device type (\w+): (.+)"),
        lambda match: f"tipo de aparato {match[1]}: {MEDIA.get(match[2], match[2])}",
    ),
    _phrase(r"access number (\d+)", "número de acceso {0}"),
    _phrase(r"status (\w+)", "estado {0}"),
    _phrase(r"configuration (\w+): security mode (\d+)", "configuración {0}: modo de seguridad {1}"),
    _phrase(r"key test", "prueba de la clave"),
    _phrase(r"not described", "sin describir"),
)


def layer(name: str) -> str:
    """A layer's name."""
    return LAYERS.get(name, name)


def meaning(text: str) -> str:
    """What some bytes mean; a phrase that is not known stays as the decoder wrote it."""
    for pattern, write in PHRASES:
        match = pattern.fullmatch(text)
        if match is not None:
            return write(match)
    return _record(text)


def _record(text: str) -> str:
    """``volume, storage 1`` → ``volumen, memoria 1``."""
    head, *rest = text.split(", ")
    if head not in QUANTITIES:
        return text
    return ", ".join([QUANTITIES[head], *(_qualifier(part) for part in rest)])


def _qualifier(text: str) -> str:
    if text.startswith("storage "):
        return f"memoria {text.removeprefix('storage ')}"
    return {"summer_time": "hora de verano", "maximum": "máximo", "minimum": "mínimo"}.get(text, text)


FILTERS = {"layer": layer, "meaning": meaning}
