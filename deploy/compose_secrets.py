"""Fresh secrets for deploy/compose.yaml: `python -m deploy.compose_secrets > deploy/compose/secrets.env`, once.

Making them anew later locks the components out of their databases and makes stored secrets of connections unreadable.
"""

import secrets
import sys
from collections.abc import Mapping

from deploy.local import state


def secrets_of() -> Mapping[str, str]:
    """Every variable that the file leaves open, with new keys and passwords."""
    made = state.make({})
    return {
        "FORETELL_INTERNAL_VERIFY_KEYS": made.verify_keys,
        "FORETELL_INTERNAL_SIGNING_KEY": made.private_key,
        "FORETELL_SECRETS_KEY": made.secrets_key,
        "FORETELL_MATCH_KEY": made.match_key,
        "FORETELL_OWNER_PASSWORD": made.owner_password,
        "FORETELL_APP_PASSWORD": made.app_password,
        "POSTGRES_PASSWORD": made.admin_password,
        "GRAFANA_PASSWORD": secrets.token_urlsafe(18),
    }


if __name__ == "__main__":
    # In quotes: keys are JSON.
    sys.stdout.writelines(f"{name}='{value}'\n" for name, value in secrets_of().items())
