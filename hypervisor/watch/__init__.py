"""Committed readings in, alarms and transitions out, in one transaction."""
