"""Counts of road users by the national schema (étalab, comptage des mobilités): three tables.

A site, its channels (a counter's quantity each) and their counts. The schema has no field for an
exercise: there every id and name says it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from hypervisor.readings import device_health, queries_latest
from hypervisor.readings.queries_latest import SiteRow
from hypervisor.registry import queries_devices
from hypervisor.registry.queries_devices import DeviceRow, SeriesRow
from hypervisor.standards.exports import (
    Source,
    Span,
    find_places,
    find_series,
    make_times,
    make_words,
    read_pieces,
)
from hypervisor.web.table_files import TEXT, TIME, WORD, Table
from sensors._quantity import Kind
from sensors._row import believed

SCHEMA = "https://schema.data.gouv.fr/etalab/schema-comptage-mobilites-"
_HOUR = timedelta(hours=1)
SITES = pa.schema(
    {
        **dict.fromkeys(("site_id", "parent_site_id", "site_name", "fr_insee_code"), TEXT),
        **dict.fromkeys(("xlong", "ylat"), pa.float64()),
        **dict.fromkeys(("external_ids", "infrastructure_type"), TEXT),
    }.items()
)
_TEXTS_OF_CHANNEL = (
    *("channel_id", "channel_provider_id", "site_provider_id", "site_id", "mobility_type"),
    *("comment", "counter_transmission_type", "publication_transmission_type", "counter_type"),
    *("direction", "provider_direction_code", "provider_direction_name", "data_provider_name"),
    "temporality",
)
CHANNELS = pa.schema(
    {
        **dict.fromkeys(_TEXTS_OF_CHANNEL, TEXT),
        **dict.fromkeys(("started_at", "ended_at", "last_updated_at"), TIME),
        "time_step": pa.float64(),
        "provider_portal_url": TEXT,
    }.items()
)
MEASURES = pa.schema(
    {
        **dict.fromkeys(("channel_id", "counter_id"), WORD),
        **dict.fromkeys(("start_datetime", "end_datetime"), TIME),
        "count": pa.float64(),
    }.items()
)


@dataclass(frozen=True, kw_only=True)
class _Channel:
    """A series that counts, where it is, and over which interval each reading counts."""

    series: SeriesRow
    device: DeviceRow
    site: SiteRow
    interval: timedelta
    users: str
    hourly: bool  # its readings are a rate an hour

    @property
    def name(self) -> str:
        return f"{self.series.device}:{self.series.quantity}"


def list_channels(source: Source) -> list[_Channel]:
    """Series that count road users at a place that is known, by number."""
    sites = {row.name: row for row in queries_latest.list_sites(source.connection)}
    devices = {row.name: row for row in queries_devices.list_devices(source.connection, source.now)}
    channels = []
    for row in find_series(source):
        quantity = source.catalogue.quantities.get(row.quantity)
        interval = device_health.expected_interval(row, source.catalogue)
        site = sites[row.site]
        placed = site.lon is not None and site.lat is not None
        if quantity is None or not quantity.road_users or interval is None or not placed:
            continue
        channels.append(
            _Channel(
                series=row,
                device=devices[row.device],
                site=site,
                interval=interval,
                users=quantity.road_users,
                hourly=quantity.kind is Kind.GAUGE,
            )
        )
    return channels


def tabulate_sites(source: Source, channels: Sequence[_Channel]) -> Table:
    """Where is counted."""
    sites = {channel.site.name: channel.site for channel in channels}
    rows = [
        {
            "site_id": _mark(source, site.name),
            "site_name": _mark(source, site.title),
            "fr_insee_code": None if site.commune is None else site.commune[0],
            "xlong": site.lon,
            "ylat": site.lat,
        }
        for site in sites.values()
    ]
    return _one_piece("sites", SITES, rows, source)


def tabulate_channels(source: Source, channels: Sequence[_Channel]) -> Table:
    """Who is counted, by which counter, since when and how often."""
    rows = [
        {
            "channel_id": _mark(source, channel.name),
            "site_id": _mark(source, channel.site.name),
            "mobility_type": channel.users,
            "comment": source.mode if source.mode != "LIVE" else None,
            "counter_transmission_type": "REMOTE TRANSMISSION",
            "publication_transmission_type": "API",
            "data_provider_name": source.instance,
            "temporality": "PERMANENT",
            "started_at": channel.device.commissioned,
            "ended_at": channel.device.retired,
            "time_step": channel.interval.total_seconds(),
        }
        for channel in channels
    ]
    return _one_piece("channels", CHANNELS, rows, source)


def tabulate_measures(source: Source, channels: Sequence[_Channel], span: Span) -> Table:
    """How many passed in each interval; none is said where the reading is missing or suspect."""
    series = [channel.series for channel in channels]
    lengths = np.array(
        [round(channel.interval / timedelta(microseconds=1)) for channel in channels]
    )
    shares = np.array([channel.interval / _HOUR if channel.hourly else 1.0 for channel in channels])

    def tabulate() -> Iterator[pa.RecordBatch]:
        for rows in read_pieces(source.connection, series, span):
            places = find_places(rows, series)
            counts = np.round(rows["value"] * shares[places], 2)
            good = believed(rows["value"], rows["quality"])
            yield pa.RecordBatch.from_arrays(
                [
                    make_words([_mark(source, each.name) for each in channels], places),
                    make_words([_mark(source, each.series.device) for each in channels], places),
                    make_times(rows["time"] - lengths[places]),
                    make_times(rows["time"]),
                    pa.array(counts, mask=~good),
                ],
                schema=MEASURES,
            )

    return Table(name="measures", schema=MEASURES, pieces=tabulate(), facts=source.facts)


def _one_piece(
    name: str, schema: pa.Schema, rows: Sequence[Mapping[str, object]], source: Source
) -> Table:
    pieces = [pa.RecordBatch.from_pylist(list(rows), schema=schema)]
    return Table(name=name, schema=schema, pieces=pieces, facts=source.facts)


def _mark(source: Source, text: str) -> str:
    return text if source.mode == "LIVE" else f"{source.mode} {text}"
