"""Whose word a deal's category is. See "Stage / category" among the domain's words."""

from typing import NamedTuple

from libs.common.events.crm import Category, CrmDealChanged
from services.deals.ledger.timeline.state import Pursuit


class Standing(NamedTuple):
    """The category in force, whether a person set it, and the one that lapsed when the deal closed."""

    category: Category | None
    by_person: bool
    lapsed: Category | None


def settle(before: Pursuit | None, record: CrmDealChanged) -> Standing:
    """The category after `record`.

    A category that arrives with a stage and equals the CRM's own map is a proposal; anything else that changed is a
    person's, and no stage change overwrites it. It lapses when the deal closes and again when it reopens.
    """
    if record.state != "open":
        return Standing(None, False, _lapsing(before, record))
    proposal = Standing(record.mapped_category or record.category, False, None)
    if record.category is None:
        return proposal
    if before is None:
        return proposal if record.category == record.mapped_category else _person(record)
    if before.record.state != "open":
        leftover = record.category in (before.record.category, before.lapsed)
        return proposal if leftover or record.category == record.mapped_category else _person(record)
    return _while_open(before, record, proposal)


def _while_open(before: Pursuit, record: CrmDealChanged, proposal: Standing) -> Standing:
    known = before.record
    touched = record.category != known.category
    remapped = record.mapped_category != known.mapped_category
    with_stage = (record.pipeline, record.stage) != (known.pipeline, known.stage) or remapped
    if record.category == record.mapped_category:
        if not with_stage:
            return _person(record) if touched else _kept(before)
        return _kept(before) if before.category_by_person else proposal
    if touched:
        return _person(record)
    if before.category_by_person or not with_stage:
        return _kept(before)
    return _person(record)


def _lapsing(before: Pursuit | None, record: CrmDealChanged) -> Category | None:
    if before is None:
        return record.category
    if before.record.state != "open":
        return before.lapsed
    return before.record.category


def _person(record: CrmDealChanged) -> Standing:
    return Standing(record.category, True, None)


def _kept(before: Pursuit) -> Standing:
    return Standing(before.category, before.category_by_person, None)
