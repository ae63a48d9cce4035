"""What ``explain`` says of the bytes of a frame, in Spanish and English."""

from typing import Final

LANGUAGES: Final = ("es", "en")

MEANINGS: Final[dict[str, tuple[str, str]]] = {
    "continued": ("{0} (sigue)", "{0} (continued)"),
    "crc": ("CRC", "CRC"),
    "filler": ("relleno", "filler"),
    "encrypted": ("cifrado", "encrypted"),
    "rest": ("sin describir", "not described"),
    "no_value": ("sin valor", "no value"),
    # link layer
    "wired_long": ("inicio y longitud de una trama larga por cable", "start and length of a long wired frame"),
    "wired_short": ("inicio de una trama corta por cable", "start of a short wired frame"),
    "wired_address": ("dirección primaria {0}", "primary address {0}"),
    "acknowledge": ("acuse de recibo", "acknowledge"),
    "checksum": ("suma de comprobación", "checksum"),
    "stop": ("fin", "stop"),
    "length": ("campo L: siguen {0} bytes", "L field: {0} bytes follow"),
    "control": ("campo C {0:02X}", "C field {0:02X}"),
    "manufacturer": ("fabricante {0}", "manufacturer {0}"),
    "identification": (
        "identificación {0}, primero las cifras bajas",
        "identification {0}, lowest digits first",
    ),
    "version": ("versión {0}", "version {0}"),
    "type": ("tipo de aparato {0:02X}: {1}", "device type {0:02X}: {1}"),
    # extended link and network layers
    "ell": ("CI {0:02X}: capa de enlace extendida", "CI {0:02X}: extended link layer"),
    "communication": ("control de la comunicación {0:02X}", "communication control {0:02X}"),
    "access": ("número de acceso {0}", "access number {0}"),
    "address": ("dirección {0}", "address {0}"),
    "session": ("número de sesión (seguridad {0})", "session number (security {0})"),
    "payload_crc": ("CRC del contenido", "payload CRC"),
    "ell_fields": ("campos de la capa de enlace extendida", "fields of the extended link layer"),
    "nwl": ("capa de red", "network layer"),
    # authentication and fragmentation layer
    "afl": ("CI 90: capa de autenticación y fragmentación", "CI 90: authentication and fragmentation layer"),
    "afl_length": ("su longitud: {0}", "its length: {0}"),
    "afl_control": ("control de fragmentos {0:04X}", "fragmentation control {0:04X}"),
    "afl_message": ("control del mensaje, contador {0}", "message control, counter {0}"),
    "mac": ("MAC", "MAC"),
    "afl_fields": ("otros campos", "further fields"),
    # transport layer
    "tpl": ("CI {0:02X}", "CI {0:02X}"),
    "status": ("estado {0:02X}", "status {0:02X}"),
    "configuration": (
        "configuración {0:04X}: modo de seguridad {1}",
        "configuration {0:04X}: security mode {1}",
    ),
    "configuration_more": (
        "ampliación de la configuración y contador",
        "configuration extension and counter",
    ),
    # application layer
    "signature": ("firma del formato {0:04X}", "signature of the format {0:04X}"),
    "full_crc": ("CRC {0:04X} de la trama completa", "CRC {0:04X} of the full frame"),
    "format_length": ("longitud del formato: {0}", "length of the format: {0}"),
    "headers": ("cabeceras de los registros", "headers of the records"),
    "manufacturer_follows": ("siguen datos del fabricante", "manufacturer's data follow"),
    "manufacturer_data": ("datos del fabricante", "manufacturer's data"),
    "tag": ("etiqueta de autenticación", "authentication tag"),
}


def meaning(name: str, language: str, *values: object) -> str:
    """One of MEANINGS with its values, in one of LANGUAGES."""
    return MEANINGS[name][LANGUAGES.index(language)].format(*values)
