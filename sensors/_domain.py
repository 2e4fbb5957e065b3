"""A domain is a public module here that holds `DOMAIN`; the catalogue is their union."""

import importlib
import pkgutil
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from sensors._command import CommandKind
from sensors._common import COMMON
from sensors._errors import TerritoryError
from sensors._quantity import Quantity


class CatalogueError(TerritoryError):
    """The catalogue contradicts itself: a duplicate quantity, or a domain module without DOMAIN."""


@dataclass(frozen=True, kw_only=True)
class FrameNumber:
    """A number in a frame: `value * scale + offset`, rounded, in `size` bytes.

    `missing`: the raw number of a sensor that is not connected. `prefix`: bytes before it.
    """

    quantity: str
    size: int
    scale: float = 1.0
    offset: float = 0.0
    signed: bool = False
    missing: int | None = None
    prefix: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The bytes that a LoRaWAN device sends, as its codec's script decodes them."""

    port: int
    numbers: tuple[FrameNumber, ...]
    little_endian: bool = False


@dataclass(frozen=True, kw_only=True)
class DeviceModel:
    """A make of device: what it measures. `quantities` are names of the catalogue.

    `units`: those that it sends, where they are not the catalogue's. `frame`: what simulators
    send for it, where its codec is a script. `commands`: the kinds that it obeys, by name.
    `lorawan_class`: when it listens, behind a LoRaWAN gateway: A after each message of its own.
    """

    name: str
    vendor: str = "generic"
    quantities: tuple[str, ...]
    description: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    frame: Frame | None = None
    commands: tuple[str, ...] = ()
    lorawan_class: Literal["A", "B", "C"] = "A"


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A per-site threshold that the domain's rules speak of, kept in `unit`.

    `above` names the one it must lie above at the same site, so that a typing error is seen.
    `short_en`, `short_fr`: a label for beside a chart; without them `label_…` is cut.
    `usual`: a common value, for benchmarks; None: one far above every calm reading.
    """

    name: str
    quantity: str
    unit: str
    label_en: str
    label_fr: str
    short_en: str = ""
    short_fr: str = ""
    above: str = ""
    usual: float | None = None


@dataclass(frozen=True, kw_only=True)
class GroupKind:
    """A kind of group of devices that rules evaluate together.

    `alike`: several members at one site may measure the same quantity; rules name the group.
    """

    name: str
    label_en: str
    label_fr: str
    alike: bool = False


OTHER_GROUP = GroupKind(name="other", label_en="Other", label_fr="Autre")  # of no domain


@dataclass(frozen=True, kw_only=True)
class Domain:
    """An urban function: its quantities and the device models that measure them.

    `grouping`: what makes its alarms one incident, where a rule does not say. `icon`: an SVG path,
    16 by 16. `colour`: of its marks and of its series in Grafana. `event`: the kind of past event
    that people report most at its sites. `calm`: a message of a site where nothing happens, by
    quantity; benchmarks send it, and leave out a domain without one. `commands`: what its devices
    can be told to do. `groups`: the kinds of groups that its devices form. `personal`: its sites
    are people's homes, under pseudonyms; only persons with the duty at the place see them.
    `retention_days`: how long what homes measure, and their alarms, are kept.
    """

    name: str
    label_en: str
    label_fr: str
    quantities: tuple[Quantity, ...]
    models: tuple[DeviceModel, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    commands: tuple[CommandKind, ...] = ()
    groups: tuple[GroupKind, ...] = ()
    grouping: Literal["river", "commune", "site", "group"] = "commune"
    icon: str = "M8 2v12M2 8h12"
    colour: str = "#6b7680"
    event: str = "other"
    calm: Mapping[str, float] = field(default_factory=dict)
    personal: bool = False
    retention_days: int | None = None


Part = TypeVar("Part", Quantity, DeviceModel, Threshold, CommandKind, GroupKind, Domain)


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All domains joined, and their parts by name.

    `common`: the quantities of no domain, which any device may measure of itself.
    """

    domains: Mapping[str, Domain]
    quantities: Mapping[str, Quantity]
    models: Mapping[str, DeviceModel]
    domain_of: Mapping[str, str]  # quantity name -> domain name; common ones have none
    thresholds: Mapping[str, Threshold]
    commands: Mapping[str, CommandKind]
    groups: Mapping[str, GroupKind]
    common: frozenset[str]


def assemble(domains: Iterable[Domain]) -> Catalogue:
    """Join domains into one catalogue.

    Raises:
        CatalogueError: two domains, or two parts of a kind, share a name, or name a quantity or
            a command that no domain has.
    """
    joined = tuple(domains)
    quantities = _named("quantity", joined, lambda domain: domain.quantities)
    for common in COMMON:
        if common.name in quantities:
            raise CatalogueError("quantity {name!r} is common to all domains already", common.name)
        quantities[common.name] = common
    models = _named("device model", joined, lambda domain: domain.models)
    thresholds = _named("threshold", joined, lambda domain: domain.thresholds)
    commands = _named("command", joined, lambda domain: domain.commands)
    groups = _named("kind of group", joined, lambda domain: domain.groups)
    if OTHER_GROUP.name in groups:
        raise CatalogueError("kind of group {name!r} is common to all domains", OTHER_GROUP.name)
    groups[OTHER_GROUP.name] = OTHER_GROUP
    assembled = Catalogue(
        domains=_named("domain", joined, lambda domain: (domain,)),
        quantities=quantities,
        models=models,
        domain_of={
            quantity.name: domain.name for domain in joined for quantity in domain.quantities
        },
        thresholds=thresholds,
        commands=commands,
        groups=groups,
        common=frozenset(quantity.name for quantity in COMMON),
    )
    _check_names(assembled)
    _check_personal(assembled)
    return assembled


def _check_personal(joined: Catalogue) -> None:
    """Whether personal domains, and no others, say how long they keep what they measure."""
    for domain in joined.domains.values():
        if domain.personal and (domain.retention_days or 0) < 1:
            raise CatalogueError("personal domain {name!r} needs retention_days", domain.name)
        if domain.personal and domain.grouping != "site":
            raise CatalogueError(
                "personal domain {name!r} groups by site, so that no incident joins homes",
                domain.name,
            )
        if not domain.personal and domain.retention_days is not None:
            raise CatalogueError("domain {name!r} is not personal: no retention_days", domain.name)


def _check_names(joined: Catalogue) -> None:
    """Whether models, commands and thresholds name what there is."""
    for model in joined.models.values():
        owner = f"model {model.name!r}"
        _require(f"{owner} measures", "quantity", model.quantities, joined.quantities)
        _require(f"{owner} obeys", "command", model.commands, joined.commands)
    for command in joined.commands.values():
        named = [each.quantity for each in command.confirmed_by]
        owner = f"command {command.name!r}"
        _require(f"{owner} is confirmed by", "quantity", named, joined.quantities)
    for threshold in joined.thresholds.values():
        owner = f"threshold {threshold.name!r}"
        _require(f"{owner} is of", "quantity", [threshold.quantity], joined.quantities)


def _require(owner: str, what: str, names: Iterable[str], there: Container[str]) -> None:
    for name in names:
        if name not in there:
            raise CatalogueError("{owner} unknown {what} {name!r}", owner, what, name)


def _named(
    what: str, domains: Iterable[Domain], parts: Callable[[Domain], Iterable[Part]]
) -> dict[str, Part]:
    """The parts of all domains by name, none twice."""
    named: dict[str, Part] = {}
    owner: dict[str, str] = {}
    for domain in domains:
        for part in parts(domain):
            if part.name in named:
                raise CatalogueError(
                    "{what} {name!r} is in {owner!r} and again in {domain!r}",
                    what,
                    part.name,
                    owner[part.name],
                    domain.name,
                )
            named[part.name] = part
            owner[part.name] = domain.name
    return named


def catalogue() -> Catalogue:
    """Scan this package for domains. Called from entry points, never at import.

    Raises:
        CatalogueError: a public module has no `DOMAIN`, or the parts contradict each other.
    """
    package = importlib.import_module("sensors")
    scanned: list[Domain] = []
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"sensors.{info.name}")
        domain = getattr(module, "DOMAIN", None)
        if not isinstance(domain, Domain):
            raise CatalogueError(
                "sensors/{info}.py must define DOMAIN, a sensors Domain", info.name
            )
        scanned.append(domain)
    return assemble(scanned)
