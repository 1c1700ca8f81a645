"""Settings of the leads service."""

from pydantic import Field

from libs.common.config import CommonSettings


class Settings(CommonSettings):
    """Deals' events only tell a lead what became of it, so they are taken in fewer and larger transactions."""

    consumer_pace_s: float = Field(
        default=0.1, ge=0, description="least time between two batches of events, for fewer and larger transactions"
    )
