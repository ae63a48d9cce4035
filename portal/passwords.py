"""Why a password is not taken, in words."""

from central.access import PasswordError
from central.access.passwords import MAX_PASSWORD, MIN_PASSWORD

REASONS = {
    "short": f"La contraseña nueva es demasiado corta: al menos {MIN_PASSWORD} caracteres.",
    "long": f"La contraseña nueva es demasiado larga: como mucho {MAX_PASSWORD} caracteres.",
    "common": "Esa contraseña está en las listas de contraseñas robadas. Elige otra.",
    "guessable": "Esa contraseña se adivina pronto. Hazla más larga, con varias palabras sin relación entre sí.",
    "same": "La contraseña nueva es la misma que la actual.",
    "wrong": "La contraseña actual no es correcta.",
}


def reason(error: PasswordError) -> str:
    """One sentence for the person who chose it."""
    return REASONS[error.rule]
