"""`python -m services.deals`."""

from libs.common.loading import loading

with loading():
    from libs.common.process import main
    from services.deals.component import COMPONENT

if __name__ == "__main__":
    main(COMPONENT)
