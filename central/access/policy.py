"""Roles and what each may do. An unknown role may do nothing."""

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """One kind of act. ``OWN_*`` are limited to the identity's own customer by every query that serves them."""

    OWN_BILLS = "own_bills"
    OWN_CONSUMPTION = "own_consumption"
    READ_ROUTE = "read_route"
    SEE_REGISTER = "see_register"
    EDIT_REGISTER = "edit_register"
    EXPORT_REGISTER = "export_register"
    PLAN_FIELDWORK = "plan_fieldwork"
    ORDER_CUTS = "order_cuts"
    SET_TARIFFS = "set_tariffs"
    SEE_RUNS = "see_runs"
    MAKE_RUNS = "make_runs"
    APPROVE_RUNS = "approve_runs"
    SEE_AUDIT = "see_audit"
    MANAGE_USERS = "manage_users"
    MANAGE_WEBHOOKS = "manage_webhooks"


PERMISSIONS: dict[str, frozenset[Permission]] = {
    "subscriber": frozenset({Permission.OWN_BILLS, Permission.OWN_CONSUMPTION}),
    "reader": frozenset({Permission.READ_ROUTE}),
    "clerk": frozenset(
        {
            Permission.SEE_REGISTER,
            Permission.EDIT_REGISTER,
            Permission.PLAN_FIELDWORK,
            Permission.SEE_RUNS,
            Permission.MAKE_RUNS,
        }
    ),
    "supervisor": frozenset(
        {
            Permission.SEE_REGISTER,
            Permission.EDIT_REGISTER,
            Permission.PLAN_FIELDWORK,
            Permission.ORDER_CUTS,
            Permission.EXPORT_REGISTER,
            Permission.SET_TARIFFS,
            Permission.SEE_RUNS,
            Permission.MAKE_RUNS,
            Permission.APPROVE_RUNS,
        }
    ),
    "auditor": frozenset({Permission.SEE_REGISTER, Permission.SEE_RUNS, Permission.SEE_AUDIT}),
    "owner": frozenset(
        {
            Permission.SEE_REGISTER,
            Permission.EXPORT_REGISTER,
            Permission.SET_TARIFFS,
            Permission.SEE_RUNS,
            Permission.SEE_AUDIT,
            Permission.MANAGE_WEBHOOKS,
        }
    ),
    "admin": frozenset({Permission.MANAGE_USERS, Permission.MANAGE_WEBHOOKS, Permission.SEE_AUDIT}),
}


# What moves money, lets others in or sends data out: who may needs a second factor unless the utility says otherwise.
GUARDED = frozenset(
    {
        Permission.MAKE_RUNS,
        Permission.APPROVE_RUNS,
        Permission.SET_TARIFFS,
        Permission.MANAGE_USERS,
        Permission.MANAGE_WEBHOOKS,
    }
)
# What is done only shortly after one has proved who one is (OWASP ASVS 5.0 7.5.1, 7.5.3).
FRESH = frozenset({Permission.APPROVE_RUNS, Permission.MANAGE_USERS, Permission.MANAGE_WEBHOOKS})


@dataclass(frozen=True)
class Identity:
    """Who is asking: a user of one utility, and the customer they are, if any.

    ``scopes`` narrow what a program may do in a user's name; None is no narrowing.
    """

    utility_id: int
    user_id: int
    login: str
    name: str
    role: str
    customer_id: int | None
    scopes: frozenset[str] | None = None


def allows(identity: Identity, permission: Permission) -> bool:
    """Whether ``identity`` may act so; own-customer permissions also need a customer."""
    if permission.value.startswith("own_") and identity.customer_id is None:
        return False
    if identity.scopes is not None and permission.value not in identity.scopes:
        return False
    return permission in PERMISSIONS.get(identity.role, frozenset())
