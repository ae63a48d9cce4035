"""Who may do what: users, passwords, sessions and the policy of roles.

Everything that decides on access is here, in one place; pages and the API only ask.
"""

from central.access.policy import PERMISSIONS, Identity, Permission, allows
from central.access.sessions import close_session, identify, open_session, touch
from central.access.site import Site, load_site
from central.access.tokens import bearer, create_token, revoke_token, tokens
from central.access.users import AccessError, authenticate, create_user, disable_user, hash_password, users

__all__ = [
    "PERMISSIONS",
    "AccessError",
    "Identity",
    "Permission",
    "Site",
    "allows",
    "authenticate",
    "bearer",
    "close_session",
    "create_token",
    "create_user",
    "disable_user",
    "hash_password",
    "identify",
    "load_site",
    "open_session",
    "revoke_token",
    "tokens",
    "touch",
    "users",
]
