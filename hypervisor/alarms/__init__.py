"""The operator's side of alarms: life cycle, suppression, incidents, load."""
