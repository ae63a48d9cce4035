"""From the simulator's town to the register file that the centre imports."""

import datetime as dt
from typing import Any

from firmware_sim.meters import House, SimMeter
from firmware_sim.town import Town

UTILITY = "AGOST"
DEVICE = "van-1"
ROUTE = "R1"
TARIFF = "ES-AGOST-2023"
MODULUS_LITRES = 10**9
FREE_FLOW_Q3 = {13: 2500, 15: 2500, 20: 4000, 25: 6300, 30: 10000, 40: 16000}


def register_of(town: Town) -> dict[str, Any]:
    """The register file (``central.register.importing.file``) of ``town``; the service starts with its period."""
    return {
        "schema": 1,
        "utility": _utility(town),
        "supply_points": [_supply_point(house) for house in town.houses],
        "meters": [_meter(meter) for meter in town.meters],
        "installations": [_installation(town, meter) for meter in town.meters],
        "customers": [_customer(town, house) for house in town.houses],
        "contracts": [_contract(town, house) for house in town.houses],
        "devices": [{"name": DEVICE, "kind": "vehicle"}],
        "routes": [
            {
                "code": ROUTE,
                "name": f"Lectura de {town.utility.place}",
                "planned_on": town.end.isoformat(),
                "device": DEVICE,
            }
        ],
    }


def _utility(town: Town) -> dict[str, Any]:
    body = town.utility
    return {
        "code": UTILITY,
        "name": body.name,
        "nif": body.nif,
        "ine_code": body.ine,
        "address": {
            "street": "Plaça d'Espanya, 1",
            "postal_code": body.postal_code,
            "town": body.place,
            "province": body.province,
        },
        "contact": {"phone": "965 000 000", "email": "agua@agost.example", "web": "https://agua.agost.example"},
        "settings": {},
    }


def _supply_point(house: House) -> dict[str, Any]:
    return {
        "code": house.supply_code,
        "street": house.street,
        "number": str(house.number),
        "detail": house.door,
        "postal_code": house.postal_code,
        "ine_code": house.ine,
        "cadastral_ref": house.cadastral_reference,
        "lat_e7": degrees_e7(house.lat),
        "lon_e7": degrees_e7(house.lon),
    }


def degrees_e7(degrees: float) -> int:
    """Degrees times 10^7, the register's unit for coordinates."""
    return round(degrees * 10**7)


def _meter(meter: SimMeter) -> dict[str, Any]:
    return {
        "serial": meter.serial,
        "calibre_mm": meter.calibre_mm,
        "modulus_litres": MODULUS_LITRES,
        "radio": meter.radio,
        "address": str(meter.address),
        "q3_litres_hour": FREE_FLOW_Q3.get(meter.calibre_mm),
        "key": meter.key.hex(),
    }


def _installation(town: Town, meter: SimMeter) -> dict[str, Any]:
    removed = meter.on_until
    return {
        "meter": str(meter.address),
        "supply_point": meter.house.supply_code,
        "start": town.first_instant(meter).isoformat(),
        "installation_litres": meter.start_litres,
        "end": removed.isoformat() if removed else None,
        "removal_litres": meter.end_litres if removed else None,
    }


def _customer(town: Town, house: House) -> dict[str, Any]:
    person = house.customer
    return {
        "code": f"C-{house.contract_no}",
        "nif": person.nif,
        "name": person.name,
        "kind": "company" if house.use == "commercial" else "person",
        "email": person.email,
        "phone": person.phone,
        "address": {
            "street": f"{house.street}, {house.number} {house.door}".strip(),
            "postal_code": house.postal_code,
            "town": town.utility.place,
            "province": town.utility.province,
        },
        "bank": {"iban": person.iban, "valid_from": town.start.isoformat()},
    }


def _contract(town: Town, house: House) -> dict[str, Any]:
    return {
        "code": house.contract_no,
        "supply_point": house.supply_code,
        "start": town.start.isoformat(),
        "holders": [{"customer": f"C-{house.contract_no}"}],
        "terms": [
            {"use": house.use, "dwellings": house.dwellings, "persons": house.persons, "habitual_home": True}
            if house.use == "domestic"
            else {"use": house.use, "dwellings": 0, "premises": 1}
        ],
    }


def last_day(town: Town) -> dt.date:
    """The last local day of the town's period."""
    return town.end - dt.timedelta(1)
