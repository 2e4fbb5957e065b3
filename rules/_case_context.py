"""What surrounds the subject of a case: its calendar, the sites upstream, who closed what."""

import yaml

from rules._case import Above
from rules._case_parts import CaseParts
from rules._errors import RuleError
from rules._inputs import Calendar, Closing, Steps

USUAL = Calendar(zone="Europe/Paris", lon=2.44, lat=48.63)  # Évry
_UPSTREAM = ("lag", "thresholds")


def read_calendar(parts: CaseParts) -> Calendar:
    """`calendar: {zone: Europe/Paris, lon: 2.44, lat: 48.63}`, which is the usual one."""
    if "calendar" not in parts.parts:
        return USUAL
    calendar = parts.source.mapping(parts.parts["calendar"], "calendar", ("zone", "lon", "lat"))
    return Calendar(
        zone=parts.source.text(calendar["zone"], "a zone") if "zone" in calendar else USUAL.zone,
        lon=parts.number(calendar["lon"]) if "lon" in calendar else USUAL.lon,
        lat=parts.number(calendar["lat"]) if "lat" in calendar else USUAL.lat,
    )


def read_upstream(parts: CaseParts) -> dict[str, Above]:
    """`upstream: {mill: {lag: 2 h, thresholds: {alert: 2}}}`; the lag may be pairs, as a fact."""
    sites: dict[str, Above] = {}
    for site, node in parts.mapping("upstream").items():
        own = parts.source.mapping(node, f"site {site}", _UPSTREAM)
        if "lag" not in own:
            raise RuleError(parts.source.place(node), "site {site} needs a `lag`, as 2 h", site)
        thresholds: dict[str, Steps] = {}
        if "thresholds" in own:
            written = parts.source.mapping(own["thresholds"], "thresholds")
            thresholds = {name: parts.steps(value) for name, value in written.items()}
        sites[site] = Above(lag=spans(parts, own["lag"]), thresholds=thresholds)
    return sites


def spans(parts: CaseParts, node: yaml.Node) -> int | Steps:
    """A duration that always holds, or pairs of a time and a duration."""
    if isinstance(node, yaml.ScalarNode):
        return parts.duration(node)
    pairs = [(parts.time(when), parts.duration(span)) for when, span in parts.pairs(node)]
    return Steps.of((at, float(span)) for at, span in pairs)


def read_closings(parts: CaseParts) -> tuple[Closing, ...]:
    """`closed: [["00:20", martin]]`: when, and by whom."""
    if "closed" not in parts.parts:
        return ()
    return tuple(
        Closing(at=parts.time(at), reason=f"closed by {parts.source.text(who, 'an author')}")
        for at, who in parts.pairs(parts.parts["closed"])
    )
