"""`python -m gateway`: run the gateway, migrate its database, administer connections and people."""

from libs.common.loading import loading

with loading():
    from gateway.component import COMPONENT
    from libs.common.process import main

if __name__ == "__main__":
    main(COMPONENT)
