"""Every metric with its contract: what it is, by which clock and currency, when unknown. It changes only with its version. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.forecast.metrics.contract import (
    AT_AS_OF,
    BY_BOOKING,
    BY_CREATION,
    BY_STEPS,
    CONSTANT,
    CONSTANT_THEN,
    CONVERTIBLE,
    GRAIN,
    NOT_JUDGED,
    Contract,
)
from services.forecast.metrics.formulas import covering, moving, staging, tidying, winning

_REFUSED: Final = "Refused under 20 closed deals, with the reason."

_ALL: Final = (
    Contract(
        name="win_rate_count",
        title="Win rate by count",
        version=3,
        formula=(
            "deals won / (deals won + lost), of those closed in the period. Losses of clean-ups (clean_ups-2) count and are told apart, "
            "with the rate without them. Interval: Wilson, 95 %."
        ),
        clock=BY_BOOKING,
        unknown=_REFUSED,
        unit="share",
        leaves_out_renewals=True,
        find=winning.closed,
        figure=winning.rate_by_count,
    ),
    Contract(
        name="win_rate_value",
        title="Win rate by value",
        version=2,
        formula=(
            "amount won / (amount won + lost), of deals closed in the period. Interval: Wilson, 95 %, for as many equal deals as "
            "the unequal ones are worth: (sum of amounts)^2 / sum of squares."
        ),
        clock=BY_BOOKING,
        currency=CONSTANT,
        unknown=f"{_REFUSED} {CONVERTIBLE}",
        unit="share",
        numerator="money",
        denominator="money",
        leaves_out_renewals=True,
        find=winning.closed,
        figure=winning.rate_by_value,
    ),
    Contract(
        name="win_rate_cohort",
        title="Win rate of a cohort",
        formula=(
            "deals won by as_of / deals created in the period. Those still open are in the denominator, so the rate of a young "
            "cohort grows; how many are still open is told. Interval: Wilson, 95 %."
        ),
        clock=BY_CREATION,
        unknown="Refused while under 20 deals of the cohort have closed, with the reason.",
        unit="share",
        leaves_out_renewals=True,
        find=winning.cohort,
        figure=winning.rate_of_cohort,
    ),
    Contract(
        name="stage_conversion",
        title="Stage conversion",
        formula=(
            "deals that came further than the stage by as_of / deals that first entered it in the period (a cohort). Skipped stages "
            "count as passed, a won deal has passed all of its pipeline; each stage counts once per deal, however often it returned. "
            "Stages stand in order of the probability that most entries have, and where one has none, as deals came to them. Deals "
            "known only closed are in none. Without by=stage the steps of all stages together. Interval: Wilson, 95 %."
        ),
        clock=BY_STEPS,
        unknown="Null when no deal entered. Deals that are still there are in the denominator and counted.",
        unit="share",
        slot="stage",
        find=staging.conversions,
        figure=staging.conversion,
    ),
    Contract(
        name="cycle",
        title="Sales cycle",
        version=2,
        formula="mean days from the day of creation to the day of booking, of deals won in the period; with median and p75.",
        clock=BY_BOOKING,
        unknown="Deals booked before they were created are left out and counted. Null without any other.",
        unit="days",
        numerator="days",
        find=winning.won,
        figure=winning.cycle,
    ),
    Contract(
        name="velocity",
        title="Pipeline velocity",
        version=2,
        formula=(
            "open deals x count win rate x mean won amount / mean cycle days = money per day. Open: in the forecast at as_of, "
            "whatever the close date. Win rate, amount and cycle: of deals closed in the period."
        ),
        clock=BY_BOOKING,
        currency=CONSTANT,
        unknown=f"{_REFUSED} Null without won amounts or when the mean cycle is 0 days.",
        unit="money_per_day",
        numerator=None,
        denominator=None,
        leaves_out_renewals=True,
        find=winning.flowing,
        figure=winning.velocity,
    ),
    Contract(
        name="conversion",
        title="Conversion of open pipeline at day d",
        version=2,
        formula=(
            "conversion(d): of deals open and due in a past period at its day d, amount won in that period / amount, over up to 8 past periods "
            "of the same kind, shrunk to 1/3 by the weight of one more period: (observed x periods + 1/3) / (periods + 1). d is the "
            "business date's day in the asked period; day 0 is its opening instant. Both amounts are those of day d, so it is a share; "
            "repricing on the way is movement's term won_repriced."
        ),
        clock="The first instant of local day d of each past period by valid_from, as known at known_at; won by booking day, late wins where they count, as valid at as_of.",
        currency=CONSTANT_THEN,
        unknown=f"{CONVERTIBLE} Without past periods it is 1/3, with 0 past periods told. Periods that began before history did are not used.",
        unit="share",
        numerator="money",
        denominator="money",
        leaves_out_renewals=True,
        find=covering.conversions,
        figure=covering.conversion,
    ),
    Contract(
        name="required_open",
        title="Required open pipeline",
        version=2,
        formula=(
            "max(0, target - closed - expected create-and-close - expected pull-in) / conversion(d). Create-and-close: mean over the past "
            "periods of what was won in them and not there at day d; pull-in: of what was open then, due in another period. "
            "Coverage is open and due / required open. With the gap covered it is 0 and says so."
        ),
        clock=BY_BOOKING,
        currency=CONSTANT,
        unknown="Null without a target; the target is of the whole view, so parts have none.",
        unit="money",
        numerator=None,
        denominator=None,
        leaves_out_renewals=True,
        takes_target=True,
        find=covering.required,
        figure=covering.required_open,
    ),
    Contract(
        name="pipeline_to_create",
        title="Pipeline to create",
        version=2,
        formula=(
            "max(0, required open - open and due). Lead time: median cycle of deals won in the past periods; needed per week: pipeline "
            "to create / weeks left until the period's end less the lead time; beside it what was created per week in the last 13 weeks."
        ),
        clock=BY_BOOKING,
        currency=CONSTANT,
        unknown="Null without a target. The needed pace is null once the lead time is longer than what is left of the period.",
        unit="money",
        numerator=None,
        denominator=None,
        leaves_out_renewals=True,
        takes_target=True,
        find=covering.required,
        figure=covering.pipeline_to_create,
    ),
    Contract(
        name="creation_pace",
        title="Creation pace",
        formula="amount of deals created in the period x 7 / days of the period that have begun by the business date = money per week.",
        clock=BY_CREATION,
        currency=CONSTANT,
        unknown="Null before the period begins. Deals without an amount are left out and counted; held back ones stand beside.",
        unit="money_per_week",
        numerator="money",
        denominator=None,
        find=moving.created,
        figure=moving.creation_pace,
    ),
    Contract(
        name="slippage",
        title="Slippage",
        formula=(
            "of deals open and due in the period at its opening instant: amount now expected or closed after the period, or undated, or "
            "still open when the period is over / amount. Lost deals did not slip. With the same share by count of deals. Interval: "
            "Wilson, 95 %, as of the win rate by value."
        ),
        clock="The first instant of the period by valid_from, as known at known_at, against the deal at as_of.",
        currency=CONSTANT_THEN,
        unknown=f"Null before the period begins or when nothing was due. {CONVERTIBLE}",
        unit="share",
        numerator="money",
        denominator="money",
        find=moving.slipping,
        figure=moving.slippage,
    ),
    Contract(
        name="push_rate",
        title="Push rate",
        formula=(
            "deals whose close date was moved later at least once in the period while they were open / deals that were open at some "
            "time of the period up to as_of. Interval: Wilson, 95 %."
        ),
        clock=BY_STEPS,
        unknown="Null when no deal was open. A close date that is first set, or set anew after it was taken away, is no push.",
        unit="share",
        find=moving.pushes,
        figure=moving.push_rate,
    ),
    Contract(
        name="created_count",
        title="Created deals",
        formula="deals created in the period. Deals that wait for their lead's qualification stand beside as held back.",
        clock=BY_CREATION,
        unknown="Never: 0 when there were none.",
        unit="count",
        denominator=None,
        find=moving.created,
        figure=moving.created_count,
    ),
    Contract(
        name="created_amount",
        title="Created pipeline",
        formula="amount at as_of of deals created in the period. Deals that wait for their lead's qualification stand beside.",
        clock=BY_CREATION,
        currency=CONSTANT,
        unknown="Deals without amount, currency or rate are left out and counted.",
        unit="money",
        numerator="money",
        denominator=None,
        find=moving.created,
        figure=moving.created_amount,
    ),
    Contract(
        name="time_in_stage",
        title="Time in stage",
        formula=(
            "mean days from stage entry to leaving it (a move in either direction, or closing), of stays that ended in the period; with "
            "median and p75. A deal that returned has several stays."
        ),
        grain=f"One stay of a deal in a stage. {GRAIN}",
        clock=BY_STEPS,
        unknown="Stays that would end before they began are left out and counted. Null without any other.",
        unit="days",
        numerator="days",
        slot="stage",
        find=staging.left,
        figure=staging.time_in_stage,
    ),
    Contract(
        name="stage_age",
        title="Age in stage",
        formula="mean days from stage entry to as_of, of deals in the open forecast; with median and p75. Never from the deal's creation.",
        clock=AT_AS_OF,
        unknown="Null without open deals.",
        unit="days",
        numerator="days",
        slot="stage",
        find=staging.standing,
        figure=staging.age,
    ),
    Contract(
        name="stalled",
        title="Stalled deals",
        formula=(
            "open deals longer in their stage than p75 of the ended stays of the company's won deals in that stage and segment / open "
            "deals that can be judged, with what the stalled ones are worth. With under 10 such stays all segments are taken together."
        ),
        clock=AT_AS_OF,
        currency=CONSTANT,
        unknown="Deals in stages with under 10 stays of won deals are not judged and counted as unknown.",
        unit="share",
        slot="stage",
        find=staging.stalling,
        figure=staging.share_stalled,
    ),
    Contract(
        name="linearity",
        title="Linearity",
        version=2,
        formula=(
            "max over the days so far of (elapsed share of days - booked share of closed won): 0 when bookings keep up with the calendar, "
            "near 1 when all comes on the last day. With the shares booked in the first, second and last third of the days."
        ),
        clock=BY_BOOKING,
        currency=CONSTANT,
        unknown=f"Null when nothing was booked. {CONVERTIBLE}",
        unit="index",
        numerator=None,
        denominator=None,
        find=moving.bookings,
        figure=moving.linearity,
    ),
    Contract(
        name="hygiene",
        title="Hygiene in money",
        version=5,
        formula=(
            "amount of open deals with a warning / amount of open deals: those due in the period, carried over and undated. A deal counts once, "
            "with by=warning once under each of its warnings, so those do not add. Warnings: overdue (close date before the business date), "
            "stalled, three pushes or more, no close date; no activity for 14 days (more than 14 local days between the last activity, or the "
            "creation if that was later, and the business date), no next step, no economic buyer after proposal (nothing, claimed at least, that is"
            " still fresh on the business date is known of one, and the deal stands in the later half of its pipeline: of n stages in their order "
            "the one in the middle, n // 2 counted from 0, and those behind it), single-threaded (fewer than two contacts were touched both ways "
            "within 90 days before the business date, and the amount is above the median of the open deals with an amount), close plan later than the close date (in half of the cases, as "
            "the plan was told last by the business date; of deals that have one with tasks left), discount outside its band (the approved or "
            "accepted quote that sets the amount lies below the floor of its lines' bands; of deals whose quote has a band on every line)."
        ),
        clock=AT_AS_OF,
        currency=CONSTANT,
        unknown=f"{CONVERTIBLE} {NOT_JUDGED}",
        unit="share",
        numerator="money",
        denominator="money",
        slot="warning",
        find=tidying.hygiene,
        find_by_slot=tidying.by_warning,
        figure=tidying.share_warned,
        untold=MappingProxyType(tidying.UNTOLD),
    ),
    Contract(
        name="clean_ups",
        title="Clean-ups",
        version=2,
        formula=(
            "deals lost in the period by a clean-up: at least 10 losses of one actor on one local day, and more than 5 times what is normal (their "
            "losses per calendar day over the 365 days before). Actor: who made the change by which the deal was lost, as the CRM tells it; the "
            "owner where it does not, told apart as cleaned_up_by_owner; both within the connection that told the loss. What was lost before a CRM "
            "told its actors is normal for the owners."
        ),
        clock="The day of a loss is the local day of the entry's valid_from, not the booking day; that one decides on the period.",
        currency=CONSTANT,
        unknown="Never: 0 when there were none. Actors are judged by all losses of the company, whoever asks.",
        unit="count",
        denominator=None,
        find=tidying.clean_ups,
        figure=tidying.cleaned_up,
    ),
)

CONTRACTS: Final[Mapping[str, Contract]] = MappingProxyType({each.name: each for each in _ALL})
