"""The REST interfaces of the simulated CRMs, served from memory.

    state = CrmState()
    state.put_deal("hubspot", deal)
    app = create_app(state, tokens={"hubspot": "...", "salesforce": "...", "pipedrive": "..."})

`api_base` of a connection is `http://host:port/<provider>`; a request without the provider's bearer token gets 401.
"""

from simulator.fakecrm.app import create_app, routes
from simulator.fakecrm.state import CrmState

__all__ = ["CrmState", "create_app", "routes"]
