"""Panels of any domain: alarms as lanes, health of its devices."""

from dashboards._colours import (
    FEW_IS_GOOD,
    GREEN,
    GREY,
    ORANGE,
    PRIORITIES,
    RED,
    VIOLET,
    YELLOW,
    State,
    scale,
)
from dashboards._describe import Column, Panel, bar, coloured
from dashboards._links import site_page
from dashboards._sql import SINCE, UNTIL, before, hours, series_of, territory
from dashboards._views import Table, Timeline
from dashboards._widths import count_lanes
from dashboards._words import Text
from sensors._domain import Domain

HEALTH = (
    State("silent", Text("silent", "muette"), VIOLET, "✕"),
    State("doubtful", Text("doubtful", "douteuse"), ORANGE, "▲"),
    State("heard", Text("received", "reçue"), GREEN, "●"),
)


def alarm_lanes(domain: str, *, height: int = 10) -> Panel:
    """The alarms of a domain over time, a lane per site, by the highest active priority."""
    return _lanes(
        f"{domain}-alarms",
        Text("Alarms by site", "Alarmes par site"),
        Text(
            en="One lane per site: the highest priority of its active hazard alarms; blank: none."
            " Sites without alarms in the time range have no lane. Alarms withdrawn by a revision"
            " are left out.",
            fr="Une ligne par site : la plus haute priorité de ses alarmes de danger à chaque"
            " instant ; vide : aucune. Les sites sans alarme sur la période n'ont pas de ligne."
            " Les alarmes retirées par une révision n'y sont pas.",
        ),
        _query(domain, "hazard", height),
        size=(24, height),
    )


def fault_lanes(domain: str, *, width: int = 12, height: int = 10) -> Panel:
    """The faults of a domain's equipment over time, a lane per site."""
    return _lanes(
        f"{domain}-faults",
        Text("Faults of our own equipment", "Défauts de nos équipements"),
        Text(
            en="One lane per site: the highest priority of its active maintenance alarms: silent,"
            " stuck, jumping, blocked, low battery, wrong clock. Do not trust the readings of a"
            " site while its lane is coloured.",
            fr="Une ligne par site : la plus haute priorité de ses alarmes de maintenance : muet,"
            " figé, saut, bouché, batterie faible, horloge fausse. Tant que la ligne est colorée,"
            " ne pas se fier aux mesures du site.",
        ),
        _query(domain, "maintenance", height),
        size=(width, height),
    )


def worst_lanes(sql: str, height: int) -> str:
    """SQL: of lanes of priorities (`time`, `site`, `state`) the worst, as many as are read."""
    return f"""
    WITH every_lane AS ({sql}), worst AS (
        SELECT site FROM every_lane GROUP BY site
        ORDER BY min(severity_rank(state)), max(time) DESC, site LIMIT {count_lanes(height)}
    )
    SELECT time, site, state FROM every_lane JOIN worst USING (site) ORDER BY time, site
    """


def _query(domain: str, category: str, height: int) -> str:
    return worst_lanes(
        f"""
    SELECT lane.time AS time, site.title AS site, lane.severity AS state
    FROM alarm_lanes('{domain}', '{category}', {SINCE}, {UNTIL}) lane
    JOIN site ON site.id = lane.site WHERE {territory()}
    """,
        height,
    )


def _lanes(key: str, title: Text, about: Text, sql: str, *, size: tuple[int, int]) -> Panel:
    return Panel(
        key=key,
        title=title,
        about=about,
        view=Timeline(lane="site"),
        sql=sql,
        states=PRIORITIES,
        no_value=Text("none in the time shown", "aucune sur la période"),
        empty="no alarm in the time shown",
        width=size[0],
        height=size[1],
    )


# Columns of doubtful devices.
DOUBTS = (
    bar(
        "received",
        Text("Received, 24 h", "Reçu, 24 h"),
        "share",
        scale(RED, (0.6, ORANGE), (0.9, GREEN)),
        low=0,
        high=1,
        decimals=0,
    ),
    coloured("suspect", Text("Suspect", "Écartées"), "count", FEW_IS_GOOD),
    coloured("clock", Text("Wrong clock", "Horloge fausse"), "count", FEW_IS_GOOD),
    Column(
        "battery",
        Text("Battery", "Batterie"),
        quantity="battery",
        cell="text",
        steps=scale(RED, (20, YELLOW), (40, GREEN)),
    ),
)


def health(domain: Domain, title: Text, *quantities: str) -> Panel:
    """The health of the devices of a domain that measure one of these quantities."""
    return Panel(
        key=f"{domain.name}-health",
        title=title,
        about=Text(
            en="Each device and quantity at the end of the time range: age of the last reading and"
            " its limit; over the last 24 h the share received of the expected readings, the"
            " suspect readings and the messages with a wrong clock; battery.",
            fr="Chaque appareil et grandeur à la fin de la période : âge de la dernière mesure au"
            " regard de son propre délai de silence ; sur 24 h, part reçue des mesures attendues,"
            " mesures écartées et messages à l'horloge fausse ; batterie.",
        ),
        view=Table(),
        sql=_health(quantities),
        columns=(
            Column("site", hidden=True),
            Column("station", Text("Site", "Site"), links=(site_page(),)),
            Column("device", Text("Device", "Appareil")),
            Column(
                "quantity",
                Text("Quantity", "Grandeur"),
                states=_quantity_states(domain, quantities),
            ),
            Column("state", Text("State", "État"), states=HEALTH, cell="background"),
            Column("age", Text("Age", "Âge"), unit="min", decimals=0),
            Column("limit", Text("Silent from", "Muette dès"), unit="min", decimals=0),
            *DOUBTS,
        ),
        no_value=Text("no device", "aucun appareil"),
        width=24,
        height=12,
    )


def _quantity_states(domain: Domain, quantities: tuple[str, ...]) -> tuple[State, ...]:
    named = {quantity.name: quantity for quantity in domain.quantities}
    return tuple(
        State(name, Text(named[name].label_en, named[name].label_fr), GREY) for name in quantities
    )


_CLOCKS = """ARRAY(SELECT f.id FROM series f
    WHERE f.device = own.device_id AND f.quantity = 'clock_fault')"""


def _health(quantities: tuple[str, ...]) -> str:
    return f"""
WITH own AS MATERIALIZED (
    SELECT site.name AS site, site.title AS station, device.id AS device_id, device.name AS device,
           series.id AS series, series.quantity
    FROM unnest({series_of(*quantities)}) AS one (id) JOIN series ON series.id = one.id
    JOIN device ON device.id = series.device JOIN site ON site.id = device.site
    WHERE device.commissioned <= {UNTIL} AND (device.retired IS NULL OR device.retired > {UNTIL})
), told AS MATERIALIZED (
    SELECT own.*, newest.time, coalesce(k.stale_s, 3 * k.interval_s) AS stale_s, k.interval_s,
           day.received, day.suspect,
           (SELECT sum(fault.sum) FROM {hours(_CLOCKS, before(UNTIL, "24 hours"))} AS fault
           ) AS clock,
           (SELECT charge.value FROM series b CROSS JOIN LATERAL last_reading(b.id, {UNTIL}) charge
            WHERE b.device = own.device_id AND b.quantity = 'battery') AS battery
    FROM own LEFT JOIN LATERAL last_reading(own.series, {UNTIL}) newest ON true
    LEFT JOIN LATERAL cadence_at(own.device, own.quantity, {UNTIL}) k ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS received, count(*) FILTER (WHERE reading.quality & 7 <> 0) AS suspect
        FROM reading WHERE reading.series_id = own.series
         AND reading.time > {before(UNTIL, "24 hours")} AND reading.time <= {UNTIL}
    ) day ON true
)
SELECT site, station, device, quantity,
       CASE WHEN time IS NULL OR {UNTIL} - time > make_interval(secs => stale_s) THEN 'silent'
            WHEN suspect > 0 OR clock > 0 THEN 'doubtful' ELSE 'heard' END AS state,
       extract(epoch FROM {UNTIL} - time)::float8 / 60 AS age, stale_s / 60 AS limit,
       least(1, received * interval_s / 86400) AS received, suspect, coalesce(clock, 0) AS clock,
       battery
FROM told ORDER BY CASE WHEN time IS NULL OR {UNTIL} - time > make_interval(secs => stale_s) THEN 0
                        WHEN suspect > 0 OR clock > 0 THEN 1 ELSE 2 END, received, station, device
"""
