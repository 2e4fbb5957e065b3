"""Kinds of hazards, with the words that a message about each begins from (hazards.yaml)."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

Category = Literal["Met", "Transport", "Infra", "Safety"]
Response = Literal[
    "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "AllClear", "None"
]
OTHER = "other"


class Words(BaseModel):
    """In both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fr: str
    en: str


class Hazard(BaseModel):
    """A kind of hazard. `hours`: how long a message about it holds, unless its author says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Words
    category: Category
    response: Response
    hours: int
    instruction: Words
    rules: tuple[str, ...] = ()


@cache
def load_hazards() -> Mapping[str, Hazard]:
    """All kinds by name, in the order of the file."""
    text = resources.files("hypervisor.publications").joinpath("hazards.yaml").read_text("utf-8")
    return TypeAdapter(dict[str, Hazard]).validate_python(yaml.safe_load(text))


def find_hazard(rule: str) -> str:
    """The kind of hazard that a rule's alarms are about: the longest beginning of its name."""
    matches = [
        (len(prefix), name)
        for name, hazard in load_hazards().items()
        for prefix in hazard.rules
        if rule.startswith(prefix)
    ]
    return max(matches)[1] if matches else OTHER
