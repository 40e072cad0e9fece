"""One file per resource; here stands the list of them."""

from typing import Final

from fastapi import APIRouter

from api.routes import catalog, devices, latest, ledger, operation, quarantine, readings

ROUTERS: Final[tuple[APIRouter, ...]] = (
    catalog.router,
    devices.router,
    latest.router,
    ledger.router,
    operation.router,
    quarantine.router,
    readings.router,
)
"""Everything in the OpenAPI document; the console's files are a router of their own."""
