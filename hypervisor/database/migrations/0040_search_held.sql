-- Who is held to communes searches about as fast as who sees everything. LIKE and %> may tell of what
-- they compare, so the policy of a table goes before them and an index for them is of no use. This runs
-- as the owner and gives the names of rows that fit, of everybody's; the policies then leave one's own.
-- In `seen`, which tenants alone may use: a reader with SQL of their own learns nothing from it.
-- `patterns`: of LIKE, or words to be alike; each must fit. Each is a condition of its own, which the
-- planner then knows to be rare or not.
CREATE FUNCTION seen.fitting(kind text, patterns text[], alike boolean) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF kind NOT IN ('site', 'device', 'device_group') THEN
        RAISE 'nothing is searched for in %', kind;
    END IF;
    RETURN QUERY EXECUTE format('SELECT name FROM %I WHERE ', kind) || (
        SELECT string_agg(format(CASE WHEN alike THEN 'folded %%> %L' ELSE 'folded LIKE %L' END, each),
                          ' AND ') FROM unnest(patterns) each);
END $$;
