"""Bodies of the webhooks."""

from pydantic import Field

from hypervisor.web.schemas import Body


class ReceiptBody(Body):
    """What a delivery changed."""

    raised: int = Field(description="New alarms.")
    repeated: int = Field(description="Alerts that were known, or came late.")
    ended: int = Field(description="Alarms that ended.")
    refused: int = Field(description="Alerts that were left out.")
    problems: list[str] = Field(
        description="What was left out, cut or not believed; the first ten."
    )
