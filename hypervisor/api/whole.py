"""The parts of the API that read the territory and its data, and what holds for every endpoint."""

from types import ModuleType

from fastapi import FastAPI

from hypervisor.api import (
    assets,
    audit_log,
    dead_letters,
    describing,
    devices,
    exercises,
    injects,
    instance,
    observations,
    series,
    several,
    territory,
    works,
)
from hypervisor.api.etags import Courtesy
from hypervisor.api.guard import Guard

PARTS: tuple[ModuleType, ...] = (
    instance,
    territory,
    assets,
    devices,
    series,
    several,
    observations,
    dead_letters,
    audit_log,
    works,
    exercises,
    injects,
)


def install(app: FastAPI) -> None:
    """Mount the parts; the last thing that is done to the application, for it wraps the rest."""
    for part in PARTS:
        app.include_router(part.router, prefix="/api/v1")
    describing.install(app)
    app.add_middleware(Courtesy)
    app.add_middleware(Guard)
