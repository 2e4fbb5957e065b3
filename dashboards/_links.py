"""Where dashboards lead: the console's page of a site, another dashboard, the alarm itself."""

from dashboards._describe import Link
from dashboards._words import Text

PREFIX = "hypervisor"
TAG = "hypervisor"


def uid(key: str) -> str:
    """Grafana's uid of a dashboard."""
    return f"{PREFIX}-{key}"


def site_page(column: str = "site") -> Link:
    """The console's page of the row's site; `column` holds the site's name (its key)."""
    return Link(
        title=Text(en="The site in the console", fr="Le site dans la console"),
        url=f"{{console}}/sites/{{row.{column}}}",
    )


def skill_page(column: str = "site") -> Link:
    """The console's page on how far the forecast of the row's site can be trusted."""
    return Link(
        title=Text(en="How far to trust its forecast", fr="Jusqu'où se fier à sa prévision"),
        url=f"{{console}}/forecasts/{{row.{column}}}",
    )


def dashboard_of(key: str, title: Text, column: str = "site") -> Link:
    """Another dashboard for the row's site, in the time shown."""
    return Link(title=title, url=f"/d/{uid(key)}?var-site={{row.{column}}}&{{range}}")


def alarm_page(column: str = "alarm") -> Link:
    """The console's page of the row's alarm; `column` holds its number."""
    return Link(
        title=Text(en="The alarm in the console", fr="L'alarme dans la console"),
        url=f"{{console}}/alarms/{{row.{column}}}",
    )
