-- What a reader's session may hold up, and what a role changed of itself.

-- Up to where the feed, and what happens, can be read in the order of commit: no transaction that
-- runs can still write below it. Not counted are those that cannot write here: of another database,
-- and of a reader, who gets a number by ALTER ROLE (of itself, which PostgreSQL forbids nobody) and
-- would keep everybody waiting as long as it leaves its transaction open.
CREATE FUNCTION commit_horizon() RETURNS xid8 LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, public, pg_temp AS $$
    WITH seen AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot),
    harmless AS MATERIALIZED (
        SELECT s.backend_xid FROM pg_stat_activity s WHERE s.backend_xid IS NOT NULL AND (
            s.datname <> current_database()
            OR EXISTS (SELECT FROM pg_roles r JOIN pg_auth_members m ON m.member = r.oid
                WHERE r.oid = s.usesysid AND NOT r.rolsuper
                AND m.roleid::regrole::text IN ('hypervisor_reader', 'hypervisor_reader_whole')
                AND m.inherit_option AND NOT m.set_option
                AND NOT has_table_privilege(r.oid, 'public.feed', 'INSERT'))))
    SELECT COALESCE((SELECT min(running) FROM pg_snapshot_xip(snapshot) AS running
        WHERE running::xid NOT IN (SELECT backend_xid FROM harmless)), pg_snapshot_xmax(snapshot))
    FROM seen
$$;

-- The digest of what the server keeps of a reader's password, to notice that it changed it itself.
ALTER TABLE reader ADD COLUMN verifier bytea;
