"""What ingest decodes and checks against, from the registry, the catalogue and the codecs."""

from collections.abc import Mapping

from hypervisor.base.instants import micros_if
from hypervisor.registry.model import Registry
from ingest.ports import Channel, CodecSource, Devices, Inventory
from sensors._domain import Catalogue


def build_inventory(
    registry: Registry, catalogue: Catalogue, own: Mapping[str, CodecSource] | None = None
) -> Inventory:
    """Devices, their gateways, channels and codecs; `own` codecs replace shipped ones.

    A gateway finds its devices by address and by name.
    """
    gateways: dict[str, dict[str, str]] = {name: {} for name in registry.gateways}
    devices = registry.devices.values()
    for device in devices:
        if device.gateway is not None:
            names = gateways.setdefault(device.gateway, {})
            names.setdefault(device.name.lower(), device.name)
    for device in devices:  # an address wins over another device's name
        if device.gateway is not None and device.address is not None:
            gateways[device.gateway][device.address.lower()] = device.name
    return Inventory(
        devices=list_channels(registry, catalogue),
        gateways=gateways,
        addresses={d.name: d.address for d in devices if d.address is not None},
        codecs={d.name: d.codec for d in devices if d.codec is not None},
        models={d.name: d.model for d in devices if d.model is not None},
        variables={
            d.name: d.properties["variables"]
            for d in devices
            if isinstance(d.properties.get("variables"), Mapping)
        },
        own=own or {},
    )


def list_units(catalogue: Catalogue) -> Mapping[str, str]:
    """The unit in which each quantity is stored."""
    return {name: quantity.unit for name, quantity in catalogue.quantities.items()}


def list_channels(registry: Registry, catalogue: Catalogue) -> Devices:
    """Every device with its channels; a series whose quantity no domain defines is left out."""
    channels: dict[str, dict[str, Channel]] = {name: {} for name in registry.devices}
    for series in registry.series.values():
        quantity = catalogue.quantities.get(series.quantity)
        if quantity is None or series.id is None:
            continue
        channels[series.device][series.quantity] = Channel(
            series=series.id,
            unit=quantity.unit,
            low=quantity.low if series.low is None else series.low,
            high=quantity.high if series.high is None else series.high,
            saturates=series.saturates,
            retired=micros_if(registry.devices[series.device].retired),
        )
    return channels
