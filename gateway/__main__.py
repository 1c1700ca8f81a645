"""`python -m gateway`: run the gateway, migrate its database, administer connections and people."""

from gateway.component import COMPONENT
from libs.common.process import main

main(COMPONENT)
