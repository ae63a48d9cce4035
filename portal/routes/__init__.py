"""One file per area of the site; each exposes ``router``."""

from fastapi import APIRouter

from portal.routes import bills, consumption, entry, fiscal, public, rectifications, staff, study

ROUTERS: tuple[APIRouter, ...] = (
    public.router,
    entry.router,
    bills.router,
    consumption.router,
    staff.router,
    rectifications.router,
    fiscal.router,
    study.router,
)
