"""When what a CRM keeps beside a deal holds: parts of deals have no time of their own, but that of the question. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.mapping.canonical import Mapped
from libs.common.events.beside import CrmBeside

Order = tuple[Any, ...]
_TICK = timedelta(microseconds=1)


def after_what_is_known(known: Order | None, mapped: Mapped) -> Mapped:
    """The answer, of a later time than the one before: of two the one that was asked for later stands, whatever clocks say.

    One that says what is known already gets the known time, so that it is seen to be the same. A first one that says nothing tells nobody.
    """
    if not isinstance(mapped.event, CrmBeside):
        return mapped
    if known is None and mapped.event.says_nothing:
        return replace(mapped, event=None)
    at: datetime = mapped.clock.crm_time
    since = mapped.event.since
    if known is not None:
        known_at, _, mapping_version, digest = known
        says_the_same = (mapped.clock.mapping_version, mapped.clock.digest) == (mapping_version, digest)
        at = known_at if says_the_same else max(at, known_at + _TICK)
        since = since if since is not None and since > known_at else at
    clock = mapped.clock.model_copy(update={"crm_time": at})
    event = mapped.event.model_copy(update={"clock": clock, "since": min(since or at, at)})
    return replace(mapped, clock=clock, event=event)
