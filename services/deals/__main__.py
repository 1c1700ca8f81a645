from libs.common.process import main
from services.deals.component import COMPONENT

if __name__ == "__main__":
    main(COMPONENT)
