"""A device replaced by its successor at the same place, as an inventory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.registry.formatting import format_value
from hypervisor.registry.input_fields import check_name
from hypervisor.registry.inventory import Entry, Fact, Inventory
from hypervisor.registry.model import Device, Facts, Registry, facts_in_force
from hypervisor.registry.tree import Where
from sensors._domain import Catalogue
from sensors._errors import TerritoryError
from sensors._nearest import did_you_mean
from sensors._quantity import CLOCK_FAULT

_HERE = Where(file="gauge replace", line=0)


class ReplaceError(TerritoryError):
    """A device cannot be replaced; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Successor:
    """A device `name` that takes the place of `old` at `at`. None: as the old one.

    `address`: at `gateway`, or at the old one's gateway. `keeps_address`: the radio stays, only the
    sensor is new. `own_account`: it connects directly.
    """

    name: str
    old: str
    at: datetime
    model: str | None = None
    gateway: str | None = None
    address: str | None = None
    keeps_address: bool = False
    own_account: bool = False


def replace_device(
    registry: Registry, new: Successor, *, now: datetime | None, catalogue: Catalogue
) -> Inventory:
    """Retire the old device and commission the new one with its facts.

    Thresholds of the device, its groups, reporting and ranges of its series are carried over;
    thresholds of the site stay with the site. Raises ReplaceError: no such device in service, the
    new name is none or taken, the time is implausible, or the new one's address is missing.
    """
    at = new.at
    old = _require_device(registry, new.old, at=at, now=now)
    try:
        check_name(new.name)
    except ValueError as error:
        raise ReplaceError("{problem}", error.args[0]) from error
    if new.name in registry.devices or new.name in registry.gateways:
        raise ReplaceError(
            "{new!r} is taken: the new device needs a name of its own, so that each "
            "reading tells which device measured it",
            new.name,
        )
    if new.model is not None and new.model not in catalogue.models:
        hint = did_you_mean(new.model, catalogue.models)
        raise ReplaceError("{model!r} is no model that the catalogue knows{hint}", new.model, hint)
    facts = facts_in_force(registry)
    way, freed = _choose_address(registry, old, new)
    series = list(_carry_series_over(registry, old, new, facts, catalogue))
    retired = {"site": old.site, "retired": at, **freed}
    successor = {
        "site": old.site,
        "commissioned": at,
        "model": new.model or old.model,
        "codec": old.codec if new.model in (None, old.model) else None,
        "lon": old.lon,
        "lat": old.lat,
        "properties": dict(old.properties),
        **way,
    }
    return Inventory(
        devices=(_entry(old.name, retired), _entry(new.name, successor)),
        series=tuple(entry for entry, _ in series),
        facts=(
            _fact("device", old.name, {"in_service": False}, at),
            *(fact for _, fact in series if fact is not None),
            *_carry_facts_over(facts, old.name, new.name, at),
        ),
    )


def _require_device(registry: Registry, name: str, *, at: datetime, now: datetime | None) -> Device:
    old = registry.devices.get(name)
    if old is None:
        raise ReplaceError(
            "{name!r} is no device{hint}", name, did_you_mean(name, registry.devices)
        )
    if old.retired is not None:
        raise ReplaceError("{name} is retired since {retired}", name, format_value(old.retired))
    if at <= old.commissioned:
        raise ReplaceError(
            "{name} was commissioned on {commissioned}, after --at",
            name,
            format_value(old.commissioned),
        )
    refuse_future(at, now)
    return old


def refuse_future(at: datetime, now: datetime | None) -> None:
    """Refuse a time in the future. Raises ReplaceError: `at` has not come yet."""
    if now is not None and at > now:
        raise ReplaceError(
            "{at} has not come yet (it is {now}): record it when it is done; until then "
            "announce it with: hypervisor works add",
            format_value(at),
            format_value(now.replace(microsecond=0)),
        )


def _choose_address(
    registry: Registry, old: Device, new: Successor
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Gateway and address of the new device, and the fields that the old one loses."""
    gateway = new.gateway or (None if new.own_account else old.gateway)
    if new.own_account and (new.gateway or new.address or new.keeps_address):
        raise ReplaceError("a device with an account of its own has no gateway and no address")
    if gateway is None and (new.address or new.keeps_address):
        raise ReplaceError(
            "{old} has an account of its own: an address needs a --gateway", old.name
        )
    if gateway is None:
        return {}, {}
    if new.keeps_address:
        if gateway != old.gateway:
            raise ReplaceError(
                "{old} has no address at {gateway} that could be kept", old.name, gateway
            )
        freed = {"gateway": None, "address": None}
        return {"gateway": gateway, "address": old.address}, freed
    protocol = registry.gateways[gateway].protocol if gateway in registry.gateways else ""
    if new.address is None and protocol != "native":
        raise ReplaceError(
            "{old} speaks through {gateway} as {address}: say how the new one does: "
            "--address with its own, --keep-address if the radio stays, or --own-account",
            old.name,
            gateway,
            old.address,
        )
    return {"gateway": gateway, "address": new.address}, {}


def _carry_series_over(
    registry: Registry, old: Device, new: Successor, facts: Facts, catalogue: Catalogue
) -> Iterator[tuple[Entry, Fact | None]]:
    """The old device's series in use; for a new model, its quantities."""
    used = [
        quantity
        for device, quantity in registry.series
        if device == old.name and ("series", f"{device}/{quantity}") in facts
    ]
    same = new.model in (None, old.model)
    measured = used if same else list(catalogue.models[str(new.model)].quantities)
    own = set(used) - catalogue.common
    if own and not own & set(measured):
        raise ReplaceError(
            "{model} measures nothing of what {old} did, {own}",
            new.model,
            old.name,
            ", ".join(sorted(own)),
        )
    for quantity in dict.fromkeys((*measured, CLOCK_FAULT)):
        before = registry.series.get((old.name, quantity))
        given: dict[str, Any] = {}
        if before is not None:
            given = {"low": before.low, "high": before.high}
            given |= {"saturates": before.saturates} if same else {}
        key = f"{new.name}/{quantity}"
        reporting = facts.get(("series", f"{old.name}/{quantity}"))
        yield _entry(key, given), _fact("series", key, reporting) if reporting else None


def _carry_facts_over(facts: Facts, old: str, new: str, at: datetime) -> Iterator[Fact]:
    """Memberships and the device's own thresholds, for the new device."""
    for (kind, key), value in facts.items():
        if kind == "member" and key.partition("/")[2] == old:
            group = key.partition("/")[0]
            yield _fact("member", key, None, at)
            yield _fact("member", f"{group}/{new}", value)
        elif kind == "threshold" and key.startswith(f"device/{old}/"):
            yield _fact("threshold", f"device/{new}/{key.rpartition('/')[2]}", value)


def _entry(key: str, given: Mapping[str, Any]) -> Entry:
    return Entry(key=key, given=given, where=_HERE)


def _fact(
    kind: str, key: str, value: Mapping[str, Any] | None, effective: datetime | None = None
) -> Fact:
    return Fact(kind=kind, key=key, value=value, where=_HERE, effective=effective)
