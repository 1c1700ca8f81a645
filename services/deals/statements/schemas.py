"""What becomes of statements that come in files."""

from typing import Literal

from libs.common.web.schemas import Out


class ResultOut(Out):
    """What became of one statement of a file. `line`: its first line, counted from 1 with the header."""

    line: int
    deal_id: str
    about: str
    outcome: Literal["kept", "unchanged", "refused"]
    column: str | None
    reason: str | None


class LoadOut(Out):
    """The report of a file, a line per statement. `tried`: nothing was kept, as was asked."""

    tried: bool
    kept: int
    unchanged: int
    refused: int
    results: list[ResultOut]
