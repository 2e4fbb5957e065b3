"""Public Wi-Fi: hotspots that are down by commune, links that are cut, crowds beyond capacity."""

from dashboards._colours import (
    FEW_IS_GOOD,
    GREEN,
    GREY,
    NONE_IS_GOOD,
    ORANGE,
    RED,
    VIOLET,
    YELLOW,
    State,
    scale,
)
from dashboards._describe import Column, Dashboard, Panel, Section, bar, coloured, count_column
from dashboards._field_alarms import AMBER
from dashboards._lanes import alarm_lanes, fault_lanes, health
from dashboards._links import site_page
from dashboards._sites_now import (
    Last,
    limits,
    open_alarms,
    site_columns,
    site_values,
    state_column,
    worst_first,
)
from dashboards._sql import EVERY, UNTIL, before, readings
from dashboards._views import Geomap, Stat, Table, Timeline, TimeSeries
from dashboards._words import Text
from sensors.wifi import DOMAIN

STATE = (
    State("cut", Text("back-haul down", "collecte coupée"), RED, "■"),
    State("down", Text("down", "hors service"), ORANGE, "▼"),
    State("silent", Text("silent", "muette"), VIOLET, "✕"),
    State("crowd", Text("crowd", "affluence"), AMBER, "▲"),
    State("noisy", Text("frames sent again", "trames réémises"), GREY, "◆"),
    State("fine", Text("in service", "en service"), GREEN, "●"),
)
UP = (
    State("down", Text("down", "hors service"), RED, "■"),
    State("up", Text("in service", "en service"), GREEN, "●"),
)
USED = scale(GREEN, (75, YELLOW), (100, ORANGE), (150, RED))  # % of the terminals it can serve
ERRORS = scale(GREY, (20, YELLOW), (33, ORANGE))  # % of the frames
DOWN = scale(GREEN, (1, YELLOW), (30, ORANGE), (50, RED))  # % of a commune's hotspots

_HOTSPOTS = site_values(
    reached=Last("hotspot_reachable", "1 hour", over="min"),
    clients=Last("wifi_clients", "1 hour", over="sum"),
    throughput=Last("wifi_throughput", "1 hour", over="sum"),
    errors=Last("wifi_errors", "1 hour"),
)
_LINKS = site_values(up=Last("backhaul_up", "1 hour", over="min"))

# A row per hotspot. `cut`: it is down, and so is a back-haul of its commune.
HOTSPOTS = f"""(
WITH hotspot AS ({_HOTSPOTS}
), link AS ({_LINKS}
)
SELECT hotspot.*, coalesce(area.name, '–') AS town, limits.capacity,
       100 * clients / nullif(limits.capacity, 0) AS used, CASE
    WHEN heard < {before(UNTIL, "1 hour")} OR reached IS NULL THEN 'silent'
    WHEN reached = 0 AND EXISTS (SELECT FROM link
        WHERE link.commune = hotspot.commune AND link.up = 0) THEN 'cut'
    WHEN reached = 0 THEN 'down'
    WHEN clients > limits.capacity THEN 'crowd'
    WHEN errors > 33 THEN 'noisy'
    ELSE 'fine' END AS state
FROM hotspot LEFT JOIN area ON area.code = hotspot.commune
LEFT JOIN {limits(capacity="wifi_capacity")} limits ON limits.site = hotspot.name)"""  # noqa: RUF001  a dash is what stands for nothing

NOW = Panel(
    key="wifi-now",
    title=Text("Now", "Maintenant"),
    about=Text(
        en="Back-hauls down, hotspots down (those that wait for a back-haul among them), hotspots"
        " with more terminals than they can serve, hotspots not heard for an hour, terminals"
        " connected, and open alarms, at the end of the time range.",
        fr="Liens de collecte coupés, bornes hors service (y compris celles qui attendent un lien),"
        " bornes avec plus de terminaux qu'elles n'en servent, bornes muettes depuis une heure,"
        " terminaux connectés et alarmes ouvertes, à la fin de la période.",
    ),
    view=Stat(colour="background", text="value_and_name"),
    sql=f"""
    SELECT (SELECT count(*) FROM ({_LINKS}) link WHERE up = 0)::int AS links,
           count(*) FILTER (WHERE state IN ('cut', 'down'))::int AS down,
           count(*) FILTER (WHERE state = 'crowd')::int AS crowded,
           count(*) FILTER (WHERE state = 'silent')::int AS silent,
           sum(clients)::int AS clients, {open_alarms("wifi")} AS alarms
    FROM {HOTSPOTS} n
    """,
    columns=(
        count_column("links", "back-hauls down", "liens coupés", NONE_IS_GOOD),
        count_column("down", "hotspots down", "bornes hors service", FEW_IS_GOOD),
        count_column("crowded", "crowded", "saturées", FEW_IS_GOOD),
        count_column("silent", "silent", "muettes", FEW_IS_GOOD),
        count_column("clients", "terminals", "terminaux", scale(GREY, (1, GREEN))),
        count_column("alarms", "open alarms", "alarmes ouvertes", FEW_IS_GOOD),
    ),
    no_value="–",  # noqa: RUF001  a dash is what stands for nothing
    width=24,
    height=4,
)

COMMUNES = Panel(
    key="wifi-communes",
    title=Text("By commune", "Par commune"),
    about=Text(
        en="Hotspots of each commune, how many are down and their share; back-hauls down;"
        " terminals connected and their share of what its hotspots can serve. Half of the hotspots"
        " down, but no back-haul: look for a supply or a switch that they share.",
        fr="Bornes de chaque commune, combien sont hors service et leur part ; liens de collecte"
        " coupés ; terminaux connectés, en part de ce que ses bornes peuvent servir. La moitié des"
        " bornes hors service sans lien coupé : chercher une alimentation ou un commutateur"
        " commun.",
    ),
    view=Table(),
    sql=f"""
    WITH link AS (
        SELECT commune, count(*) FILTER (WHERE up = 0)::int AS cut FROM ({_LINKS}) l
        GROUP BY commune
    )
    SELECT n.town, count(*)::int AS hotspots,
           count(*) FILTER (WHERE n.state IN ('cut', 'down'))::int AS down,
           100.0 * count(*) FILTER (WHERE n.state IN ('cut', 'down')) / count(*) AS share,
           coalesce(max(link.cut), 0) AS cut, sum(n.clients) AS clients,
           100 * sum(n.clients) / nullif(sum(n.capacity), 0) AS used
    FROM {HOTSPOTS} n LEFT JOIN link ON link.commune = n.commune
    GROUP BY n.town ORDER BY cut DESC, share DESC, used DESC NULLS LAST, n.town
    """,
    columns=(
        Column("town", Text("Commune", "Commune")),
        Column("hotspots", Text("Hotspots", "Bornes"), unit="count", decimals=0),
        coloured("down", Text("Down", "Hors service"), "count", FEW_IS_GOOD, decimals=0),
        coloured("share", Text("Of them", "Part"), "%", DOWN, decimals=0),
        coloured("cut", Text("Links down", "Liens coupés"), "count", NONE_IS_GOOD, decimals=0),
        Column("clients", Text("Terminals", "Terminaux"), unit="count", decimals=0),
        bar("used", Text("Of capacity", "De la capacité"), "%", USED, low=0, high=150, decimals=0),
    ),
    timeless="the last reading of a hotspot may be older than the time range",
    width=14,
    height=8,
)

MAP = Panel(
    key="wifi-map",
    title=Text("Terminals against capacity", "Terminaux et capacité"),
    about=Text(
        en="Each hotspot: terminals as a share of those that it can serve. Grey: down or silent.",
        fr="Chaque borne : terminaux, en part de ceux qu'elle peut servir. Gris : hors service ou"
        " muette.",
    ),
    view=Geomap(colour_by="used", size=9),
    sql=f"""
    SELECT lat, lon, title, CASE WHEN state NOT IN ('cut', 'down') THEN used END AS used,
           clients, state, name AS site
    FROM {HOTSPOTS} n ORDER BY used NULLS FIRST
    """,
    columns=(
        Column("used", Text("Of capacity", "De la capacité"), unit="%", decimals=0, steps=USED),
        Column("title", Text("Hotspot", "Borne"), links=(site_page(),)),
        Column("clients", Text("Terminals", "Terminaux"), unit="count", decimals=0),
        Column("state", Text("State", "État"), states=STATE),
        Column("site", hidden=True),
    ),
    timeless="the last reading of a hotspot may be older than the time range",
    width=10,
    height=8,
)

TABLE = Panel(
    key="wifi-hotspots",
    title=Text("Hotspot by hotspot", "Borne par borne"),
    about=Text(
        en="Last readings, not older than an hour; faults first. Back-haul down: the hotspot is"
        " down, and so is a link of its commune: it waits for it. Frames sent again: above a third,"
        " a neighbour is on its channel, or an antenna hangs.",
        fr="Dernières mesures, de moins d'une heure ; défauts d'abord. Collecte coupée : la borne"
        " est hors service et un lien de sa commune aussi ; elle l'attend. Trames réémises :"
        " au-delà d'un tiers, un voisin occupe son canal, ou une antenne pend.",
    ),
    view=Table(filterable=True),
    sql=f"""
    SELECT name AS site, title, town, state, clients, capacity, used, throughput, errors
    FROM {HOTSPOTS} n ORDER BY {worst_first(STATE)}, used DESC NULLS LAST, title
    """,
    columns=(
        *site_columns(Text("Hotspot", "Borne")),
        Column("town", Text("Commune", "Commune")),
        state_column(STATE, calm=("fine",)),
        Column("clients", Text("Terminals", "Terminaux"), unit="count", decimals=0),
        Column("capacity", Text("Serves", "Capacité"), unit="count", decimals=0),
        bar("used", Text("Of capacity", "De la capacité"), "%", USED, low=0, high=150, decimals=0),
        Column("throughput", Text("Throughput", "Débit"), quantity="wifi_throughput"),
        coloured("errors", Text("Sent again", "Réémises"), "%", ERRORS, decimals=0),
    ),
    no_value=Text("no hotspot", "aucune borne"),
    timeless="the last reading of a hotspot may be older than the time range",
    width=24,
    height=9,
)

SERVICE = Panel(
    key="wifi-service",
    title=Text("Hotspots and back-hauls in service", "Bornes et liens en service"),
    about=Text(
        en="One lane per hotspot and per back-haul. When the lanes of a commune turn red together,"
        " its back-haul's is red, too; if not, they share something else.",
        fr="Une ligne par borne et par lien de collecte. Quand les lignes d'une commune passent au"
        " rouge ensemble, celle de son lien l'est aussi ; sinon, elles partagent autre chose.",
    ),
    view=Timeline(lane="site", row_height=0.85),
    states=UP,
    sql=f"""
    SELECT bucket.time, site.title AS site,
           CASE WHEN min(bucket.low) > 0 THEN 'up' ELSE 'down' END AS state
    FROM {readings("hotspot_reachable", "backhaul_up", every=EVERY)}
    GROUP BY bucket.time, site.title ORDER BY bucket.time, site
    """,
    points=200,
    no_value=Text("nothing was polled", "rien n'a été interrogé"),
    empty="no hotspot was polled in the time range",
    width=24,
    height=9,
)


def _course(key: str, quantity: str, title: Text, about: Text) -> Panel:
    return Panel(
        key=key,
        title=title,
        about=about,
        view=TimeSeries(soft_min=0),
        quantity=quantity,
        sql=f"""
    SELECT bucket.time, site.title AS metric, bucket.mean AS value
    FROM {readings(quantity, every=EVERY)} ORDER BY bucket.time, metric
    """,
        no_value=Text("nothing was measured", "rien n'a été mesuré"),
        empty="no hotspot measured in the time range",
        width=12,
        height=9,
    )


CLIENTS = _course(
    "wifi-clients",
    "wifi_clients",
    Text("Terminals connected", "Terminaux connectés"),
    Text(
        en="Terminals of each hotspot: a fair or a match shows here before another sensor says so.",
        fr="Terminaux de chaque borne : une fête ou un match se voit ici avant tout autre capteur.",
    ),
)
THROUGHPUT = _course(
    "wifi-throughput",
    "wifi_throughput",
    Text("Throughput", "Débit"),
    Text(
        en="What each hotspot carries, both ways.",
        fr="Le débit de chaque borne, dans les deux sens.",
    ),
)
RESENT = _course(
    "wifi-errors",
    "wifi_errors",
    Text("Frames sent again", "Trames réémises"),
    Text(
        en="Usually below 10 %. A crowd raises it for hours, a neighbour on the channel for days.",
        fr="D'ordinaire sous 10 %. Une foule l'élève pour des heures, un voisin de canal pour des"
        " jours.",
    ),
)

DASHBOARD = Dashboard(
    key="wifi",
    title=Text("Public Wi-Fi", "Wi-Fi public"),
    about=Text(
        en="Hotspots down by commune, back-hauls, crowds beyond what hotspots serve, frames sent"
        " again.",
        fr="Bornes hors service par commune, liens de collecte, affluences au-delà de la capacité,"
        " trames réémises.",
    ),
    domains=("wifi",),
    since="now-48h",
    panels=(
        NOW,
        COMMUNES,
        MAP,
        TABLE,
        SERVICE,
        CLIENTS,
        THROUGHPUT,
        Section(
            key="wifi-alarms-section",
            title=Text("Alarms and faults", "Alarmes et défauts"),
            panels=(alarm_lanes("wifi", height=7), fault_lanes("wifi", width=24, height=8)),
        ),
        Section(
            key="wifi-devices",
            title=Text("Radio and devices", "Radio et appareils"),
            panels=(
                RESENT,
                health(
                    DOMAIN,
                    Text("Health of hotspots and routers", "Santé des bornes et routeurs"),
                    "wifi_clients",
                    "backhaul_up",
                ),
            ),
        ),
    ),
)
