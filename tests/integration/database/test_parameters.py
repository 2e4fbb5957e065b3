"""No SQL function names a parameter as a column that it reads: the column would be meant."""

import pytest

from hypervisor.database.connect import Connection

pytestmark = pytest.mark.integration

# Names that stand alone in the body, neither after a point nor after AS.
_HIDDEN = r"""
SELECT DISTINCT f.proname || ': ' || a.name || ' of ' || c.table_name
FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang AND l.lanname = 'sql'
CROSS JOIN LATERAL unnest(f.proargnames[1:f.pronargs]) a (name)
JOIN information_schema.columns c ON c.table_schema = 'public' AND c.column_name = a.name
    AND f.prosrc ~ ('(FROM|JOIN)\s+' || c.table_name || '\y')
WHERE f.pronamespace = 'public'::regnamespace
  AND regexp_replace(f.prosrc, '\yAS ' || a.name || '\y', '', 'g')
      ~ ('(?<![.\w])' || a.name || '\y')
"""


def test_no_column_hides_a_parameter(connection: Connection) -> None:
    assert connection.execute(_HIDDEN.encode()).fetchall() == []


def test_a_column_that_hides_a_parameter_is_seen(connection: Connection) -> None:
    connection.execute(
        "CREATE FUNCTION late(since timestamptz) RETURNS bigint LANGUAGE sql STABLE AS"
        " 'SELECT count(*) FROM alarm a WHERE a.began > since'"
    )
    assert connection.execute(_HIDDEN.encode()).fetchall() == [("late: since of alarm",)]
