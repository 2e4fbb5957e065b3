"""Parking: what each car park measured, its alarms, the faults of its devices."""

from dashboards._usual import default_dashboard
from sensors.parking import DOMAIN

DASHBOARD = default_dashboard(DOMAIN)
