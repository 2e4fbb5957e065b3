"""A gauge's datum moves, and with it every level that refers to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.registry.checks_equipment import list_gauges
from hypervisor.registry.device_replacement import refuse_future
from hypervisor.registry.formatting import format_value
from hypervisor.registry.inventory import Entry, Fact, Inventory
from hypervisor.registry.model import Registry, Revision
from hypervisor.registry.tree import Where
from sensors._domain import Catalogue
from sensors._errors import TerritoryError
from sensors._nearest import did_you_mean

_HERE = Where(file="gauge set-datum", line=0)
_LEVEL = "level"


class ShiftError(TerritoryError):
    """A datum cannot be moved; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class DatumShift:
    """A zero that moved at `at`: to `zero` (m NGF), or `by` metres upwards, or both."""

    site: str
    at: datetime
    zero: float | None = None
    by: float | None = None
    keep_thresholds: bool = False


def shift_datum(
    registry: Registry, shift: DatumShift, *, now: datetime | None, catalogue: Catalogue
) -> tuple[Inventory, ...]:
    """The inventories to apply in order.

    The same water reads lower where the zero went up: thresholds of the level, levels that reach
    assets, and ranges of the series move by the opposite amount.

    Raises:
        ShiftError: no such gauge, an unknown zero, or a later revision exists.
        ReplaceError: the time has not come yet.
    """
    gauges = list_gauges(registry)
    if shift.site not in gauges:
        raise ShiftError(
            "{site!r} is no site where a level is measured{hint}",
            shift.site,
            did_you_mean(shift.site, gauges),
        )
    refuse_future(shift.at, now)
    before = _require_latest(registry, "datum", shift.site, shift.at)
    zero, by, first = _compute_shift(shift, before)
    if by == 0:
        raise ShiftError("the zero of {site} is {zero:g} m already", shift.site, zero)
    moved = [] if shift.keep_thresholds else list(_shift_levels(registry, shift, by, catalogue))
    marked = before.illustrative if before else False
    after = Inventory(
        facts=(_datum_fact(shift.site, zero, shift.at, illustrative=marked), *moved),
        series=() if shift.keep_thresholds else tuple(_shift_ranges(registry, shift.site, by)),
    )
    return (after,) if first is None else (Inventory(facts=(first,)), after)


def _compute_shift(shift: DatumShift, before: Revision | None) -> tuple[float, float, Fact | None]:
    """The new zero, how far it moved, and the fact of the old zero if it was unknown."""
    if shift.zero is None and shift.by is None:
        raise ShiftError("say where the zero is now, --zero '48.73 m', or --by '+0.12 m'")
    if before is None or before.value is None:
        if shift.zero is None or shift.by is None:
            raise ShiftError(
                "the zero of {site} is not known at {at}: give both, --zero where it is now "
                "and --by how far it moved, or put the old one into an inventory, datum: 48.61 "
                "m",
                shift.site,
                format_value(shift.at),
            )
        old = round(shift.zero - shift.by, 9)
        first = _datum_fact(shift.site, old, None, illustrative=False)
        return shift.zero, shift.by, first if before is None else None
    old = float(before.value["zero"])
    zero = shift.zero if shift.zero is not None else round(old + (shift.by or 0), 9)
    by = round(zero - old, 9)
    if shift.by is not None and round(shift.by - by, 9) != 0:
        raise ShiftError(
            "the zero was {old:g} m: --zero {zero:g} m would move it by {by:+g} m, not by "
            "{by2:+g} m",
            old,
            zero,
            by,
            shift.by,
        )
    return zero, by, None


def _datum_fact(site: str, zero: float, at: datetime | None, *, illustrative: bool) -> Fact:
    return Fact(
        kind="datum",
        key=site,
        value={"zero": zero, "unit": "m"},
        where=_HERE,
        effective=at,
        illustrative=illustrative,
    )


def _require_latest(registry: Registry, kind: str, key: str, at: datetime) -> Revision | None:
    """The revision in force, if it is the last one. Raises ShiftError: there is a later one."""
    revisions = [
        revision for revision in registry.revisions if (revision.kind, revision.key) == (kind, key)
    ]
    later = [revision for revision in revisions if revision.effective > at]
    if later:
        what = "the zero" if kind == "datum" else f"{kind} {key}"
        raise ShiftError(
            "{what} was changed again from {effective} on, after --at: it is unclear which "
            "zero that refers to. Use that time or a later one, or move the levels by hand "
            "and use --keep-thresholds",
            what,
            format_value(later[0].effective),
        )
    return revisions[-1] if revisions else None


def _shift_levels(
    registry: Registry, shift: DatumShift, by: float, catalogue: Catalogue
) -> Iterator[Fact]:
    """Thresholds of the level at this site and its devices, and levels that reach assets."""
    devices = [name for name, revision in registry.devices.items() if revision.site == shift.site]
    owners = {shift.site, *(f"device/{name}" for name in devices)}
    for kind, key in dict.fromkeys(
        (revision.kind, revision.key) for revision in registry.revisions
    ):
        if kind == "threshold" and key.rpartition("/")[0] in owners:
            field = "value"
        elif kind == "reach":
            field = "level"
        else:
            continue
        revision = _find_in_force(registry, kind, key, shift.at)
        if (
            revision is None
            or revision.value is None
            or not _is_gauge_level(revision.value, kind, shift.site)
        ):
            continue
        _require_latest(registry, kind, key, shift.at)  # refuses a later revision
        level = round(float(revision.value[field]) - by, 9)
        _refuse_beyond(level, f"{kind} {key}", catalogue)
        yield Fact(
            kind=kind,
            key=key,
            value={**revision.value, field: level},
            where=_HERE,
            effective=shift.at,
            illustrative=revision.illustrative,
        )


def _find_in_force(registry: Registry, kind: str, key: str, at: datetime) -> Revision | None:
    revisions = [
        revision
        for revision in registry.revisions
        if (revision.kind, revision.key) == (kind, key) and revision.effective <= at
    ]
    return revisions[-1] if revisions else None


def _is_gauge_level(value: Mapping[str, Any], kind: str, site: str) -> bool:
    """Whether a fact is a height at this gauge in metres, not a rate."""
    if kind == "reach":
        return bool(value["gauge"] == site)
    return bool(value["quantity"] == _LEVEL and value["unit"] == "m")


def _refuse_beyond(level: float, what: str, catalogue: Catalogue) -> None:
    quantity = catalogue.quantities.get(_LEVEL)
    if quantity is not None and not quantity.low <= level <= quantity.high:
        raise ShiftError(
            "{what} would be {level:g} m, outside what {quantity} can be, {low:g}…{high:g} "
            "m: is --by the distance, and --zero the height?",
            what,
            level,
            _LEVEL,
            quantity.low,
            quantity.high,
        )


def _shift_ranges(registry: Registry, site: str, by: float) -> Iterator[Entry]:
    """Ranges of the devices in use."""
    for (name, quantity), series in registry.series.items():
        device = registry.devices[name]
        if quantity != _LEVEL or device.site != site or device.retired is not None:
            continue
        bounds = {"low": series.low, "high": series.high, "saturates": series.saturates}
        given = {field: round(at - by, 9) for field, at in bounds.items() if at is not None}
        if given:
            yield Entry(key=f"{name}/{quantity}", given=given, where=_HERE)
