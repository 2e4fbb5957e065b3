"""What ingest checks against, made from the registry and the catalogue."""

from collections.abc import Iterator

from hypervisor.instants import micros
from hypervisor.registry.model import Registry
from ingest.ports import Channel, Devices
from sensors._domain import Catalogue


def devices(registry: Registry, catalogue: Catalogue) -> Devices:
    """Every device with its channels; a series of a quantity that no domain has is passed over."""
    found: dict[str, dict[str, Channel]] = {name: {} for name in registry.devices}
    for device, quantity, channel in _channels(registry, catalogue):
        found[device][quantity] = channel
    return found


def _channels(registry: Registry, catalogue: Catalogue) -> Iterator[tuple[str, str, Channel]]:
    for series in registry.series.values():
        quantity = catalogue.quantities.get(series.quantity)
        if quantity is None or series.id is None:
            continue
        retired = registry.devices[series.device].retired
        channel = Channel(
            series=series.id,
            unit=quantity.unit,
            low=quantity.low if series.low is None else series.low,
            high=quantity.high if series.high is None else series.high,
            saturates=series.saturates,
            retired=None if retired is None else micros(retired),
        )
        yield series.device, series.quantity, channel
