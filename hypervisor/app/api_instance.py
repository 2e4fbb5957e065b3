"""The instance: name, mode, versions, clocks, domains."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter

from hypervisor.access.context import Context
from hypervisor.database import instance as store
from hypervisor.database.progress import get_progress
from hypervisor.registry.schemas_works import InstanceBody
from hypervisor.web.problems import responses

router = APIRouter(prefix="/instance", tags=["instance"])
_PACKAGE = "territory-hypervisor"


@router.get("", responses=responses())
def instance(context: Context) -> InstanceBody:
    """The instance and its versions."""
    versions = store.versions(context.connection)
    return InstanceBody(
        mode=context.mode,
        name=context.instance.name,
        timezone=context.instance.timezone,
        version=running(),
        engine=get_progress(context.connection).engine,
        schema_version=versions.schema,
        timescaledb=versions.timescaledb,
        clock=context.now(),
        wall_clock=context.clock(),
        domains=sorted(context.catalogue.domains),
    )


def running() -> str:
    """The version of the code."""
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
