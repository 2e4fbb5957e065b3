"""The SQL query of Grafana's PostgreSQL source: the SDK has no model of it."""

from typing import Any, Literal, Self

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

SOURCE_TYPE = "grafana-postgresql-datasource"
SOURCE_UID = "hypervisor"
Format = Literal["time_series", "table"]


def source() -> DataSourceRef:
    """The data source that provisioning and push make."""
    return DataSourceRef(type_val=SOURCE_TYPE, uid=SOURCE_UID)


class SqlQuery(Builder[Dataquery], Dataquery):
    """One statement and the frame that it shall make; its own builder, for it has no options."""

    def __init__(self, sql: str, form: Format, ref: str = "A") -> None:
        self.sql, self.form, self.ref = sql, form, ref

    def build(self) -> Self:
        return self

    def to_json(self) -> dict[str, Any]:
        """As Grafana's editor saves it, in code mode."""
        return {
            "refId": self.ref,
            "datasource": source(),
            "editorMode": "code",
            "format": self.form,
            "rawQuery": True,
            "rawSql": self.sql,
        }
