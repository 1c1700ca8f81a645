"""HubSpot's standard properties."""

from gateway.mapping.presets.form import OURS, STATUSES, Preset, stages

_CAMPAIGN = (
    'contains(`["EMAIL_MARKETING","PAID_SEARCH"]`, not_null(properties.hs_analytics_source, `""`))'
    " && properties.hs_analytics_source_data_1"
    " || properties.hs_analytics_source == 'SOCIAL_MEDIA' && properties.hs_analytics_source_data_2 || `null`"
)
"""The campaign that the first visit's address named (utm_campaign). Of these sources HubSpot says in which drill-down it keeps it; of
others the drill-downs hold search terms, websites or imports."""

HUBSPOT = Preset(
    fields={
        "deal": {
            "name": "properties.dealname",
            "amount": "properties.amount",
            "currency": "properties.deal_currency_code",
            "close_date": "properties.closedate",
            "pipeline": "properties.pipeline",
            "stage": "properties.dealstage",
            "probability": "properties.hs_deal_stage_probability",
            "category": "properties.hs_manual_forecast_category",
            "owner_id": "properties.hubspot_owner_id",
            "account_id": "associations.company",
            "created_at": "properties.createdate",
            "loss_reason": "properties.closed_lost_reason",
            "next_step": "properties.hs_next_step || properties.notes_next_activity_date",
            "last_activity_at": "properties.notes_last_updated",
        },
        "contact": {
            "first_name": "properties.firstname",
            "last_name": "properties.lastname",
            "email": "properties.email",
            "phone": "properties.phone",
        },
        "lead": {
            "company": "properties.company",
            "owner_id": "properties.hubspot_owner_id",
            "status": "properties.hs_lead_status",
            "source": "properties.hs_analytics_source",
            "campaign": _CAMPAIGN,
            "employees": "properties.numemployees",
            "industry": "properties.industry",
            "role": "properties.jobtitle",
            "last_activity_at": "properties.notes_last_contacted",
            "created_at": "properties.createdate",
            "lifecycle": "properties.lifecyclestage",
        },
        "account": {
            "name": "properties.name",
            "parent_id": "properties.hs_parent_company_id",
            "created_at": "properties.createdate",
        },
        "product": {
            "code": "properties.hs_sku",
            "name": "properties.name",
            "list_price": "properties.price",
            "cost": "properties.hs_cost_of_goods_sold",
            "created_at": "properties.createdate",
        },
    },
    stages=stages(
        ("appointmentscheduled", "open", "0.2", "pipeline"),
        ("qualifiedtobuy", "open", "0.4", "pipeline"),
        ("presentationscheduled", "open", "0.6", "best_case"),
        ("decisionmakerboughtin", "open", "0.8", "best_case"),
        ("contractsent", "open", "0.9", "commit"),
        ("closedwon", "won", "1", None),
        ("closedlost", "lost", "0", None),
    ),
    categories=OURS
    | {
        "PIPELINE": "pipeline",
        "BEST_CASE": "best_case",
        "MOST_LIKELY": "most_likely",
        "COMMIT": "commit",
        "OMIT": "omitted",
    },
    lead_statuses=STATUSES
    | {
        "NEW": "new",
        "OPEN": "new",
        "IN_PROGRESS": "working",
        "ATTEMPTED_TO_CONTACT": "working",
        "CONNECTED": "working",
        "BAD_TIMING": "working",
        "OPEN_DEAL": "converted",
        "UNQUALIFIED": "disqualified",
    },
    probability_scale=1,
    actors_are_users=False,
    lead_when=(
        'properties.hs_lead_status || contains(`["lead","marketingqualifiedlead","salesqualifiedlead"]`,'
        ' not_null(properties.lifecyclestage, `""`))'
    ),
)
