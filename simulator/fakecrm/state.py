"""What the simulated CRMs hold now: the end of the history, overlaid with what was put since."""

from collections.abc import Callable, Iterator
from typing import Literal, cast

from simulator.config import Provider
from simulator.fakecrm.kept import Beside
from simulator.records import AccountRecord, DealRecord, LeadRecord, UserRecord
from simulator.world import State

Kind = Literal["deal", "lead", "account", "user"]
Held = DealRecord | LeadRecord | AccountRecord | UserRecord


class CrmState:
    """Records by provider, kind and external id. Without `history` it starts empty."""

    def __init__(self, history: State | None = None) -> None:
        self._history = history
        self._put: dict[tuple[Provider, Kind], dict[str, Held]] = {}
        self.on_edit: Callable[[Provider, DealRecord, DealRecord], None] | None = None
        """Told of every deal that was changed through a CRM's interface, as it was and as it is."""
        self.beside = Beside()
        self.silent = False
        """While it is, the interfaces take requests and let them wait."""

    def put_deal(self, provider: Provider, deal: DealRecord) -> None:
        """Make this the deal's present state; `deleted` makes it archived."""
        self._kind(provider, "deal")[deal.deal_id] = deal

    def edit_deal(self, provider: Provider, before: DealRecord, after: DealRecord) -> None:
        """Somebody changed the deal through the interface: the CRM tells of it by its webhooks, if it has any."""
        self.put_deal(provider, after)
        if self.on_edit is not None:
            self.on_edit(provider, before, after)

    def put_lead(self, provider: Provider, lead: LeadRecord) -> None:
        self._kind(provider, "lead")[lead.lead_id] = lead

    def put_account(self, provider: Provider, account: AccountRecord) -> None:
        self._kind(provider, "account")[account.account_id] = account

    def put_user(self, provider: Provider, user: UserRecord) -> None:
        self._kind(provider, "user")[user.user_id] = user

    def deal(self, provider: Provider, deal_id: str) -> DealRecord | None:
        found = self._kind(provider, "deal").get(deal_id)
        if found is None and self._history is not None:
            return self._history.deal(provider, deal_id)
        return cast("DealRecord | None", found)

    def lead(self, provider: Provider, lead_id: str) -> LeadRecord | None:
        found = self._kind(provider, "lead").get(lead_id)
        if found is None and self._history is not None:
            return self._history.lead(provider, lead_id)
        return cast("LeadRecord | None", found)

    def account(self, provider: Provider, account_id: str) -> AccountRecord | None:
        found = self._kind(provider, "account").get(account_id)
        if found is None and self._history is not None:
            return self._history.account(provider, account_id)
        return cast("AccountRecord | None", found)

    def get(self, provider: Provider, kind: Kind, identifier: str) -> Held | None:
        """A deal, lead, account or user by its external id."""
        match kind:
            case "deal":
                return self.deal(provider, identifier)
            case "lead":
                return self.lead(provider, identifier)
            case "account":
                return self.account(provider, identifier)
            case "user":
                return next((user for user in self.all(provider, "user") if user.external_id == identifier), None)

    def all(self, provider: Provider, kind: Kind) -> Iterator[Held]:
        """Every record of a kind, deleted ones included, in no order. Accounts of the history are found by id only."""
        overlay = dict(self._kind(provider, kind))
        if self._history is not None:
            for owner, record in self._of_history(kind):
                if owner == provider and record.external_id not in overlay:
                    yield record
        yield from overlay.values()

    def _of_history(self, kind: Kind) -> Iterator[tuple[Provider, Held]]:
        if self._history is None or kind == "account":
            return
        source = {"deal": self._history.deals, "lead": self._history.leads, "user": self._history.users}[kind]
        yield from cast("Iterator[tuple[Provider, Held]]", source())

    def _kind(self, provider: Provider, kind: Kind) -> dict[str, Held]:
        return self._put.setdefault((provider, kind), {})
