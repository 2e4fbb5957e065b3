"""The devices to look at: silent ones first, by how much depends on them; doubtful ones."""

from dashboards._alarms_now import DOMAINS
from dashboards._colours import RED, VIOLET, State
from dashboards._describe import Column, Panel, Section
from dashboards._lanes import DOUBTS
from dashboards._links import site_page
from dashboards._quality_now import DEVICES
from dashboards._sql import UNTIL, before
from dashboards._views import Table
from dashboards._words import Text

_STATES = (
    State("never", Text("never heard", "jamais reçu"), RED, "✕"),
    State("silent", Text("silent", "muet"), VIOLET, "✕"),
)
_WHO = (
    Column("site", hidden=True),
    Column("device", Text("Device", "Appareil"), width=210),
    Column("place", Text("Site", "Site"), links=(site_page(),)),
    Column("domain", Text("Domain", "Domaine"), states=DOMAINS, cell="text", width=105),
)

_SILENT = Panel(
    key="quality-silent-devices",
    title=Text("Silent devices", "Appareils muets"),
    about=Text(
        en="In use and silent for longer than they may be, the longest (as a multiple of what is"
        " allowed) first. A click leads to the site.",
        fr="En service et muets depuis plus que leur délai, le plus long (en multiple du délai)"
        " d'abord. Un clic mène au site.",
    ),
    view=Table(filterable=True),
    sql=f"""
            WITH {DEVICES}
            SELECT CASE WHEN heard_at IS NULL THEN 'never' ELSE 'silent' END AS state,
                   name AS device, place, domain, heard_at AS heard,
                   extract(epoch FROM {UNTIL} - heard_at)::float8 AS lasts, limit_s AS allowed,
                   site_name AS site
            FROM devices WHERE silent AND NOT switched
            ORDER BY extract(epoch FROM {UNTIL} - heard_at) / limit_s DESC NULLS FIRST, name
            LIMIT 200
            """,
    columns=(
        Column("state", Text("State", "État"), states=_STATES, cell="background", width=130),
        *_WHO,
        Column("heard", Text("Last heard", "Dernière mesure"), unit="date"),
        Column("lasts", Text("Silent for", "Muet depuis"), unit="duration"),
        Column("allowed", Text("Allowed", "Délai"), unit="duration", width=110),
    ),
    no_value=Text("every device is heard", "tous les appareils sont reçus"),
    empty="every device is heard",
    width=24,
    height=9,
    timeless="how devices are at the end of the time shown",
)
_DOUBTFUL = Panel(
    key="quality-doubtful",
    title=Text("Doubtful devices", "Appareils douteux"),
    about=Text(
        en="Heard, but: of the last 24 h of the time shown the share of due readings that came, how"
        " many nothing believed, how many messages came with a wrong time; the battery. The worst"
        " first; those without a fault are left out.",
        fr="Reçus, mais : sur les dernières 24 h de la période, part reçue des mesures attendues,"
        " mesures écartées, messages à l'heure fausse ; batterie. Le pire d'abord ; sans ceux qui"
        " n'ont rien.",
    ),
    view=Table(filterable=True),
    sql=f"""
            WITH {DEVICES}, day AS (
                SELECT bucket.series_id, sum(bucket.count) AS came FROM readings_by(
                    ARRAY(SELECT series FROM devices WHERE NOT switched),
                    {UNTIL} - interval '24 hours', {UNTIL}, interval '1 hour') AS bucket GROUP BY 1
            ), suspect AS (
                SELECT series.device, sum(hour.count) AS n FROM rollup_suspect AS hour
                JOIN series ON series.id = hour.series_id
                WHERE hour.begins > {before(UNTIL, "24 hours")} AND hour.begins <= {UNTIL}
                GROUP BY 1
            ), clock AS (
                SELECT series.device, sum(hour.sum) AS n FROM rollup_hour AS hour
                JOIN series ON series.id = hour.series_id
                WHERE hour.series_id = ANY (ARRAY (
                        SELECT id FROM series WHERE quantity = 'clock_fault'))
                  AND hour.begins > {before(UNTIL, "24 hours")} AND hour.begins <= {UNTIL}
                GROUP BY 1
            ), charge AS MATERIALIZED (
                SELECT series.device, hour.last FROM series CROSS JOIN LATERAL (
                    SELECT told.last FROM rollup_hour AS told
                    WHERE told.series_id = series.id AND told.begins <= {UNTIL}
                    ORDER BY told.begins DESC LIMIT 1) AS hour
                WHERE series.quantity = 'battery'
            ), told AS (
                SELECT devices.*,
                       CASE WHEN NOT devices.switched THEN
                           least(1, coalesce(day.came, 0) * devices.interval_s / 86400)
                       END AS share,
                       coalesce(suspect.n, 0) AS suspect, coalesce(clock.n, 0) AS clock,
                       charge.last AS battery
                FROM devices LEFT JOIN day ON day.series_id = devices.series
                LEFT JOIN suspect ON suspect.device = devices.device
                LEFT JOIN clock ON clock.device = devices.device
                LEFT JOIN charge ON charge.device = devices.device
                WHERE NOT devices.silent OR devices.switched
            )
            SELECT name AS device, place, domain, share::float8 AS received,
                   suspect::float8 AS suspect, clock::float8 AS clock, battery, site_name AS site
            FROM told WHERE share < 0.95 OR suspect > 0 OR clock > 0 OR battery < 20
            ORDER BY clock > 0 DESC, suspect DESC, share NULLS LAST, battery NULLS LAST, name
            LIMIT 200
            """,
    columns=(*_WHO, *DOUBTS),
    no_value=Text("none", "aucun"),
    empty="no device is doubtful",
    width=24,
    height=10,
    timeless="how devices are at the end of the time shown",
)
SECTION = Section(
    key="quality-devices",
    title=Text("Devices to look at", "Appareils à regarder"),
    panels=(_SILENT, _DOUBTFUL),
)
