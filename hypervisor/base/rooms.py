"""The rooms: packages of `hypervisor`, whose modules are called by role (cli, api, pages)."""

import importlib
import pkgutil
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType

import hypervisor


@cache
def names() -> tuple[str, ...]:
    """The rooms, by name."""
    iter_modules = pkgutil.iter_modules(hypervisor.__path__)
    return tuple(sorted(module.name for module in iter_modules if module.ispkg))


@lru_cache
def modules(role: str) -> tuple[ModuleType, ...]:
    """The modules `<role>.py` and `<role>_*.py` of every room, by room and name; imports them."""
    return tuple(
        importlib.import_module(f"hypervisor.{room}.{name}")
        for room in names()
        for name in _list_modules(room)
        if name == role or name.startswith(f"{role}_")
    )


def _list_modules(room: str) -> list[str]:
    folder = [str(Path(path) / room) for path in hypervisor.__path__]
    return sorted(module.name for module in pkgutil.iter_modules(folder))


def template_folders() -> list[Path]:
    """Where rooms keep their templates."""
    folders = (Path(path) / room / "templates" for path in hypervisor.__path__ for room in names())
    return [folder for folder in folders if folder.is_dir()]
