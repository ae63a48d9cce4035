"""Findings in Spanish, from the rule and the numbers it compared; an unknown rule keeps its own words."""

from collections.abc import Callable, Mapping
from typing import Any

from portal.formats import litres_text
from portal.refusals import in_spanish

Numbers = Mapping[str, Any]

ALARMS = {
    "leak": "una posible fuga",
    "burst": "un caudal propio de una rotura",
    "backflow": "agua que retrocede",
    "tamper": "una posible manipulación",
    "magnet": "un imán cerca",
    "removed": "que lo han desmontado",
    "no_flow": "que hace tiempo que no pasa agua",
    "dry": "que está en seco",
    "freeze": "riesgo de helada",
    "low_battery": "que le queda poca batería",
    "permanent_error": "una avería permanente",
    "temporary_error": "un aviso temporal",
}


def _alarm(numbers: Numbers) -> str:
    name = str(numbers.get("alarm", ""))
    return f"El contador avisa de {ALARMS.get(name, name)}."


def _continuous_flow(numbers: Numbers) -> str:
    kind = {"small": "Parece una fuga", "big": "Parece una fuga grande", "burst": "Parece una rotura"}
    hours, litres = int(numbers["hours"]), int(numbers["litres"])
    return (
        f"{kind.get(str(numbers['level']), 'Parece una fuga')}: durante {hours} horas no ha dejado de pasar agua, "
        f"al menos {numbers['least_l_h']} litros cada hora ({litres_text(litres)} en total)."
    )


WORDS: dict[str, Callable[[Numbers], str]] = {
    "continuous_flow": _continuous_flow,
    "stopped_meter": lambda _: "El contador no se mueve aunque antes sí lo hacía: puede estar parado.",
    "zero_use": lambda _: "No ha pasado agua, y antes sí.",
    "order_conflict": lambda numbers: f"El parte de la orden {numbers['order']} contradice al padrón: hay que decidir.",
    "spike": lambda _: "Un salto de lectura mayor de lo que el contador deja pasar.",
    "backwards": lambda _: "Una lectura menor que la anterior.",
    "future": lambda _: "Una lectura con fecha futura.",
    "typed_band": lambda _: "La lectura tecleada está fuera de lo esperado.",
    "unknown_meter": lambda _: "Se oye un contador que no está en el padrón.",
    "duplicate": lambda _: "Dos lecturas distintas del mismo contador el mismo día.",
    "modulus": lambda _: "Una lectura mayor de lo que cabe en el contador.",
    "burst": lambda numbers: (
        f"Parece una rotura: {litres_text(int(numbers['litres']))} en {numbers['hours']} horas; antes, como mucho "
        f"{numbers['usual_l_h']} litros por hora."
    ),
    "backflow": lambda numbers: f"Ha retrocedido agua por el contador: {litres_text(int(numbers['litres']))}.",
    "tamper": lambda numbers: (
        f"El contador ha contado hacia atrás {litres_text(int(numbers['litres']))} en {numbers['hours']} horas: puede "
        "que alguien le diera la vuelta."
    ),
    "wrong_meter": lambda _: (
        "La lectura salta a otra que el agua no explica y sigue desde allí: puede ser otro contador."
    ),
    "rollover": lambda _: "El totalizador ha dado la vuelta.",
    "missing": lambda numbers: f"No se oye el contador desde hace {numbers['days']} días.",
    "high_low": lambda numbers: (
        f"Consumo {'alto' if numbers['level'] == 'high' else 'bajo'}: {litres_text(int(numbers['litres']))} en el mes; "
        f"se esperaban {litres_text(int(numbers['reference_litres']))}."
    ),
    "sum_check": lambda numbers: (
        f"El contador general midió {litres_text(int(numbers['bulk_litres']))} y los divisionarios "
        f"{litres_text(int(numbers['parts_litres']))}."
    ),
    "prolonged_estimation": lambda numbers: f"{numbers['periods']} facturas seguidas son estimadas.",
}


def finding_words(rule: str, text: str, numbers: Numbers) -> str:
    """What was found, for a person; where the rule has no words here, or lacks a number, what ``text`` says."""
    name = rule.removeprefix("finding_")
    write = _alarm if name.startswith("alarm.") else WORDS.get(name)
    try:
        return write(numbers) if write is not None else in_spanish(text)
    except (KeyError, ValueError):
        return in_spanish(text)


def finding_name(rule: str) -> str:
    """A short name for a rule or an exception, for lists and filters."""
    name = rule.removeprefix("finding_")
    if name.startswith("alarm."):
        return f"aviso: {ALARMS.get(name.removeprefix('alarm.'), name)}"
    return NAMES.get(name, name)


NAMES = {
    "continuous_flow": "fuga",
    "stopped_meter": "contador parado",
    "zero_use": "sin consumo",
    "zero": "consumo nulo",
    "high": "consumo alto",
    "low": "consumo bajo",
    "high_previous": "más que el periodo anterior",
    "low_previous": "menos que el periodo anterior",
    "negative": "consumo negativo",
    "estimated": "estimado",
    "estimates_in_a_row": "demasiadas estimaciones",
    "cannot_bill": "no se puede facturar",
    "period_gap": "hueco entre periodos",
    "terms_changed": "condiciones cambiadas",
    "shared_by_days": "repartido por días",
    "vacant": "agua sin contrato",
    "submeters_above": "divisionarios por encima",
    "bulk_difference": "diferencia con el general",
    "impossible": "consumo imposible",
    "held": "retenido",
    "order_conflict": "parte en conflicto",
    "spike": "salto de lectura",
    "backwards": "lectura inferior",
    "typed_band": "lectura tecleada fuera de lo esperado",
}

FILTERS = {"finding": finding_words, "finding_name": finding_name}
