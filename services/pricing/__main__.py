"""`python -m services.pricing run | migrate | openapi`."""

from libs.common.loading import loading

with loading():
    from libs.common.process import main
    from services.pricing.component import COMPONENT

if __name__ == "__main__":
    main(COMPONENT)
