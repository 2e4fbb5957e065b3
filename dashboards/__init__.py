"""Grafana dashboards as code, one module a domain."""
