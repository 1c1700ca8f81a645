"""Columns of the Sales application's tables. None of this was tried against an environment: compare with one of your own."""

from gateway.mapping.presets.form import OURS, STATUSES, Preset, stages

DATAVERSE = Preset(
    fields={
        "deal": {
            "name": "name",
            "amount": "statecode == `1` && actualvalue || estimatedvalue",
            "currency": "transactioncurrencyid.isocurrencycode",
            "close_date": "estimatedclosedate",
            "closed_on": "actualclosedate",
            "stage": "statecode == `1` && 'Won' || statecode == `2` && 'Lost' || stepname || 'In Progress'",
            "state": "statecode == `0` && 'open' || statecode == `1` && 'won' || statecode == `2` && 'lost'",
            "probability": "closeprobability",
            "owner_id": "_ownerid_value",
            "account_id": "_parentaccountid_value",
            "lead_id": "_originatingleadid_value",
            "created_at": "createdon",
            "loss_reason": '"statuscode@OData.Community.Display.V1.FormattedValue" || to_string(statuscode)',
        },
        "lead": {
            "first_name": "firstname",
            "last_name": "lastname",
            "email": "emailaddress1",
            "phone": "telephone1",
            "company": "companyname",
            "owner_id": "_ownerid_value",
            "status": (
                "statecode == `0` && 'new' || statecode == `2` && 'disqualified'"
                " || _qualifyingopportunityid_value && 'converted' || 'qualified'"
            ),
            "amount": "estimatedamount",
            "currency": "transactioncurrencyid.isocurrencycode",
            "employees": "numberofemployees",
            "role": "jobtitle",
            "converted_deal_id": "_qualifyingopportunityid_value",
            "created_at": "createdon",
        },
        "contact": {
            "first_name": "firstname",
            "last_name": "lastname",
            "email": "emailaddress1",
            "phone": "telephone1",
        },
        "account": {"name": "name", "parent_id": "_parentaccountid_value", "created_at": "createdon"},
        "user": {
            "name": "fullname",
            "email": "internalemailaddress",
            "is_active": "isdisabled == `false`",
            "manager_id": "_parentsystemuserid_value",
        },
        "product": {
            "code": "productnumber",
            "name": "name",
            "list_price": "price",
            "cost": "standardcost",
            "currency": "transactioncurrencyid.isocurrencycode",
            "created_at": "createdon",
        },
    },
    stages=stages(
        ("In Progress", "open", "0.1", "pipeline"),
        ("1-Qualify", "open", "0.1", "pipeline"),
        ("2-Develop", "open", "0.3", "pipeline"),
        ("3-Propose", "open", "0.6", "best_case"),
        ("4-Close", "open", "0.9", "commit"),
        ("Won", "won", "1", None),
        ("Lost", "lost", "0", None),
    ),
    categories=OURS,
    lead_statuses=STATUSES,
    probability_scale=100,
)
