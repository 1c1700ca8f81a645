"""docs/runbooks/rotation.md, followed line by line in the running system: no answer is missing, nothing is lost, and the old key opens nothing."""

import json
import uuid
from collections.abc import Iterator

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from deploy.local import simulated
from deploy.local import state as installation
from deploy.local.components import PACKAGES, database
from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.config import CommonSettings
from libs.common.ids import entity_id
from libs.common.web.auth import Principal, TokenSigner
from simulator import config as simulator_config
from simulator import examples, senders
from tests.faults.books import Books

RATE_PER_S = 8
SERVED = (
    "/api/v1/deals?limit=1",
    "/api/v1/leads?limit=1",
    "/api/v1/products?limit=1",
    "/api/v1/forecast/rollup?by=region",
)
"""One reading of each service, through the gateway."""
VERIFY, SIGNING = "FORETELL_INTERNAL_VERIFY_KEYS", "FORETELL_INTERNAL_SIGNING_KEY"


@pytest.fixture
def replacing(stack: Stack) -> Iterator[Stack]:
    """The system with its own keys again at the end."""
    yield stack
    for name in PACKAGES:
        stack.restart(name, env={}, wait=False)
    for name in PACKAGES:
        stack.await_ready(name)


def _one_after_the_other(stack: Stack, crms: Crms, settings: dict[str, str]) -> None:
    """Restart each component with these settings; whichever has them already, every service answers."""
    for name in PACKAGES:
        stack.restart(name, env=settings)
        assert [crms.http.get(path).status_code for path in SERVED] == [httpx.codes.OK] * len(SERVED), name


def test_the_key_of_internal_tokens(replacing: Stack, crms: Crms, books: Books) -> None:
    old, new = replacing.state, installation.make({})
    both = json.dumps({"keys": json.loads(old.verify_keys)["keys"] + json.loads(new.verify_keys)["keys"]})
    with books.traffic(seed=81, per_crm=10).flowing(rate_per_s=RATE_PER_S):
        _one_after_the_other(replacing, crms, {VERIFY: both})
        _one_after_the_other(replacing, crms, {VERIFY: both, SIGNING: new.private_key})
        _one_after_the_other(replacing, crms, {VERIFY: new.verify_keys, SIGNING: new.private_key})
    books.settle()
    assert _status_with(old, replacing) == httpx.codes.UNAUTHORIZED
    assert _status_with(new, replacing) == httpx.codes.OK


def _status_with(keys: installation.State, stack: Stack) -> int:
    """What the deals service answers to somebody who signs with these keys."""
    settings = CommonSettings(database_url=SecretStr("unused"), internal_signing_key=SecretStr(keys.private_key))
    token = TokenSigner(settings).sign(Principal.system("drill"))
    url = f"{stack.url('deals')}/v1/deals?limit=1"
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code


def test_the_key_of_the_secrets_of_connections(replacing: Stack, crms: Crms, books: Books) -> None:
    old, new = replacing.state.secrets_key, Fernet.generate_key().decode()
    with books.traffic(seed=82, per_crm=10).flowing(rate_per_s=RATE_PER_S):
        replacing.restart("gateway", env={"FORETELL_SECRETS_KEY": f"{new},{old}"})
        replacing.command("gateway", "seal-secrets")
        replacing.restart("gateway", env={"FORETELL_SECRETS_KEY": new})
    books.settle()
    replacing.configure("gateway", {})
    with pytest.raises(StartFailed, match="FORETELL_SECRETS_KEY"):
        replacing.command("gateway", "seal-secrets")
    replacing.configure("gateway", {"FORETELL_SECRETS_KEY": f"{old},{new}"})
    replacing.command("gateway", "seal-secrets")


def test_the_secret_of_one_connection(stack: Stack, crms: Crms, books: Books) -> None:
    before = stack.state.simulator["standard_secret"]
    stack.state.simulator["standard_secret"] = installation.make({}).simulator["standard_secret"]
    simulated.write_configuration(stack)
    simulated.put_connections(stack)
    traffic = books.traffic(seed=83, per_crm=5)
    with traffic.flowing(rate_per_s=RATE_PER_S):
        assert wait_until(lambda: sum(each.taken is not None for each in traffic.sent) >= 12, timeout_s=60)
        refused = [each for each in traffic.sent if each.provider == "standard"]
        assert [each.taken for each in refused] == [None] * len(refused), "signed with the secret of before"
        assert refused
        crms.config = simulator_config.parse(simulated.configuration(stack.state))
    books.settle()
    assert stack.state.simulator["standard_secret"] != before


def test_the_secret_of_match_keys(replacing: Stack, crms: Crms) -> None:
    connection, person = crms.connection("standard"), uuid.uuid4().hex[:12]

    def captured(name: str) -> str:
        record = examples.lead(name, clock.now(), None, email=f"{person}@example.com", company=f"{person} Ltd")
        request = senders.lead_request(connection, record, event="created")
        assert crms.http.post(request.url, content=request.body, headers=request.headers).is_success
        return str(entity_id(connection.key, "lead", name))

    def of_one_mailbox(lead: str) -> set[str]:
        pairs = crms.http.get(f"/api/v1/leads/duplicates?lead={lead}").json()["items"]
        alike = [pair for pair in pairs if "same mail" in {reason["rule"] for reason in pair["reasons"]}]
        return {each for pair in alike for each in (pair["one"], pair["other"])}

    old = {captured(f"{person}-1"), captured(f"{person}-2")}
    first = min(old)
    assert wait_until(lambda: of_one_mailbox(first) == old, timeout_s=60, every_s=0.2), of_one_mailbox(first)
    before = _mail_keys(replacing)
    for name in ("gateway", "leads"):
        replacing.restart(name, env={"FORETELL_MATCH_KEY": uuid.uuid4().hex}, wait=True)

    assert wait_until(lambda: not before & _mail_keys(replacing), timeout_s=60, every_s=0.2)
    every = old | {captured(f"{person}-3")}
    assert wait_until(lambda: of_one_mailbox(first) == every, timeout_s=60, every_s=0.2), of_one_mailbox(first)


def _mail_keys(stack: Stack) -> set[str]:
    found = stack.postgres.sql("SELECT mail FROM person_key WHERE mail IS NOT NULL", database=database("leads"))
    return set(found.split())
