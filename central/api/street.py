"""Devices and the service itself; users and tokens that are shut out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from central import register
from central.access import Permission, disable_user, revoke_token
from central.api import shapes
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import documented
from central.api.queries import one_of
from central.api.reads import answer
from central.api.register import Reasoned, by
from central.api.values import PathId as Number
from central.store import Session, models, read_session

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_REGISTER))]
Editor = Annotated[Caller, Depends(Allowed(Permission.EDIT_REGISTER))]
Warden = Annotated[Caller, Depends(Allowed(Permission.MANAGE_USERS))]
READ = documented(401, 403, 422, 429)
MISSING = documented(400, 401, 403, 404, 409, 422, 429)


class DeviceKey(Reasoned):
    """An Ed25519 public key, 32 bytes in hexadecimal."""

    public_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@router.get("/utility", response_model=shapes.UtilityOut, responses=READ)
def get_utility(caller: Viewer) -> Response:
    """The service this token belongs to."""
    with read_session(caller.engine) as session:
        return answer(shapes.UtilityOut.model_validate(session.get_one(models.Utility, caller.utility_id)))


@router.post("/devices/{number}/revocation", response_model=shapes.DeviceOut, responses=MISSING)
def revoke_device(request: Request, caller: Editor, key: Key, number: Number, body: Reasoned) -> Response:
    """Refuse everything this device sends from now on."""

    def work(session: Session) -> shapes.DeviceOut:
        row = one_of(session, models.Device, models.Device.id, caller.utility_id, number)
        return shapes.DeviceOut.model_validate(register.revoke_device(session, row.name, by=by(caller, body)))

    return once(request, caller, key, body, work, 200)


@router.post("/devices/{number}/key", response_model=shapes.DeviceOut, responses=MISSING)
def set_device_key(request: Request, caller: Editor, key: Key, number: Number, body: DeviceKey) -> Response:
    """From now on take only batches that the holder of this key signed."""

    def work(session: Session) -> shapes.DeviceOut:
        row = one_of(session, models.Device, models.Device.id, caller.utility_id, number)
        raw = bytes.fromhex(body.public_key)
        return shapes.DeviceOut.model_validate(register.set_device_key(session, row.name, raw, by=by(caller, body)))

    return once(request, caller, key, body, work, 200)


@router.post("/users/{number}/disabling", response_model=shapes.UserOut, responses=MISSING)
def disable(request: Request, caller: Warden, key: Key, number: Number, body: Reasoned) -> Response:
    """Shut a user out: their sessions and tokens are worth nothing from here on."""

    def work(session: Session) -> shapes.UserOut:
        row = one_of(session, models.User, models.User.id, caller.utility_id, number)
        done = disable_user(session, caller.utility_id, row.login, caller.actor, caller.now, body.reason)
        return shapes.UserOut.model_validate(done)

    return once(request, caller, key, body, work, 200)


@router.post("/tokens/{number}/revocation", response_model=shapes.TokenOut, responses=MISSING)
def revoke(request: Request, caller: Warden, key: Key, number: Number, body: Reasoned) -> Response:
    """End a token."""

    def work(session: Session) -> shapes.TokenOut:
        one_of(session, models.ApiToken, models.ApiToken.id, caller.utility_id, number)
        done = revoke_token(session, caller.utility_id, number, caller.actor, caller.now)
        return shapes.TokenOut.model_validate(done)

    return once(request, caller, key, body, work, 200)
