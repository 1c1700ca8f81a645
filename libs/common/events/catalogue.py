"""Every event type there is, by its name."""

from libs.common.events import crm, deals, forecast, leads, pricing
from libs.common.events.base import EventData

EVENTS: tuple[type[EventData], ...] = (
    crm.CrmDealChanged,
    crm.CrmLeadChanged,
    crm.CrmAccountChanged,
    crm.CrmUserChanged,
    crm.CrmPersonKeyed,
    crm.CrmProductChanged,
    crm.CrmMappingActivated,
    crm.CrmDealsCompared,
    leads.LeadCaptured,
    leads.LeadChanged,
    leads.LeadQualified,
    leads.LeadRejected,
    leads.LeadReopened,
    leads.LeadRecycled,
    leads.LeadAssigned,
    leads.LeadRemoved,
    leads.LeadEvidenceHanded,
    leads.LeadClockWarned,
    leads.LeadClockBreached,
    leads.LeadClockEscalated,
    deals.DealOpened,
    deals.DealChanged,
    deals.DealWon,
    deals.DealLost,
    deals.DealReopened,
    deals.DealRemoved,
    deals.DealCorrected,
    deals.UnitChanged,
    deals.PersonPlaced,
    deals.AccountChanged,
    deals.ContactChanged,
    deals.ContactRoleChanged,
    deals.TouchpointNoted,
    deals.CommitmentChanged,
    deals.DealsCompared,
    deals.ClosePlanMoved,
    pricing.QuoteCreated,
    pricing.QuoteAccepted,
    pricing.QuoteWithdrawn,
    pricing.ProductChanged,
    forecast.RollupMoved,
    forecast.SubmissionMade,
    forecast.AdjustmentMade,
    forecast.AdjustmentWithdrawn,
    forecast.AdjustmentExpired,
    forecast.ForecastLocked,
    forecast.PeriodClosed,
    forecast.PeriodReopened,
    forecast.ScorecardSigned,
)

BY_TYPE: dict[str, type[EventData]] = {event.TYPE: event for event in EVENTS}

LEAD_STATES = (
    leads.LeadCaptured,
    leads.LeadChanged,
    leads.LeadQualified,
    leads.LeadRejected,
    leads.LeadReopened,
    leads.LeadRecycled,
    leads.LeadAssigned,
    leads.LeadRemoved,
)
DEAL_STATES = (
    deals.DealOpened,
    deals.DealChanged,
    deals.DealWon,
    deals.DealLost,
    deals.DealReopened,
    deals.DealRemoved,
    deals.DealCorrected,
)
QUOTE_STATES = (pricing.QuoteCreated, pricing.QuoteAccepted, pricing.QuoteWithdrawn)
