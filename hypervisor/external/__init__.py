"""Alarms of other systems: webhooks of Alertmanager and Grafana, handled like ours."""
