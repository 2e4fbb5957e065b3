"""Names of the description, as generators of clients make classes and functions of them."""

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from hypervisor.app import openapi
from hypervisor.app.application import create_app
from hypervisor.base.settings import Settings
from sensors._domain import catalogue


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.describe(create_app(Settings(), catalogue(), lambda: datetime.now(UTC)))


def test_each_schema_is_a_class_of_its_own(document: dict[str, Any]) -> None:
    """A generator takes the title before the name: two of one title lose their operations."""
    schemas = document["components"]["schemas"]
    titles = Counter(schema.get("title", name).lower() for name, schema in schemas.items())
    assert [title for title, count in titles.items() if count > 1] == []
    for name in schemas:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*|Body_[a-z_]+", name), f"{name} names a module"


def test_each_operation_is_a_function_of_its_own(document: dict[str, Any]) -> None:
    names = Counter(
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
    )
    assert [name for name, count in names.items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
