"""Parking over time: occupancy against the spaces, entries and exits, differences of counts."""

from dashboards._colours import GREEN, ORANGE, RED, scale
from dashboards._describe import Panel
from dashboards._gaps import break_lines, bridge_gaps
from dashboards._parking_now import SPACES
from dashboards._sql import BAR, EVERY, readings
from dashboards._views import TimeSeries
from dashboards._words import Text

_NOTHING = Text("nothing was measured", "rien n'a été mesuré")
# Sensors tell at changes and once an hour: less than an hour would miss spaces that stay as they
# are.
_SEEN = f"greatest({EVERY}, interval '1 hour')"


def _each(name: str, quantity: str, value: str, every: str) -> str:
    """SQL: a common table `name` of `value` by car park and piece of time."""
    return f"""
    {name} AS (
        SELECT site.name AS site, site.title, bucket.time, {value} AS value
        FROM {readings(quantity, every=every)} GROUP BY site.name, site.title, bucket.time
    )"""


COURSE = Panel(
    key="parking-course",
    title=Text("Course of the day against the spaces", "Cours de la journée face aux places"),
    about=Text(
        en="Vehicles by the barriers' count as a share of the car park's spaces. Above the line"
        " (97 %) it is full; above 100 % the count has drifted, or vehicles stand outside the"
        " spaces.",
        fr="Véhicules comptés par les barrières, en part des places du parc. Au-dessus de la ligne"
        " (97 %), il est complet ; au-delà de 100 %, le comptage a dérivé ou des véhicules sont"
        " hors des places.",
    ),
    view=TimeSeries(width=2, soft_min=0, soft_max=105, steps_drawn="dashed"),
    unit="%",
    decimals=0,
    steps=scale(GREEN, (97, ORANGE)),
    sql=break_lines(
        f"""
    SELECT bucket.time, site.title AS metric,
           100 * bucket.mean / nullif(limits.spaces, 0) AS value
    FROM {readings("vehicles_present")} JOIN {SPACES} limits ON limits.site = site.name
    """
    ),
    refine=bridge_gaps,
    no_value=_NOTHING,
    width=15,
    height=10,
)
TRAFFIC = Panel(
    key="parking-traffic",
    title=Text("Entries and exits", "Entrées et sorties"),
    about=Text(
        en="Vehicles through the barriers of the chosen car parks per hour (beyond three days: per"
        " day); exits point down. Over a whole day the two are equal, or vehicles stay overnight.",
        fr="Véhicules passés aux barrières des parcs choisis, par heure (au-delà de trois jours :"
        " par jour) ; les sorties vers le bas. Sur un jour entier les deux sont égales, sauf"
        " véhicules restés la nuit.",
    ),
    view=TimeSeries(draw="bars", stacked=True),
    unit="{veh}",
    decimals=0,
    sql=f"""
    SELECT bucket.time,
           CASE series.quantity WHEN 'parking_entries'
                THEN CASE {{{{lang}}}} WHEN 'fr' THEN 'entrées' ELSE 'entries' END
                ELSE CASE {{{{lang}}}} WHEN 'fr' THEN 'sorties' ELSE 'exits' END END AS metric,
           sum(CASE series.quantity WHEN 'parking_entries' THEN 1 ELSE -1 END * bucket.total)
           AS value
    FROM {readings("parking_entries", "parking_exits", every=BAR)}
    GROUP BY bucket.time, series.quantity ORDER BY bucket.time, metric
    """,
    no_value=_NOTHING,
    empty="a short time range holds no full hour",
    width=24,
    height=8,
)
APART = Panel(
    key="parking-apart",
    title=Text("Sensors less barriers", "Capteurs moins barrières"),
    about=Text(
        en="Vehicles by the spaces' sensors (share of taken spaces times the spaces) less the"
        " barriers' count, as a share of the spaces; car parks with sensors only. A line that walks"
        " away is a drifting count: reset it. The rule's limit is 15 %.",
        fr="Véhicules vus par les capteurs (part des places prises, fois les places) moins comptage"
        " des barrières, en part des places ; parcs à capteurs seulement. Une courbe qui"
        " s'éloigne : le comptage dérive, le recaler. La règle alerte à 15 %.",
    ),
    view=TimeSeries(width=2, soft_min=-20, soft_max=20, steps_drawn="dashed"),
    unit="%",
    decimals=0,
    steps=scale(RED, (-15, GREEN), (15, RED)),
    sql=f"""
    WITH {_each("seen", "space_occupied", "avg(bucket.last)", _SEEN)},
    {_each("counted", "vehicles_present", "max(bucket.last)", _SEEN)}
    SELECT seen.time, seen.title AS metric,
           100 * (seen.value - counted.value / nullif(limits.spaces, 0)) AS value
    FROM seen JOIN counted USING (site, time) JOIN {SPACES} limits USING (site)
    ORDER BY seen.time, metric
    """,
    refine=bridge_gaps,
    no_value=Text("no car park with sensors", "aucun parc équipé de capteurs"),
    empty="no car park with sensors in the spaces",
    width=12,
    height=9,
)
SIGN = Panel(
    key="parking-sign",
    title=Text("Sign less free spaces", "Panneau moins places libres"),
    about=Text(
        en="Free spaces that the sign shows less those that are free by the barriers' count. Above"
        " zero it sends drivers to spaces that do not exist; below, it keeps them away. A slope is"
        " a sign that stands still.",
        fr="Places affichées moins places libres d'après les barrières. Au-dessus de zéro, il"
        " envoie vers des places qui n'existent pas ; en dessous, il les détourne. Une pente : le"
        " panneau est figé.",
    ),
    view=TimeSeries(width=2, soft_min=-10, soft_max=10),
    unit="count",
    decimals=0,
    sql=f"""
    WITH {_each("shown", "spaces_shown", "max(bucket.last)", EVERY)},
    {_each("counted", "vehicles_present", "max(bucket.last)", EVERY)}
    SELECT shown.time, shown.title AS metric,
           shown.value - greatest(limits.spaces - counted.value, 0) AS value
    FROM shown JOIN counted USING (site, time) JOIN {SPACES} limits USING (site)
    ORDER BY shown.time, metric
    """,
    refine=bridge_gaps,
    interval="10m",
    no_value=_NOTHING,
    width=12,
    height=9,
)
