"""The words of work in the street."""

from central.fleet import kinds

ORDER_KINDS = {
    kinds.READ: "leer otra vez",
    kinds.INSPECT: "inspeccionar",
    kinds.SEAL: "precintar",
    kinds.REPLACE: "cambiar el contador",
    kinds.INSTALL: "instalar un contador",
    kinds.REMOVE: "retirar el contador",
    kinds.CUT: "cortar el suministro",
    kinds.RECONNECT: "restablecer el suministro",
}
ORDER_STATES = {
    kinds.PLANNED: "por enviar",
    kinds.SENT: "enviada",
    kinds.ACCEPTED: "en el terminal",
    kinds.DONE: "hecha",
    kinds.IMPOSSIBLE: "no se pudo",
    kinds.CANCELLED: "retirada",
}
CAUSES = {
    "staff": "decisión de la oficina",
    "finding": "hallazgo de la validación",
    "contract": "alta, baja o cambio de contrato",
    "reread": "segunda lectura",
    "age": "vida del contador",
    "debt": "impago",
    "safety": "peligro o fraude",
    "request": "petición del titular",
    "paid": "deuda pagada",
}
OUTCOMES = {"accepted": "recibida en el terminal", "done": "hecha", "impossible": "no se pudo"}
REPORT_STATES = {"new": "por aplicar", "applied": "aplicado", "conflict": "en conflicto", "dismissed": "descartado"}
ROUTE_STATES = {"planned": "por enviar", "published": "enviada", "done": "cerrada", "cancelled": "retirada"}
STOP_STATES = {"radio": "por radio", "typed": "a mano", "visited": "sin lectura", "unread": "sin leer"}
FACTS = {
    "demand": "requerimiento de la deuda, con acuse",
    "authority": "comunicado a la administración",
    "essential": "suministro esencial",
    "claim": "reclamación abierta",
    "instalments": "deuda a plazos",
}


def _word(words: dict[str, str], code: str) -> str:
    return words.get(code, code)


FILTERS = {
    "order_kind": lambda code: _word(ORDER_KINDS, code),
    "order_state": lambda code: _word(ORDER_STATES, code),
    "order_cause": lambda code: _word(CAUSES, code),
    "outcome": lambda code: _word(OUTCOMES, code),
    "report_state": lambda code: _word(REPORT_STATES, code),
    "route_state": lambda code: _word(ROUTE_STATES, code),
    "stop_state": lambda code: _word(STOP_STATES, code),
    "cut_fact": lambda code: _word(FACTS, code),
    "why_not": lambda code: _word(kinds.REASONS, code),
}
