"""The dashboard *Business*: the quarter's numbers as the forecast has them, and whether they can be relied on."""

from deploy.observing.panels import Dashboard, Panel, Query

BUSINESS = Dashboard(
    uid="foretell-business",
    title="Foretell: business",
    description="The current quarter as the forecast has it, in the base currency. The pages say more and for everybody's part.",
    rows=(
        (
            Panel(
                "Closed won",
                "Amount won so far in the current quarter.",
                "short",
                (Query('max by (currency) (forecast_quarter_amount{line="closed_won"})', "{{currency}}"),),
                stat=True,
            ),
            Panel(
                "Commit",
                "Amount of open deals of this quarter that their owners committed to.",
                "short",
                (Query('max by (currency) (forecast_quarter_amount{line="commit"})', "{{currency}}"),),
                stat=True,
            ),
            Panel(
                "Projected close",
                "The quarter is as likely to close above as below.",
                "short",
                (Query('max by (currency) (forecast_quarter_projected_amount{share="0.5"})', "{{currency}}"),),
                stat=True,
            ),
            Panel(
                "Held back",
                "Amount of deals whose lead is not qualified yet; part of no call.",
                "short",
                (Query('max by (currency) (forecast_quarter_amount{line="held_back"})', "{{currency}}"),),
                stat=True,
            ),
        ),
        (
            Panel(
                "The quarter by line of the call",
                "Amounts of the current quarter's deals.",
                "short",
                (Query("max by (line, currency) (forecast_quarter_amount)", "{{line}} {{currency}}"),),
            ),
            Panel(
                "Projection",
                "What the quarter is projected to close at. Nine times of ten it is more than the lowest line, once more than the highest.",
                "short",
                (Query("max by (share, currency) (forecast_quarter_projected_amount)", "{{share}} {{currency}}"),),
            ),
        ),
        (
            Panel(
                "Deals of the quarter",
                "Number of deals by line of the call.",
                "short",
                (Query("max by (line) (forecast_quarter_deals)", "{{line}}"),),
            ),
            Panel(
                "Leads",
                "Leads by what was decided of them.",
                "short",
                (Query("max by (verdict) (leads_standing_leads)", "{{verdict}}"),),
            ),
            Panel(
                "Quotes",
                "Quotes by what became of them.",
                "short",
                (Query("max by (status) (pricing_standing_quotes)", "{{status}}"),),
            ),
        ),
        (
            Panel(
                "Changes of leads",
                "Lead events per hour, by type.",
                "short",
                (Query("sum by (event) (increase(foretell_leads_changes_total[1h]))", "{{event}}"),),
            ),
            Panel(
                "Locks on time",
                "Share of the last 30 days' locks that were made within a minute after they were due.",
                "percentunit",
                (Query('foretell:slo:ratio{slo="lock made in 60 s"}', "on time"),),
            ),
            Panel(
                "Pages that follow",
                "Open pages that are told when numbers move.",
                "short",
                (Query("sum(gateway_open_pages)", "pages"),),
            ),
        ),
    ),
)
