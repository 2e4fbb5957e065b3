"""The rooms: packages of `hypervisor`, whose modules are called by role (cli, api, pages)."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import hypervisor


@cache
def names() -> tuple[str, ...]:
    """The rooms, by name."""
    iter_modules = pkgutil.iter_modules(hypervisor.__path__)
    return tuple(sorted(module.name for module in iter_modules if module.ispkg))


def modules(role: str) -> Iterator[ModuleType]:
    """The modules `<role>.py` and `<role>_*.py` of every room, by room and name; imports them."""
    for room in names():
        folder = [str(Path(path) / room) for path in hypervisor.__path__]
        for module in sorted(pkgutil.iter_modules(folder), key=lambda each: each.name):
            if module.name == role or module.name.startswith(f"{role}_"):
                yield importlib.import_module(f"hypervisor.{room}.{module.name}")


def template_folders() -> list[Path]:
    """Where rooms keep their templates."""
    folders = (Path(path) / room / "templates" for path in hypervisor.__path__ for room in names())
    return [folder for folder in folders if folder.is_dir()]
