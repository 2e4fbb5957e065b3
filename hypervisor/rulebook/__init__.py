"""Changes of rules and thresholds: apply, compare, roll back, propose."""
