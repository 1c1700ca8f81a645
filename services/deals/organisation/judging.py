"""Whether statements can be made, each among all others that hold or are planned. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.deals.organisation.standing import Organisation, Refused, Statement


def two_parents(statements: Iterable[Statement]) -> dict[UUID, Statement]:
    """Statements that give a unit another parent at the instant at which one before them gave it one, with that one."""
    first: dict[tuple[UUID, datetime], Statement] = {}
    found: dict[UUID, Statement] = {}
    for said in statements:
        if said.kind not in ("unit_created", "unit_moved"):
            continue
        held = first.setdefault((said.unit, said.valid_from), said)
        if held.parent_id != said.parent_id:
            found[said.statement_id] = held
    return found


@dataclass(frozen=True, slots=True)
class Admission:
    """Which of the wanted statements can be made, and why the others cannot."""

    admitted: list[Statement]
    refused: Mapping[UUID, Refused]


def admit(
    base: Organisation, kept: Iterable[Statement], wanted: Iterable[Statement], *, within: Collection[UUID] | None
) -> Admission:
    """Try the wanted statements, in the order of their times, among those kept that are valid after the base's instant.

    A wanted one is refused when it cannot be made, or when one that is kept could not be made any more because of it.
    """
    held = sorted(kept, key=Statement.order)
    wanted = sorted(wanted, key=Statement.order)
    refused: dict[UUID, Refused] = {}
    doubled = two_parents([*held, *wanted])
    for said in wanted:
        if said.statement_id in doubled:
            other = doubled[said.statement_id].parent_id
            reason = f"it has the parent {other} from this instant on already; a unit has one parent"
            refused[said.statement_id] = Refused("two_parents", "parent_id", said.parent_id, reason)
    open_to = [said for said in wanted if said.statement_id not in refused]
    impeded = _replay(base.copy(), held, open_to, within, refused)
    if impeded is None:
        return Admission([said for said in open_to if said.statement_id not in refused], refused)
    admitted: list[Statement] = []
    for said in open_to:
        if said.statement_id in refused:
            continue
        impeded = _replay(base.copy(), held, [*admitted, said], within, refused)
        if impeded is not None:
            reason = f"what was said for {impeded[0].valid_from.isoformat()} could not be any more: {impeded[1].reason}"
            refused[said.statement_id] = Refused(impeded[1].why, impeded[1].field, impeded[1].value, reason)
        elif said.statement_id not in refused:
            admitted.append(said)
    return Admission(admitted, refused)


def _replay(
    at: Organisation,
    kept: list[Statement],
    wanted: list[Statement],
    within: Collection[UUID] | None,
    refused: dict[UUID, Refused],
) -> tuple[Statement, Refused] | None:
    """Say all in order; what of the wanted cannot be said is noted, the first kept one that cannot is returned."""
    ours = {said.statement_id for said in wanted}
    for said in sorted([*kept, *wanted], key=Statement.order):
        try:
            at.say(said, within=within if said.statement_id in ours else None)
        except Refused as error:
            if said.statement_id not in ours:
                return said, error
            refused[said.statement_id] = error
    return None


def impeded(base: Organisation, kept: Iterable[Statement]) -> tuple[Statement, Refused] | None:
    """The first of these statements that cannot be made from `base` on, and why; None where all can."""
    return _replay(base.copy(), list(kept), [], None, {})
