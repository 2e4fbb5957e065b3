"""Public Wi-Fi: terminals, throughput, frames sent again, links; alarms and faults."""

from dashboards._usual import default_dashboard
from sensors.wifi import DOMAIN

DASHBOARD = default_dashboard(DOMAIN)
