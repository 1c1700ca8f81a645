"""Sends a plan as fast as the system takes it: a bounded number of requests at a time, each repeated until its CRM would rest."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPException

from deploy.local.checkcrm.comparing import Answers, Body
from deploy.local.checkcrm.plan import Plan, Sending
from deploy.local.checkcrm.spoiling import damaged, unusable
from deploy.local.crms import Crms
from deploy.local.traffic import Lines
from libs.common import clock
from simulator import senders
from simulator.config import Provider
from simulator.live.courier import succeeded
from simulator.records import DealRecord, LeadRecord

AT_ONCE = 24
RETRY_S = 0.25
GIVE_UP_S = 60.0
REFUSAL: dict[Provider, int] = {"hubspot": 401, "salesforce": 403, "pipedrive": 401, "standard": 401}
"""What each CRM is told that cannot prove itself."""

Done = Callable[[int], None]


class Courier:
    """Plays the four CRMs. `answers` is what the gateway said; `statuses` counts its answers by CRM, kind and status."""

    def __init__(self, crms: Crms, plan: Plan) -> None:
        self.answers = Answers()
        self.statuses: Counter[tuple[Provider, str, int]] = Counter()
        self._crms, self._plan = crms, plan
        self._lock = threading.Lock()
        self._queue = self._sendings()
        self._failures: list[BaseException] = []
        self._sent = 0

    def send(self, told: Done) -> None:
        """Returns when every delivery has its last answer; `told` learns now and then how many have."""
        with Lines(1) as lines:
            workers = [threading.Thread(target=self._work, args=(lines,), daemon=True) for _ in range(AT_ONCE)]
            for worker in workers:
                worker.start()
            while any(worker.is_alive() for worker in workers):
                workers[0].join(timeout=0.2)
                workers.append(workers.pop(0))
                told(self._sent)
        if self._failures:
            raise self._failures[0]

    def _sendings(self) -> Iterator[Sending]:
        """In order; before each, the CRMs have come as far as its moment."""
        happenings = iter(self._plan.happenings)
        following = next(happenings, None)
        for each in self._plan.sendings:
            while following is not None and following[0] <= each.at:
                _, provider, record = following
                if isinstance(record, DealRecord):
                    self._crms.state.put_deal(provider, record)
                elif isinstance(record, LeadRecord):
                    self._crms.state.put_lead(provider, record)
                following = next(happenings, None)
            yield each

    def _work(self, lines: Lines) -> None:
        try:
            while not self._failures:
                with self._lock:
                    each = next(self._queue, None)
                if each is None:
                    return
                self._deliver(lines, each)
                with self._lock:
                    self._sent += 1
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self._failures.append(error)

    def _deliver(self, lines: Lines, each: Sending) -> None:
        begun, attempt = time.monotonic(), 0
        while True:
            request = self._request(each, attempt)
            body = (self._crms.connection(each.provider).key, hashlib.sha256(request.body).hexdigest())
            self._note(each, body)
            if self._attempt(lines, each, request, body):
                return
            attempt += 1
            if time.monotonic() - begun > GIVE_UP_S:
                with self._lock:
                    self.answers.never_taken.append(f"{each.provider} {each.kind} {each.at.isoformat()}")
                return
            threading.Event().wait(RETRY_S)

    def _note(self, each: Sending, body: Body) -> None:
        with self._lock:
            if each.kind == "unusable":
                self.answers.unusable.add(body)
            elif each.kind == "damaged":
                self.answers.damaged.add(body)

    def _attempt(self, lines: Lines, each: Sending, request: senders.Request, body: Body) -> bool:
        """Whether its CRM need not send it again: it was taken, or rightly refused."""
        try:
            status, answer = lines.ask(request)
        except (OSError, HTTPException):
            with self._lock:
                self.answers.unanswered[body] += 1
            return False
        taken = succeeded(each.provider, status, answer)
        with self._lock:
            self.statuses[each.provider, each.kind, status] += 1
            if taken:
                self.answers.taken[body] += 1
            elif each.kind == "damaged" and status == REFUSAL[each.provider]:
                self.answers.refused.add(body)
            elif status >= 500:
                # It may have been stored although nobody could say so in time.
                self.answers.unanswered[body] += 1
        return taken or body in self.answers.refused

    def _request(self, each: Sending, attempt: int) -> senders.Request:
        """Signed now, as a CRM signs each attempt anew; what it tells may be days old."""
        connection, now = self._crms.connection(each.provider), clock.now()
        if each.kind == "damaged":
            return damaged(connection, each.number, at=now)
        if each.kind == "unusable":
            spoiled = unusable(connection, each.number, at=now)
            if spoiled.held is not None:
                self._crms.state.put_deal(each.provider, spoiled.held)
            return spoiled.request
        assert each.change is not None  # noqa: S101 - only spoiled deliveries have none
        attempts = attempt + (each.kind == "duplicate")
        return senders.requests(connection, [each.change], at=now, attempt=attempts)[each.part]
