"""Territory, sites, devices, series, thresholds: from files to tables, with revisions."""
