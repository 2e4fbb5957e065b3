-- The columnar copy of readings: files beside the database from which long spans are read fast
-- (hypervisor.readings.queries_columnar). The table is the truth; a copy that is lost, or of another
-- database, is not read.

-- A copied chunk. All that changed in it since was committed by transactions from `xid` on, and is
-- told by the feed or, where that was pruned, by columnar_dirty.
CREATE TABLE columnar_part (
    first timestamptz PRIMARY KEY,
    last  timestamptz NOT NULL,
    xid   xid8 NOT NULL,
    file  text NOT NULL,                          -- a name that is never used twice
    rows  bigint NOT NULL
);

-- Days of which readings came, changed or went, by the latest transaction of the pruned feed.
CREATE TABLE columnar_dirty (
    day date PRIMARY KEY,
    xid xid8 NOT NULL
);
