"""Settings of the pricing service."""

from libs.common.config import CommonSettings


class Settings(CommonSettings):
    """Nothing beyond what every component has."""
