"""Which deals count in a reading of the present, with whom, and how often: fragments of SQL. Pure."""

from services.forecast.history.repository import KEPT
from services.forecast.readings.asked import Asked
from services.forecast.rollup.standing import OPEN_LINES

_OPEN = ", ".join(f"'{line}'" for line in OPEN_LINES)

LATE = "unnest(cast(:late AS uuid[]), cast(:late_counted AS date[])) AS late (deal_id, counted)"
"""The wins that count in another month than the one they are booked in, and in which."""

_COUNTED = "SELECT d.*, d.month AS counted FROM deal_current d WHERE d.line IS NOT NULL"
_COUNTED_LATE = f"""
    SELECT d.*, coalesce(late.counted, d.month) AS counted FROM deal_current d LEFT JOIN {LATE} USING (deal_id)
    WHERE d.line IS NOT NULL
"""  # noqa: S608 - fragment of this module


_BY_PERSON = ("owner_id", "amount_base", "weighted_base")
_CREDITED = f"""
    SELECT {", ".join(f"d.{name}" for name in (*KEPT, "line", "month", "slot") if name not in _BY_PERSON)}, {{counted}} AS counted,
           d.owner_id AS answers_id, d.amount_base AS whole_base, k.share, coalesce(k.person_id, d.owner_id) AS owner_id,
           CASE WHEN k.share IS NULL THEN d.amount_base ELSE k.amount_base END AS amount_base,
           CASE WHEN k.share IS NULL THEN d.weighted_base ELSE k.weighted_base END AS weighted_base
    FROM deal_current d {{join}} deal_credit k USING (deal_id) {{late}} WHERE d.line IS NOT NULL
"""  # noqa: S608 - our names


def counted_deals(asked: Asked) -> str:
    """The deals with the month in which each counts; nothing is looked up where all count in their own.

    Where any is split, a row for each who is credited, as its owner: count deals by `deal_count`. The deal's own owner is
    `answers_id`, its whole worth `whole_base`; `share` is null of a deal that is all its owner's.
    """
    if asked.splits:
        return credited_deals(asked, "LEFT JOIN")
    return _COUNTED_LATE if asked.late else _COUNTED


def credited_deals(asked: Asked, join: str) -> str:
    """The same by `join`: all deals, or the split ones alone."""
    counted, late = (
        ("coalesce(late.counted, d.month)", f"LEFT JOIN {LATE} USING (deal_id)") if asked.late else ("d.month", "")
    )
    return _CREDITED.format(join=join, counted=counted, late=late)


def deal_count(asked: Asked) -> str:
    """How many deals there are among the rows of `counted_deals`."""
    return "count(DISTINCT r.deal_id)" if asked.splits else "count(*)"


def added(asked: Asked, name: str) -> str:
    """The sum of a count over cells, and each split deal once among those that are credited."""
    if not asked.splits:
        return f"sum(r.{name})::bigint"
    return (
        f"(coalesce(sum(r.{name}) FILTER (WHERE r.split_id IS NULL), 0)"
        f" + count(DISTINCT r.split_id) FILTER (WHERE r.{name} <> 0))::bigint"
    )


def together(asked: Asked) -> str:
    """What a deal comes to for those of the credited who are asked for."""
    if not asked.splits:
        return "NULL::numeric AS credited_share, coalesce(r.amount_base, '-Infinity') AS rank"
    credited = "sum(r.amount_base) OVER (PARTITION BY r.deal_id)"
    return f"""
        sum(r.share) OVER (PARTITION BY r.deal_id) AS credited_share, {credited} AS credited,
        sum(r.weighted_base) OVER (PARTITION BY r.deal_id) AS credited_weighted, coalesce({credited}, '-Infinity') AS rank
    """


MAY_COUNT = f"""
    ((k.month >= :start AND k.month < :until) OR (k.line IN ({_OPEN}, 'held_back') AND k.month < :quarter_start)
     OR k.deal_id = ANY(cast(:late AS uuid[])))
"""
"""Of split deals those that can count in the period: looked up by month."""
