"""Work orders: what teams do in the field, from an alarm, a site or nothing."""
