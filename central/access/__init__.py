"""Who may do what: users, passwords, second factors, sessions and the policy of roles.

Everything that decides on access is here, in one place; pages and the API only ask.
"""

from central.access.errors import AccessError, PasswordError, ThrottledError
from central.access.passwords import hash_password
from central.access.policy import PERMISSIONS, Identity, Permission, allows
from central.access.sessions import Seen, Stage, close_session, identify, open_session, touch
from central.access.site import Site, load_site
from central.access.tokens import bearer, create_token, revoke_token, tokens
from central.access.users import authenticate, create_user, disable_user, users

__all__ = [
    "PERMISSIONS",
    "AccessError",
    "Identity",
    "PasswordError",
    "Permission",
    "Seen",
    "Site",
    "Stage",
    "ThrottledError",
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
