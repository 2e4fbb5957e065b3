"""SQL of what citizens see besides publications: communes, and roads closed at public sites."""

from datetime import datetime

from hypervisor.citizens.model import Closure, Commune
from hypervisor.database.connect import Connection, fetch

_COMMUNES = "SELECT code, name FROM area WHERE kind = 'commune' ORDER BY name, code"
# Of works only where and when: their reason is for operators.
_CLOSURES = """
SELECT s.title, s.commune, w.begins, w.ends
FROM (SELECT DISTINCT ON (key) key, value, (value->>'begins')::timestamptz AS begins,
          (value->>'ends')::timestamptz AS ends
      FROM revision WHERE kind = 'works' ORDER BY key, id DESC) w
JOIN site s ON w.value->'sites' ? s.name AND s.domain = 'mobility'
    AND s.properties @> '{"public": true}'
WHERE jsonb_typeof(w.value) = 'object' AND w.ends > %(now)s
    AND w.begins < %(now)s + INTERVAL '24 hours'
ORDER BY w.begins, s.title
"""


def list_communes(connection: Connection) -> list[Commune]:
    """The territory's communes by name."""
    return fetch(connection, Commune, _COMMUNES)


def list_closures(connection: Connection, now: datetime) -> list[Closure]:
    """Works at public road sites, under way or to come within a day."""
    return fetch(connection, Closure, _CLOSURES, {"now": now})
