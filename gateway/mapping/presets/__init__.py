"""What each provider's records look like before a company changes anything: property names, stages, statuses, scales."""

from gateway.mapping.presets.dataverse import DATAVERSE
from gateway.mapping.presets.form import OURS, STATUSES, Preset
from gateway.mapping.presets.hubspot import HUBSPOT
from gateway.mapping.presets.pipedrive import PIPEDRIVE
from gateway.mapping.presets.salesforce import SALESFORCE
from gateway.mapping.presets.standard import STANDARD

__all__ = ["PRESETS", "Preset"]

GENERIC = Preset(fields={}, categories=OURS, lead_statuses=STATUSES, probability_scale=1)
"""Nothing is assumed: a mapping names its fields, and a probability in percent is parked until it says so."""

PRESETS: dict[str, Preset] = {
    "hubspot": HUBSPOT,
    "salesforce": SALESFORCE,
    "pipedrive": PIPEDRIVE,
    "dataverse": DATAVERSE,
    "standard": STANDARD,
    "generic": GENERIC,
}
