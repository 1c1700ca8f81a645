"""`python -m services.forecast`."""

from libs.common.loading import loading

with loading():
    from libs.common.process import main
    from services.forecast.component import COMPONENT

if __name__ == "__main__":
    main(COMPONENT)
