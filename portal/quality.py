"""The words of the quality board and of imports, in Spanish."""

from datetime import timedelta
from urllib.parse import urlencode

from central.register.quality import Line

SEVERITIES = {"error": "grave", "warning": "aviso", "info": "dato"}
OWNERS = {"clerk": "administración", "supervisor": "supervisión", "owner": "dirección"}
STATES = {"open": "abiertas", "dismissed": "aceptadas", "cleared": "resueltas"}
KINDS = {
    "contract": "contrato",
    "meter": "dirección de contador",
    "serial": "número de serie",
    "customer": "cliente",
    "nif": "NIF",
    "supply_point": "suministro",
    "cadastral_ref": "referencia catastral",
}
FATES = {"added": "nueva", "changed": "cambia", "unchanged": "igual", "refused": "rechazada"}
SECTIONS = {
    "utility": "Servicio",
    "supply_points": "Suministros",
    "meters": "Contadores",
    "installations": "Instalaciones",
    "customers": "Clientes",
    "accounts": "Cuentas",
    "contracts": "Contratos",
    "holders": "Titulares",
    "terms": "Condiciones",
}
IMPORTS = {"planned": "por decidir", "applied": "aplicada", "discarded": "descartada"}
MONTH = timedelta(days=30)


def link_of(about: str, subject: str) -> str:
    """The page that shows a finding's subject with all that hangs together with it."""
    return f"/oficina/padron?{urlencode({'que': about, 'codigo': subject})}"


def trend_of(line: Line) -> str:
    """How many issues more or less than on the first day known of the last month; empty where only one is known."""
    if len(line.trend) < 2:
        return ""
    last = line.trend[-1][0]
    day, number = next(one for one in line.trend if one[0] > last - MONTH)
    more = line.open - number
    if day == last or more == 0:
        return "sin cambio"
    return f"{more:+d} desde el {day:%d/%m/%Y}".replace("-", "\N{MINUS SIGN}", 1)


FILTERS = {"subject_link": link_of}
