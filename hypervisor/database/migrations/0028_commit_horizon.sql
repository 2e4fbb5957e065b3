-- As before (0025), but who runs is only looked at where anybody does, the plan is kept by the
-- session, and the caller's own transaction counts.
CREATE OR REPLACE FUNCTION commit_horizon() RETURNS xid8 LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    snapshot pg_snapshot := pg_current_snapshot();
    horizon  xid8;
BEGIN
    IF pg_snapshot_xmin(snapshot) = pg_snapshot_xmax(snapshot) THEN
        RETURN pg_snapshot_xmax(snapshot);
    END IF;
    SELECT min(running) INTO horizon FROM pg_snapshot_xip(snapshot) AS running
    WHERE running::xid NOT IN (
        SELECT s.backend_xid FROM pg_stat_activity s WHERE s.backend_xid IS NOT NULL AND (
            s.datname <> current_database()
            OR EXISTS (SELECT FROM pg_roles r JOIN pg_auth_members m ON m.member = r.oid
                WHERE r.oid = s.usesysid AND NOT r.rolsuper
                AND m.roleid::regrole::text IN ('hypervisor_reader', 'hypervisor_reader_whole')
                AND m.inherit_option AND NOT m.set_option
                AND NOT has_table_privilege(r.oid, 'public.feed', 'INSERT'))));
    RETURN LEAST(horizon, pg_current_xact_id_if_assigned(), pg_snapshot_xmax(snapshot));
END $$;
