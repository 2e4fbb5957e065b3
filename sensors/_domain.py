"""A domain is a public module here that holds `DOMAIN`; the catalogue is their union."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sensors._errors import TerritoryError
from sensors._quantity import Quantity


class CatalogueError(TerritoryError):
    """The catalogue contradicts itself: a duplicate quantity, or a domain module without DOMAIN."""


@dataclass(frozen=True, kw_only=True)
class DeviceModel:
    """A make of device: what it measures. `quantities` are names of the catalogue."""

    name: str
    vendor: str
    quantities: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """An urban function: its quantities and the device models that measure them."""

    name: str
    label_en: str
    label_fr: str
    quantities: tuple[Quantity, ...]
    models: tuple[DeviceModel, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All domains found, by name; all quantities, by name; all device models, by name."""

    domains: Mapping[str, Domain]
    quantities: Mapping[str, Quantity]
    models: Mapping[str, DeviceModel]
    domain_of: Mapping[str, str]  # quantity name -> domain name


def assemble(domains: Iterable[Domain]) -> Catalogue:
    """Join domains into one catalogue.

    Raises:
        CatalogueError: two domains, quantities or models share a name, or a model measures
            a quantity that no domain has.
    """
    by_name: dict[str, Domain] = {}
    quantities: dict[str, Quantity] = {}
    models: dict[str, DeviceModel] = {}
    domain_of: dict[str, str] = {}
    for domain in domains:
        if domain.name in by_name:
            raise CatalogueError(f"domain {domain.name!r} is described twice")
        by_name[domain.name] = domain
        for quantity in domain.quantities:
            if quantity.name in quantities:
                raise CatalogueError(
                    f"quantity {quantity.name!r} is in {domain_of[quantity.name]!r}"
                    f" and again in {domain.name!r}"
                )
            quantities[quantity.name] = quantity
            domain_of[quantity.name] = domain.name
        for model in domain.models:
            if model.name in models:
                raise CatalogueError(f"device model {model.name!r} is described twice")
            models[model.name] = model
    for model in models.values():
        for name in model.quantities:
            if name not in quantities:
                raise CatalogueError(f"model {model.name!r} measures unknown quantity {name!r}")
    return Catalogue(domains=by_name, quantities=quantities, models=models, domain_of=domain_of)


def catalogue() -> Catalogue:
    """Scan this package for domains. Called from entry points, never at import.

    Raises:
        CatalogueError: a public module has no `DOMAIN`, or the parts contradict each other.
    """
    package = importlib.import_module("sensors")
    found: list[Domain] = []
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"sensors.{info.name}")
        domain = getattr(module, "DOMAIN", None)
        if not isinstance(domain, Domain):
            raise CatalogueError(f"sensors/{info.name}.py must define DOMAIN, a sensors Domain")
        found.append(domain)
    return assemble(found)
