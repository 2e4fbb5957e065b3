"""What the store hands out and takes: records whose fields are named, and stay as they are."""

import pkgutil
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from typing import Any

import hypervisor.store

# A worker counts on in it.
GROWING = {"Tally"}


def _records() -> Iterator[Any]:
    """The dataclasses of the store."""
    for module in pkgutil.walk_packages(hypervisor.store.__path__, "hypervisor.store."):
        for made in vars(import_module(module.name)).values():
            if isinstance(made, type) and is_dataclass(made) and made.__module__ == module.name:
                yield made


def test_records_stay_as_they_are_and_their_fields_are_named() -> None:
    records = list(_records())
    assert len(records) > 50
    changeable = {record.__name__ for record in records if not record.__dataclass_params__.frozen}
    assert changeable == GROWING
    assert [record.__name__ for record in records if record.__match_args__] == []
