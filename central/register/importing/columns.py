"""The sheets and columns of the register as a table: their heads in Spanish and English, and what their cells mean.

A head is compared without capitals, accents and separators. ``name`` is the column's English head, by which mappings
and ``docs/importacion.md`` call it; of two columns for one field (litres and m³) a table has one.
"""

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column: its name, its Spanish head, other heads, the row's field it fills and how its cells are read."""

    name: str
    spanish: str
    kind: str = "text"
    others: tuple[str, ...] = ()
    field: str = ""
    required: bool = False
    exported: bool = True

    @property
    def path(self) -> tuple[str, ...]:
        """Where its value goes in the row."""
        return tuple((self.field or self.name).split("."))

    @property
    def heads(self) -> set[str]:
        """Every head it is known by, as :func:`plain` gives them."""
        return {plain(head) for head in (self.name, self.spanish, *self.others)}


@dataclass(frozen=True)
class Shape:
    """A sheet: the section of a register file it is, or the section and field of the rows its rows belong to."""

    name: str
    spanish: str
    columns: tuple[Column, ...]
    others: tuple[str, ...] = ()
    parent: str = ""
    owner: str = ""
    keys: tuple[str, ...] = ("code",)

    @property
    def titles(self) -> set[str]:
        """Every name a sheet or a file of it is known by."""
        return {plain(title) for title in (self.name, self.spanish, *self.others)}

    def column_of(self, head: str) -> Column | None:
        """The column with this head."""
        wanted = plain(head)
        return next((column for column in self.columns if wanted in column.heads), None)


def plain(text: str) -> str:
    """A head without capitals, accents and separators."""
    bare = unicodedata.normalize("NFKD", re.sub("[ºª°]", "", text)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", bare.casefold())


def _must(name: str, spanish: str, kind: str = "text", *others: str, field: str = "") -> Column:
    return Column(name, spanish, kind, others, field, required=True)


def _may(name: str, spanish: str, kind: str = "text", *others: str, field: str = "", exported: bool = True) -> Column:
    return Column(name, spanish, kind, others, field, exported=exported)


UTILITY = Shape(
    "utility",
    "servicio",
    (
        _must("code", "codigo"),
        _must("name", "nombre"),
        _must("nif", "nif", "text", "cif"),
        _must("ine_code", "municipio_ine", "text", "ine"),
        _may("address", "direccion", "json"),
        _may("contact", "contacto", "json"),
        _may("settings", "ajustes", "json"),
    ),
)
SUPPLY_POINTS = Shape(
    "supply_points",
    "suministros",
    (
        _must("code", "codigo", "text", "suministro", "supply_point", "punto_suministro", "cod_suministro"),
        _must("street", "calle", "text", "via", "nombre_via", "direccion"),
        _must("number", "numero", "text", "num", "nº", "portal"),
        _may("detail", "resto", "text", "piso", "puerta", "piso_puerta", "ampliacion"),
        _must("postal_code", "codigo_postal", "text", "cp", "c_postal", "postcode", "zip"),
        _must("ine_code", "municipio_ine", "text", "ine", "codigo_ine", "cod_municipio"),
        _may("cadastral_ref", "referencia_catastral", "text", "ref_catastral", "rc", "cadastral_reference"),
        _may("zone", "zona", "text", "sector"),
        _may("latitude", "latitud", "degrees", "lat", field="lat_e7"),
        _may("longitude", "longitud", "degrees", "lon", "lng", field="lon_e7"),
    ),
    ("puntos_suministro", "puntos_de_suministro", "supplies", "acometidas"),
)
METERS = Shape(
    "meters",
    "contadores",
    (
        _must("serial", "numero_serie", "text", "n_serie", "num_serie", "serie", "contador", "serial_number"),
        _may("address", "direccion_radio", "text", "radio_address", "direccion_wmbus"),
        _must("calibre_mm", "calibre_mm", "whole", "calibre", "dn", "caliber", "caliber_mm"),
        _may("modulus_litres", "modulo_litros", "whole", "modulo"),
        _may("digits", "digitos", "modulus", "esferas", "cifras", field="modulus_litres", exported=False),
        _must("radio", "radio", "yes", "telelectura"),
        _may("q3_litres_hour", "q3_litros_hora", "whole"),
        _may("q3_m3_hour", "q3_m3_hora", "litres", "q3", "q3_m3h", "qn", field="q3_litres_hour", exported=False),
        _may("made_year", "año_fabricacion", "whole", "fabricacion", "year", "año"),
        _may("key", "clave", "text", "aes", "clave_aes", "aes_key", exported=False),
    ),
    keys=("serial",),
)
INSTALLATIONS = Shape(
    "installations",
    "instalaciones",
    (
        _must("meter", "contador", "text", "numero_serie", "serial", "direccion_radio"),
        _must("supply_point", "suministro", "text", "punto_suministro", "cod_suministro"),
        _must("start", "desde", "moment", "from", "fecha_instalacion", "instalacion", "fecha_alta"),
        _may("end", "hasta", "moment", "to", "fecha_retirada", "retirada", "fecha_baja"),
        _may("installation_litres", "lectura_instalacion_litros", "whole"),
        _may("removal_litres", "lectura_retirada_litros", "whole"),
        _may(
            "installation_m3", "lectura_instalacion_m3", "litres", "lectura_instalacion", "indice_instalacion",
            field="installation_litres", exported=False,
        ),
        _may(
            "removal_m3", "lectura_retirada_m3", "litres", "lectura_retirada", "indice_retirada",
            field="removal_litres", exported=False,
        ),
    ),
    keys=("meter", "supply_point"),
)  # fmt: skip
CUSTOMERS = Shape(
    "customers",
    "clientes",
    (
        _must("code", "codigo", "text", "cliente", "customer", "cod_cliente", "abonado"),
        _may("nif", "nif", "text", "dni", "cif", "nif_cif", "tax_id"),
        _must("name", "nombre", "text", "razon_social", "nombre_completo", "titular"),
        _may("kind", "clase", "text", "tipo", "tipo_persona"),
        _may("email", "correo", "text", "correo_electronico", "e_mail"),
        _may("phone", "telefono", "text", "movil", "tel"),
        _may("language", "idioma", "text", "lengua"),
        _may("street", "domicilio", "text", "calle", "direccion", field="address.street"),
        _may("postal_code", "codigo_postal", "text", "cp", field="address.postal_code"),
        _may("town", "poblacion", "text", "localidad", "municipio", field="address.town"),
        _may("province", "provincia", field="address.province"),
        _may("country", "pais", field="address.country"),
        _may("address_more", "direccion_otros", "json", field="address.*"),
        _may("ended_on", "fecha_fin", "day", "fallecimiento", "disolucion", "fecha_fallecimiento", "deceased_on"),
        _may("ended_source", "fuente_fin", "text", "fuente_fallecimiento"),
    ),
    ("abonados", "personas"),
)
ACCOUNTS = Shape(
    "accounts",
    "cuentas",
    (
        _must("customer", "cliente", "text", "cod_cliente", "abonado"),
        _must("iban", "iban", "text", "cuenta", "ccc"),
        _must("valid_from", "desde", "day", "from", "fecha"),
        _may("valid_to", "hasta", "day", "to"),
        _may("mandate_ref", "mandato", "text", "referencia_mandato", "mandate"),
        _may("mandate_signed_on", "fecha_mandato", "day", "firma_mandato", "fecha_firma"),
    ),
    ("bank_accounts", "bancos", "domiciliaciones", "datos_bancarios"),
    parent="customers",
    owner="customer",
)
TERMS_COLUMNS = (
    _may("use", "uso", "text", "tipo_uso", "clase_uso"),
    _may("dwellings", "viviendas", "whole"),
    _may("premises", "locales", "whole"),
    _may("persons", "personas", "whole", "habitantes", "empadronados"),
)
CONTRACTS = Shape(
    "contracts",
    "contratos",
    (
        _must("code", "codigo", "text", "contrato", "contract", "poliza", "cod_contrato"),
        _must("supply_point", "suministro", "text", "punto_suministro", "cod_suministro"),
        _must("start", "desde", "day", "from", "fecha_alta", "alta"),
        _may("end", "hasta", "day", "to", "fecha_baja", "baja"),
        _may("customer", "titular", "text", "cliente", "cod_cliente", "holder", exported=False),
        *(
            Column(column.name, column.spanish, column.kind, column.others, exported=False)
            for column in TERMS_COLUMNS
        ),
    ),
    ("polizas",),
)  # fmt: skip
HOLDERS = Shape(
    "holders",
    "titulares",
    (
        _must("contract", "contrato", "text", "poliza", "cod_contrato"),
        _must("customer", "cliente", "text", "titular", "cod_cliente"),
        _may("start", "desde", "day", "from"),
        _may("end", "hasta", "day", "to"),
    ),
    parent="contracts",
    owner="contract",
)
TERMS = Shape(
    "terms",
    "condiciones",
    (
        _must("contract", "contrato", "text", "poliza", "cod_contrato"),
        _must("use", "uso", "text", "tipo_uso", "clase_uso"),
        _may("start", "desde", "day", "from"),
        _may("end", "hasta", "day", "to"),
        *TERMS_COLUMNS[1:],
        _may("groups", "colectivos", "list", "grupos"),
        _may("bonuses", "bonificaciones", "json"),
        _may("parameters", "parametros", "json"),
        _may("habitual_home", "vivienda_habitual", "yes"),
        _may("vulnerable", "vulnerable", "yes"),
        _may("note", "nota", "text", "observaciones"),
    ),
    parent="contracts",
    owner="contract",
)
SHAPES = (UTILITY, SUPPLY_POINTS, METERS, INSTALLATIONS, CUSTOMERS, ACCOUNTS, CONTRACTS, HOLDERS, TERMS)
BY_NAME = {shape.name: shape for shape in SHAPES}


def shape_named(title: str) -> Shape | None:
    """The shape that a sheet's or a file's name says; what follows a known name does not matter (``clientes_2026``)."""
    wanted = plain(title)
    for shape in SHAPES:
        if wanted in shape.titles:
            return shape
    bare = re.sub(r"\d+$", "", wanted)
    return next((shape for shape in SHAPES if bare in shape.titles), None)
