"""Settings of the pricing service."""

from pydantic import Field

from libs.common.config import CommonSettings


class Settings(CommonSettings):
    """Deals' events only tell a quote what it is for, so they are taken in fewer and larger transactions."""

    consumer_pace_s: float = Field(
        default=0.1, ge=0, description="least time between two batches of events, for fewer and larger transactions"
    )
