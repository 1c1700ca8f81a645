"""Numbers as people type them into forms of plans and reviews."""

import re
from decimal import Decimal
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?")
POINT: Final = "with a decimal point, and commas only between thousands"


def number(typed: str) -> Decimal | None:
    """Spaces and commas between thousands, a decimal point. None for anything else: 7,5 is not taken for 75."""
    plain = re.sub(r"[\s\u202f]", "", typed).replace("−", "-")
    if not _NUMBER.fullmatch(plain) or not any(each.isdigit() for each in plain):
        return None
    return Decimal(plain.replace(",", ""))
