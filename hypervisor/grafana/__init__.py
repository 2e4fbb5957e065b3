"""Grafana from the running side: what it is given by files or over its API, and checked by."""
