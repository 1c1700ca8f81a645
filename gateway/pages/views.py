"""The parameters of a page's address, as the endpoints of pages take them."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import Depends, Query

from gateway.pages import suppositions
from gateway.pages.address import (
    By,
    CallView,
    Lines,
    MetricsView,
    Mode,
    MovementView,
    ProjectionView,
    Rate,
    WhatIfView,
    opened,
)

Period = Annotated[str, Query(max_length=20)]
Unit = Annotated[str, Query(max_length=36)]
Word = Annotated[str, Query(max_length=40)]
Cursor = Annotated[str | None, Query(max_length=400)]


def call_view(  # the parameters of the address
    period: Period = "",
    org: Unit = "",
    date: Annotated[str, Query(max_length=10)] = "",
    by: By = "organisation",
    view: Lines = "single",
    deal_type: Word = "",
    value_basis: Word = "",
    rate: Rate = "constant",
    open: Annotated[str, Query(max_length=2000)] = "",  # noqa: A002 - the address's name
    at: Annotated[str, Query(max_length=10)] = "",
) -> CallView:
    """`at` is the day that a form showed without anyone choosing it: sent back unchanged, it is still no choice."""
    date = "" if date == at else date
    return CallView(
        period=period,
        org=org,
        date=date,
        by=by,
        view=view,
        deal_type=deal_type,
        value_basis=value_basis,
        rate=rate,
        open=opened(open),
    )


def metrics_view(
    period: Period = "",
    org: Unit = "",
    date: Annotated[str, Query(max_length=10)] = "",
    deal_type: Word = "",
    value_basis: Word = "",
    target: Word = "",
    at: Annotated[str, Query(max_length=10)] = "",
) -> MetricsView:
    """`at` as of the call."""
    date = "" if date == at else date
    return MetricsView(
        period=period, org=org, date=date, deal_type=deal_type, value_basis=value_basis, target=target.strip()
    )


def projection_view(view: Annotated[MetricsView, Depends(metrics_view)]) -> ProjectionView:
    """Has the parameters that the metrics have."""
    return ProjectionView(**asdict(view))


def what_if_view(
    view: Annotated[ProjectionView, Depends(projection_view)],
    suppose: Annotated[list[str] | None, Query(max_length=suppositions.MOST)] = None,
    wanted: Literal["0.5", "0.8", "0.9", "0.95"] = "0.8",
) -> WhatIfView:
    """Of the projection, with what is supposed of it."""
    return WhatIfView(**asdict(view), suppose=suppositions.read(suppose or []), wanted=wanted)


def movement_view(
    period: Period = "",
    org: Unit = "",
    deal_type: Word = "",
    value_basis: Word = "",
    since: Word = "",
    as_of: Word = "",
    since_known_at: Word = "",
    known_at: Word = "",
    mode: Mode = "ends",
    rate: Rate = "constant",
    since_shown: Word = "",
    as_of_shown: Word = "",
    since_kept: Word = "",
    as_of_kept: Word = "",
) -> MovementView:
    """`since_shown`, `as_of_shown`: what a form showed, to the minute; sent back unchanged, what the address had holds (`..._kept`)."""
    since = since_kept if since == since_shown else since
    as_of = as_of_kept if as_of == as_of_shown else as_of
    return MovementView(
        period=period,
        org=org,
        deal_type=deal_type,
        value_basis=value_basis,
        since=since,
        as_of=as_of,
        since_known_at=since_known_at,
        known_at=known_at,
        mode=mode,
        rate=rate,
    )


Viewed = Annotated[CallView, Depends(call_view)]
Metered = Annotated[MetricsView, Depends(metrics_view)]
Projecting = Annotated[ProjectionView, Depends(projection_view)]
Supposing = Annotated[WhatIfView, Depends(what_if_view)]
Moving = Annotated[MovementView, Depends(movement_view)]
