"""The version of our code on a machine, as the other machines and people know it."""

from importlib.metadata import version

from hypervisor.database.connect import migration_files


def code_version() -> str:
    """Of the package, and of the newest change of the database that it knows."""
    newest = migration_files()[-1].partition("_")[0]
    return f"{version('territory-hypervisor')}, schema {newest}"
