"""`python -m services.leads run | migrate | openapi`."""

from libs.common.loading import loading

with loading():
    from libs.common.process import main
    from services.leads.component import COMPONENT

if __name__ == "__main__":
    main(COMPONENT)
