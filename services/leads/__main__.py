"""`python -m services.leads run | migrate | openapi`."""

from libs.common.process import main
from services.leads.component import COMPONENT

main(COMPONENT)
