"""The register (padrón): supply points, meters, customers, contracts, devices and routes, checked at this door.

Services are plain functions ``f(session, …, by=Change(…))``; the caller owns the commit. What is refused raises
:class:`RegisterError`, whose text names field, value and rule. Every change is journalled with who and when.
"""

from central.register.change import Change
from central.register.contracts import cancel_contract, change_holder, change_terms, sign_contract
from central.register.customers import add_bank_account, add_customer, end_customer, find_customer
from central.register.devices import (
    Enrolled,
    enrol_device,
    find_device,
    list_devices,
    revoke_device,
    set_device_key,
)
from central.register.errors import RegisterError
from central.register.importing import (
    ImportPlan,
    RegisterFile,
    RowFate,
    apply_import,
    parse_register_file,
    plan_import,
    read_register_file,
)
from central.register.installations import exchange_meter, install_meter, remove_meter
from central.register.keys import KeyRing
from central.register.meters import add_meter, add_meter_key, meter_keys
from central.register.routes import build_route
from central.register.supply import add_supply_point, find_supply_point
from central.register.utilities import add_utility, find_utility

__all__ = [
    "Change",
    "Enrolled",
    "ImportPlan",
    "KeyRing",
    "RegisterError",
    "RegisterFile",
    "RowFate",
    "add_bank_account",
    "add_customer",
    "add_meter",
    "add_meter_key",
    "add_supply_point",
    "add_utility",
    "apply_import",
    "build_route",
    "cancel_contract",
    "change_holder",
    "change_terms",
    "end_customer",
    "enrol_device",
    "exchange_meter",
    "find_customer",
    "find_device",
    "find_supply_point",
    "find_utility",
    "install_meter",
    "list_devices",
    "meter_keys",
    "parse_register_file",
    "plan_import",
    "read_register_file",
    "remove_meter",
    "revoke_device",
    "set_device_key",
    "sign_contract",
]
