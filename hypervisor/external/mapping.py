"""How alerts become alarms: which labels give severity, place and title."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypervisor.base.person import Territory
from hypervisor.base.words import EXTERNAL_DOMAIN
from hypervisor.external.model import Alert, Wording
from rules._rule import CATEGORIES, SEVERITIES
from sensors._domain import catalogue

HOUR = 3_600_000_000
_MOST = 5_000  # as many as the list of alarms shows
_FIELD = re.compile(r"\{([^{}]+)\}")
_LONGEST_TITLE, _LONGEST_ADVICE = 300, 4_000  # characters
_SEVERITIES = {
    **dict.fromkeys(("critical", "emergency", "fatal", "page", "disaster", "p1"), "critical"),
    **dict.fromkeys(("major", "error", "high", "p2"), "major"),
    **dict.fromkeys(("minor", "warning", "warn", "medium", "average", "p3"), "minor"),
    **dict.fromkeys(("info", "information", "notice", "low", "none", "p4", "p5"), "info"),
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A value by the first of these labels that an alert has.

    `values`: what a label's value means here; one that is not among them stands for itself.
    """

    labels: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None

    def read(self, alert: Alert) -> str | None:
        """The value; None: no label gives one."""
        for label in self.labels:
            written = alert.labels.get(label)
            if written:
                return self.values.get(written) or self.values.get(written.lower()) or written
        return self.default

    def read_word(self, alert: Alert, allowed: tuple[str, ...], otherwise: str) -> str:
        """The value, where it is one of these words; else the default."""
        value = self.read(alert)
        return value if value in allowed else self.default or otherwise


@dataclass(frozen=True, kw_only=True)
class SourceMapping:
    """How the alerts of one source are read. `title`, `advice`: templates; the first that fits.

    `stale_after` (µs): an alarm that is not repeated for so long is stale. `most`: open alarms.
    """

    severity: Choice = Choice(
        labels=("severity", "priority", "level"), values=_SEVERITIES, default="major"
    )
    site: Choice = Choice(labels=("site",))
    commune: Choice = Choice(labels=("commune", "insee"))
    domain: Choice = Choice(default=EXTERNAL_DOMAIN)
    category: Choice = Choice(default="hazard")
    title: tuple[str, ...] = ("{summary}", "{alertname}: {instance}", "{alertname}")
    advice: tuple[str, ...] = ("{description}", "{message}")
    stale_after: int = 9 * HOUR  # twice the `repeat_interval` that both systems begin with
    most: int = _MOST


@dataclass(frozen=True, kw_only=True)
class Places:
    """Sites by name, with their commune; communes by code and, folded, by name."""

    sites: Mapping[str, str | None] = field(default_factory=dict)
    communes: Mapping[str, str] = field(default_factory=dict)

    def find(self, site: str | None, commune: str | None) -> tuple[str | None, str | None]:
        """The site, else the code of the commune, that these words name."""
        if site is not None and site in self.sites:
            return site, self.sites[site]
        return None, self.communes.get((commune or "").strip().casefold())

    def within(self, territory: Territory) -> "Places":
        """Those of a territory."""
        return Places(
            sites={name: code for name, code in self.sites.items() if territory.holds(code)},
            communes={name: code for name, code in self.communes.items() if territory.holds(code)},
        )


def describe(alert: Alert, mapping: SourceMapping, places: Places) -> Wording:
    """The alert as an alarm."""
    domains = (EXTERNAL_DOMAIN, *catalogue().domains)
    site, commune = places.find(mapping.site.read(alert), mapping.commune.read(alert))
    advice = _fill_in(mapping.advice, alert)
    runbook = alert.annotations.get("runbook_url", "")
    return Wording(
        title=" ".join(_fill_in(mapping.title, alert).split())[:_LONGEST_TITLE]
        or alert.fingerprint,
        advice="\n".join(filter(None, (advice, runbook)))[:_LONGEST_ADVICE],
        severity=mapping.severity.read_word(alert, SEVERITIES, "major"),
        domain=mapping.domain.read_word(alert, domains, EXTERNAL_DOMAIN),
        category=mapping.category.read_word(alert, tuple(CATEGORIES), "hazard"),
        site=site,
        commune=None if site else commune,
    )


def names_place(alert: Alert, mapping: SourceMapping) -> bool:
    """Whether it names a site or a commune, ours or not."""
    return bool(mapping.site.read(alert) or mapping.commune.read(alert))


def _fill_in(templates: tuple[str, ...], alert: Alert) -> str:
    """The first template of which the alert has all labels and annotations; else empty."""
    texts = {**alert.labels, **alert.annotations}
    for template in templates:
        if all(texts.get(name) for name in _FIELD.findall(template)):
            return _FIELD.sub(lambda match: texts[match[1]], template).strip()
    return ""
