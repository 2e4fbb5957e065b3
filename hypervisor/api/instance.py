"""What runs here: its name and mode, versions, clocks, domains."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter

from hypervisor.api.access import Asked
from hypervisor.api.problems import responses
from hypervisor.api.works_shapes import InstanceBody
from hypervisor.store import instance as store
from hypervisor.store.pages import observing

router = APIRouter(prefix="/instance", tags=["instance"])
_PACKAGE = "territory-hypervisor"


@router.get("", responses=responses())
def instance(asked: Asked) -> InstanceBody:
    """The instance and its versions."""
    found = store.versions(asked.connection)
    return InstanceBody(
        mode=asked.mode,
        name=asked.instance.name,
        timezone=asked.instance.timezone,
        version=running(),
        engine=observing.progress(asked.connection).engine,
        schema_version=found.schema,
        timescaledb=found.timescaledb,
        clock=asked.now(),
        wall_clock=asked.clock(),
        domains=sorted(asked.catalogue.domains),
    )


def running() -> str:
    """The version of the code."""
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:  # run from a tree that was never installed
        return "0"
