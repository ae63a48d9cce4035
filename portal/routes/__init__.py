"""One file per area of the site; each exposes ``router``."""

from fastapi import APIRouter

from portal.routes import entry, public

ROUTERS: tuple[APIRouter, ...] = (public.router, entry.router)
