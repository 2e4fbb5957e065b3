"""Grafana's dashboards: built as files, checked against a database, pushed over its API."""
