"""Telecare, for readers that see personal data: calls, temperatures, boxes; alarms and faults."""

from dashboards._usual import default_dashboard
from sensors.telecare import DOMAIN

DASHBOARD = default_dashboard(DOMAIN)
