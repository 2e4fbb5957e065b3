"""Mobility: detector validity, closures, open alarms."""

from dashboards._colours import GREEN, GREY, ORANGE, RED, State, Step, scale
from dashboards._describe import Column, Panel, Section, coloured
from dashboards._field_alarms import AMBER, QUIET, lane, open_table, quiet
from dashboards._links import site_page
from dashboards._mobility_now import CHECKED_DAY, VERDICT
from dashboards._sites_now import site_columns
from dashboards._sql import SINCE, UNTIL, readings, territory
from dashboards._views import StatusHistory, Table
from dashboards._words import Text

_WHOLE = (
    f"CASE WHEN {UNTIL} - {SINCE} <= interval '4 days' THEN interval '1 hour'"
    " ELSE interval '1 day' END"
)


def _share(name: str, en: str, fr: str, *steps: Step) -> Column:
    return coloured(name, Text(en, fr), "%", (Step(None, QUIET), *steps), decimals=0)


_CHECKS = Panel(
    key="mobility-checks",
    title=Text("Detector validity", "Validité des capteurs"),
    about=Text(
        en="The daily checks of the last day whose hours 05 to 22 are over: at least 60 %"
        " received; occupancy at zero in less than 59 % of samples (90 % where the site is marked"
        " rural); above 70 % in less than 20 %; occupied without flow in less than 5 %; not the"
        " same all day; no four hours without a vehicle where a road carries more than 1,500"
        " veh/h. The limits come from samples of thirty seconds: ours are longer, so that zero is"
        " rarer.",
        fr="Contrôles du dernier jour dont la plage 5 h - 22 h est achevée : au moins 60 % reçus ;"
        " occupation nulle dans moins de 59 % des relevés (90 % si le site est déclaré rural) ;"
        " au-dessus de 70 % dans moins de 20 % ; occupé sans débit dans moins de 5 % ; non figé ;"
        " pas quatre heures sans véhicule sur une route de plus de 1 500 véh/h. Ces limites valent"
        " pour des relevés de trente secondes : les nôtres sont plus longs, le zéro y est plus"
        " rare.",
    ),
    view=Table(),
    sql=f"""
    SELECT c.name AS site, c.title, c.verdict, c.received, c.zero, c.full_ AS busy,
           c.against, c.idle
    FROM road_checks({CHECKED_DAY}) c WHERE {territory("c")}
    ORDER BY c.verdict = 'valid', c.received, c.title
    """,
    columns=(
        *site_columns(Text("Station", "Station")),
        Column(
            "verdict",
            Text("Verdict", "Verdict"),
            states=quiet(VERDICT, ("valid",)),
            cell="text",
        ),
        coloured(
            "received",
            Text("Heard", "Reçu"),
            "%",
            scale(RED, (60, ORANGE), (90, QUIET)),
            decimals=0,
        ),
        _share("zero", "Empty", "Nulle", Step(59, RED)),
        _share("busy", "> 70 %", "> 70 %", Step(20, RED)),
        _share("against", "No flow", "Sans débit", Step(5, ORANGE)),
        coloured(
            "idle",
            Text("Idle", "À vide"),
            "h",
            scale(QUIET, (4, ORANGE)),
            decimals=1,
        ),
    ),
    width=24,
    height=14,
)

_RECEIVED = Panel(
    key="mobility-received",
    title=Text("Received share", "Part reçue"),
    about=Text(
        en="Share received of the expected flow readings, an hour per cell (over more than four"
        " days: a day). A column of gaps points to the network, a row to a station.",
        fr="Part reçue des relevés de débit attendus, une heure par case (au-delà de quatre jours"
        " : un jour). Une colonne de trous indique le réseau, une ligne la station.",
    ),
    view=StatusHistory(lane="station", pages=True),
    unit="%",
    decimals=0,
    steps=scale(RED, (60, ORANGE), (90, GREEN)),
    sql=f"""
    SELECT bucket.time, replace(site.title, ', vers ', ' → ') AS station,
           least(100, 100 * bucket.count * coalesce(c.interval_s, 360)
                      / extract(epoch FROM {_WHOLE}))::float8 AS state
    FROM {readings("traffic_flow", every=_WHOLE)}
    LEFT JOIN LATERAL cadence_at(device.name, 'traffic_flow', {UNTIL}) c ON true
    WHERE bucket.time + {_WHOLE} <= {UNTIL}
    ORDER BY 1, 2
    """,
    empty="no full hour or day in the time range",
    width=24,
    height=14,
)

_WORKS = Panel(
    key="mobility-works",
    title=Text("Closures and works", "Fermetures et travaux"),
    about=Text(
        en="Works entered in the registry that touch a chosen station and last within the time"
        " shown or begin within two weeks after it. While they are in force, no traffic is no"
        " alarm.",
        fr="Travaux saisis à l'inventaire qui touchent une station choisie, présents pendant la"
        " période ou débutant dans les deux semaines suivantes. Pendant qu'ils sont en vigueur,"
        " l'absence de trafic n'est pas une alarme.",
    ),
    view=Table(),
    sql=f"""
    SELECT w.works, string_agg(site.title, ', ' ORDER BY site.title) AS stations,
           min(site.name) AS site, w.begins, w.ends,
           CASE WHEN w.begins > {UNTIL} THEN 'coming' WHEN w.ends <= {UNTIL} THEN 'over'
                ELSE 'on' END AS state
    FROM road_works({UNTIL}) w JOIN site ON site.name = ANY (w.sites)
    WHERE w.begins < {UNTIL} + interval '14 days' AND w.ends > {SINCE} AND {territory()}
      AND site.domain = 'mobility'
    GROUP BY w.works, w.begins, w.ends ORDER BY w.begins
    """,
    columns=(
        Column("works", Text("Works", "Travaux"), links=(site_page(),)),
        Column("stations", Text("Stations", "Stations")),
        Column("site", hidden=True),
        Column("begins", Text("From", "Du"), unit="date"),
        Column("ends", Text("To", "Au"), unit="date"),
        Column(
            "state",
            Text("State", "État"),
            states=(
                State("on", Text("in force", "en cours"), ORANGE, "◆"),
                State("coming", Text("coming", "à venir"), AMBER, "▷"),
                State("over", Text("over", "terminés"), GREY, "○"),
            ),
            cell="text",
        ),
    ),
    no_value=Text("No works in this time", "Aucuns travaux sur la période"),
    empty="no works at a station in the time range",
    width=24,
    height=4,
)

HEALTH = Section(
    key="mobility-health-section",
    title=Text("Detector health", "Santé des capteurs"),
    panels=(_CHECKS, _RECEIVED),
)
STANDING = Section(
    key="mobility-standing-section",
    title=Text("Closures and alarms", "Fermetures et alarmes"),
    panels=(
        _WORKS,
        open_table(
            "mobility",
            Text("Open alarms", "Alarmes ouvertes"),
            Text(
                "Mobility alarms that are open at the end of the time shown, the oldest first.",
                "Alarmes de mobilité ouvertes à la fin de la période, la plus ancienne d'abord.",
            ),
            width=24,
            height=7,
        ),
        lane(
            "mobility",
            Text("Alarms", "Alarmes"),
            Text(
                en="One lane per mobility alarm that was active in the time range, in the colour"
                " of its priority.",
                fr="Une ligne par alarme de mobilité active pendant la période, à la couleur de sa"
                " priorité.",
            ),
        ),
    ),
)
