-- The kinds of groups are the catalogue's, as the domains of zones are.
ALTER TABLE device_group DROP CONSTRAINT device_group_kind_check;
