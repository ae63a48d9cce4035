"""One file per area of the site; each exposes ``router``."""

from fastapi import APIRouter

from portal.routes import (
    bills,
    confirm,
    consumption,
    contracts,
    entry,
    fiscal,
    links,
    orders,
    people,
    public,
    quality,
    rectifications,
    refunds,
    register,
    rounds,
    safety,
    staff,
    study,
    webhooks,
)

ROUTERS: tuple[APIRouter, ...] = (
    public.router,
    entry.router,
    confirm.router,
    links.router,
    safety.router,
    people.router,
    bills.router,
    consumption.router,
    staff.router,
    contracts.router,
    rectifications.router,
    refunds.router,
    register.router,
    quality.router,
    rounds.router,
    orders.router,
    fiscal.router,
    study.router,
    webhooks.router,
)
