"""What ingest decodes and checks against, made from the registry, the catalogue and the codecs."""

from collections.abc import Iterator, Mapping

from hypervisor.base.instants import micros
from hypervisor.registry.model import Registry
from ingest.ports import Channel, CodecSource, Devices, Inventory
from sensors._domain import Catalogue


def build_inventory(
    registry: Registry, catalogue: Catalogue, own: Mapping[str, CodecSource] | None = None
) -> Inventory:
    """Who may speak, for whom, of what, and how it is decoded; `own` codecs win over shipped ones.

    A gateway finds its devices by address and by name.
    """
    gateways: dict[str, dict[str, str]] = {name: {} for name in registry.gateways}
    each = registry.devices.values()
    for device in each:
        if device.gateway is not None:
            under = gateways.setdefault(device.gateway, {})
            under.setdefault(device.name.lower(), device.name)
    for device in each:  # an address wins over another device's name
        if device.gateway is not None and device.address is not None:
            gateways[device.gateway][device.address.lower()] = device.name
    return Inventory(
        devices=list_channels(registry, catalogue),
        gateways=gateways,
        addresses={d.name: d.address for d in each if d.address is not None},
        codecs={d.name: d.codec for d in each if d.codec is not None},
        models={d.name: d.model for d in each if d.model is not None},
        variables={
            d.name: d.properties["variables"]
            for d in each
            if isinstance(d.properties.get("variables"), Mapping)
        },
        own=own or {},
    )


def list_units(catalogue: Catalogue) -> Mapping[str, str]:
    """The unit in which each quantity is kept."""
    return {name: quantity.unit for name, quantity in catalogue.quantities.items()}


def list_channels(registry: Registry, catalogue: Catalogue) -> Devices:
    """Every device with its channels; a series of a quantity that no domain has is passed over."""
    channels_by_device: dict[str, dict[str, Channel]] = {name: {} for name in registry.devices}
    for device, quantity, channel in _iterate_channels(registry, catalogue):
        channels_by_device[device][quantity] = channel
    return channels_by_device


def _iterate_channels(
    registry: Registry, catalogue: Catalogue
) -> Iterator[tuple[str, str, Channel]]:
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
