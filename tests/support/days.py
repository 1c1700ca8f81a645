"""The day on which a test runs, as the organisation counts days."""

from datetime import date

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.config import CommonSettings


def business_day() -> date:
    """Today where the organisation is: for an hour or two of each day it is not the day of UTC."""
    zone: str = CommonSettings.model_fields["org_timezone"].default
    return local_date(clock.now(), zone)
