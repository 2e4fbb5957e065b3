"""The facts that stand: of each kind and key the last value, unless it is withdrawn."""

from collections.abc import Mapping
from typing import Any

from hypervisor.registry.model import Registry

Facts = Mapping[tuple[str, str], Mapping[str, Any]]


def standing_facts(registry: Registry) -> Facts:
    """The last value of each fact that is not withdrawn."""
    last = {(revision.kind, revision.key): revision.value for revision in registry.revisions}
    return {key: value for key, value in last.items() if value is not None}
