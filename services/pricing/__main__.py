"""`python -m services.pricing run | migrate | openapi`."""

from libs.common.process import main
from services.pricing.component import COMPONENT

main(COMPONENT)
