"""A utility's rules of access: who must have a second factor, and how long a log-in lasts.

They are ``utility.settings["access"]`` and hold at once: every request reads them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from central import journal
from central.access.errors import AccessError
from central.access.policy import GUARDED, PERMISSIONS
from central.store.models import Utility

SETTING = "access"
DEFAULT_ROLES = tuple(sorted(role for role, may in PERMISSIONS.items() if may & GUARDED))
Minutes = Annotated[int, msgspec.Meta(ge=1, le=1440)]
IDLE_MINUTES = 30
LONGEST_MINUTES = 720
# Who may let others in is asked again sooner.
_STRICTER: dict[str, Any] = {"idle": {"admin": 15}, "longest": {"admin": 480}}


class AccessRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``factor_roles`` must have a second factor ``grace_days`` after they were first asked for one.

    ``proof_minutes``: for how long a proof of who one is lets one do what is guarded (OWASP ASVS 5.0 7.5.1).
    ``idle_minutes`` and ``longest_minutes`` end a session by role (7.3.1, 7.3.2).
    """

    factor_roles: tuple[str, ...] = DEFAULT_ROLES
    grace_days: Annotated[int, msgspec.Meta(ge=0, le=90)] = 14
    proof_minutes: Minutes = 10
    idle_minutes: dict[str, Minutes] = msgspec.field(default_factory=lambda: dict(_STRICTER["idle"]))
    longest_minutes: dict[str, Minutes] = msgspec.field(default_factory=lambda: dict(_STRICTER["longest"]))

    def idle(self, role: str) -> timedelta:
        """How long a session of ``role`` may rest."""
        return timedelta(minutes=self.idle_minutes.get(role, IDLE_MINUTES))

    def longest(self, role: str) -> timedelta:
        """How long a session of ``role`` may last."""
        return timedelta(minutes=self.longest_minutes.get(role, LONGEST_MINUTES))

    def grace_until(self, role: str, since: datetime | None) -> datetime | None:
        """When ``role`` must have a second factor, asked for one ``since``; None where it need not, or not yet."""
        return since + timedelta(days=self.grace_days) if since is not None and role in self.factor_roles else None


def rules_of(settings: Mapping[str, Any]) -> AccessRules:
    """The rules in a utility's settings; AccessError names what is wrong in them, and nobody gets in meanwhile."""
    try:
        rules = msgspec.convert(settings.get(SETTING, {}), AccessRules)
    except msgspec.ValidationError as error:
        raise AccessError(f"settings.{SETTING}: {error}") from error
    for field in ("factor_roles", "idle_minutes", "longest_minutes"):
        unknown = sorted(set(getattr(rules, field)) - set(PERMISSIONS))
        if unknown:
            raise AccessError(f"{field}: {', '.join(unknown)}, must be of {', '.join(sorted(PERMISSIONS))}")
    return rules


def load_rules(session: Session, utility_id: int) -> AccessRules:
    """The rules of a utility."""
    return rules_of(session.scalars(select(Utility.settings).where(Utility.id == utility_id)).one())


def set_rules(session: Session, utility_id: int, changes: Mapping[str, Any], actor: str, now: datetime) -> AccessRules:
    """Change some of the rules, and say so in the audit."""
    utility = session.scalars(select(Utility).where(Utility.id == utility_id).with_for_update()).one()
    before = msgspec.to_builtins(rules_of(utility.settings))
    # Through JSON's types, as it will come back from the database.
    after = msgspec.to_builtins(rules_of({SETTING: {**before, **changes}}))
    utility.settings = {**utility.settings, SETTING: after}
    session.flush()
    journal.record(
        session, utility_id, actor, "access.rules", "utility", utility_id, at=now, before=before, after=after
    )
    return rules_of(utility.settings)
