"""Parts of documents that are written from the code, between `<!-- NAME -->` and `<!-- / -->`.

`python -m tests.generated` rewrites them; `make check` refuses one that is out of date.
The listings of routes and commands (tests/contract.py) are written, too.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from hypervisor.backtest.queries_past_events import KINDS
from hypervisor.base.settings import Settings
from hypervisor.registry.inventory import Inventory
from hypervisor.registry.inventory_files import read_sources
from sensors._command import Parameter
from sensors._domain import catalogue
from simulators._scenarios import scenario_files

_PART = re.compile(r"<!-- (?P<name>[a-z -]+) -->(?P<text>.*?)<!-- / -->", re.DOTALL)


@cache
def _essonne() -> Inventory:
    return read_sources(["essonne"])


def _count_devices(model: str) -> str:
    return f"{sum(device.given['model'].startswith(model) for device in _essonne().devices):,}"


def write_thresholds() -> str:
    """A row a quantity and unit, in the catalogue's order."""
    words = catalogue()
    lines: dict[str, list[str]] = {}
    for threshold in words.thresholds.values():
        domain = words.domains[words.domain_of[threshold.quantity]].label_en
        row = f"| {domain} | `{threshold.quantity}` | {threshold.unit} |"
        lines.setdefault(row, []).append(f"`{threshold.name}`")
    rows = [f"{row} {' '.join(names)} |" for row, names in lines.items()]
    return "\n" + "\n".join(["| domain | of | unit | thresholds |", "|-|-|-|-|", *rows]) + "\n"


def write_settings() -> str:
    """A row a setting, in the order of the model."""
    rows = []
    for name, field in Settings.model_fields.items():
        required = field.default_factory is not None or field.default in {None, ""}
        default = "" if required else _format_setting(field.default)
        rows.append(f"| `{name.upper()}` | {default} | {field.description} |")
    return "\n" + "\n".join(["| `HYPERVISOR_…` | default | |", "|-|-|-|", *rows]) + "\n"


def _format_setting(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(network.network_address) for network in value)
    return str(value).lower() if isinstance(value, bool) else f"{value}".removesuffix(".0")


def write_event_kinds() -> str:
    """The kinds of past events, as reports name them."""
    return ", ".join(f"`{kind}`" for kind in KINDS)


def write_commands(language: str = "en") -> str:
    """A row a kind of command, in the catalogue's order."""
    head = {
        "en": "| command | domain | parameters | valid for | confirmed by | people |",
        "fr": "| commande | domaine | paramètres | valable | confirmée par | personnes |",
    }
    rows = []
    for domain in catalogue().domains.values():
        for kind in domain.commands:
            parameters = ", ".join(_format_parameter(each) for each in kind.parameters)
            minutes = f"{kind.valid_for.total_seconds() / 60:g} min"
            confirmed = " ".join(f"`{each.quantity}`" for each in kind.confirmed_by)
            label = domain.label_fr if language == "fr" else domain.label_en
            rows.append(
                f"| `{kind.name}` | {label} | {parameters} | {minutes} | {confirmed}"
                f" | {kind.signatures} |"
            )
    return "\n" + "\n".join([head[language], "|-|-|-|-|-|-|", *rows]) + "\n"


def _format_parameter(parameter: Parameter) -> str:
    if parameter.choices:
        return f"`{parameter.name}`: {' '.join(f'`{each.name}`' for each in parameter.choices)}"
    if parameter.longest:
        return f"`{parameter.name}`: ≤ {parameter.longest}"
    return f"`{parameter.name}`: {parameter.low:g} … {parameter.high:g} {parameter.unit}"


PARTS: Mapping[str, Callable[[], str]] = {
    "communes": lambda: str(sum(area.given["kind"] == "commune" for area in _essonne().areas)),
    "devices": lambda: f"{len(_essonne().devices):,}",
    "lamps": lambda: _count_devices("lamp-"),
    "cabinets": lambda: _count_devices("cabinet-controller"),
    "kinds of events": write_event_kinds,
    "settings": write_settings,
    "commands": write_commands,
    "commandes": lambda: write_commands("fr"),
    "thresholds": write_thresholds,
    "scenarios": lambda: " ".join(f"`{name}`" for name in scenario_files()),
}


def rewrite(text: str) -> str:
    """The text with its parts as the code has them."""
    return _PART.sub(lambda part: f"<!-- {part['name']} -->{_write(part)}<!-- / -->", text)


def _write(part: re.Match[str]) -> str:
    return PARTS[part["name"]]()


def check_parts(page: Path) -> Iterator[str]:
    """Parts that are not as the code has them."""
    for part in _PART.finditer(page.read_text(encoding="utf-8")):
        if part["name"] not in PARTS:
            yield f"{page.name}: nothing writes the part {part['name']!r}"
        elif part["text"] != _write(part):
            yield f"{page.name}: {part['name']!r} is out of date: python -m tests.generated"


if __name__ == "__main__":
    from tests import contract
    from tests.documents import pages

    for page in pages():
        page.write_text(rewrite(page.read_text(encoding="utf-8")), encoding="utf-8")
    for listing in contract.LISTINGS:
        contract.file(listing).write_text(contract.write(listing), encoding="utf-8")
