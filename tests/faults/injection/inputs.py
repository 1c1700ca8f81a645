"""What comes from outside, from a defective version of ourselves, or from the clock."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from uuid import uuid4

from deploy.local.traffic import Lines, Sent
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.events.crm import CrmDealChanged
from libs.common.messaging.topics import CONSUMERS, CRM_CHANGES
from simulator import senders
from simulator.live.courier import succeeded
from simulator.sending.change import Request
from simulator.signing import sign_standard
from tests.faults.injection.registry import Scene, fault
from tests.faults.injection.system import COMPONENTS, System

NOTICED_S = 60.0


@fault()
def deliveries_repeated_and_shuffled(scene: Scene) -> Iterator[str]:
    """The CRMs send again what was taken long ago, some of it several times, in any order, eight at a time."""
    taken = [each for each in scene.traffic.taken for _ in range(scene.draw.choice((1, 1, 2, 4)))]
    scene.draw.shuffle(taken)
    done = sum(_sent_again(scene, taken))
    yield f"{done} deliveries"


def _sent_again(scene: Scene, taken: Sequence[Sent]) -> list[bool]:
    with Lines(1) as lines, ThreadPoolExecutor(8) as threads:

        def send(sent: Sent) -> bool:
            connection = scene.crms.connection(sent.provider)
            (request,) = senders.requests(connection, [sent.change], at=clock.now(), attempt=1)
            return _is_taken(lines, sent, request)

        return list(threads.map(send, taken))


def _is_taken(lines: Lines, sent: Sent, request: Request) -> bool:
    try:
        status, body = lines.ask(request)
    except (OSError, HTTPException):
        return False
    return succeeded(sent.provider, status, body)


@fault()
def unreadable_delivery(scene: Scene) -> Iterator[str]:
    """A signed delivery whose body nobody can read: it is accepted and parked, and nothing waits for it."""
    answer = _standard(scene, b'{"event": "deal.changed", "record": {"id": ' + str(uuid4()).encode())
    scene.books.expect_parked(1)
    yield f"answered with {answer}"


@fault()
def oversized_delivery(scene: Scene) -> Iterator[str]:
    """Deliveries far beyond the limit, some cut off in the middle: refused, nothing of them stored."""
    answers = [_standard(scene, b"{" + b" " * size) for size in (3_000_000, 12_000_000)]
    assert all(answer is None or answer >= 400 for answer in answers), f"answered with {answers}"
    yield f"answered with {answers}"


def _standard(scene: Scene, body: bytes) -> int | None:
    """The status that a signed delivery with this body gets; None when the connection ended before."""
    connection, at = scene.crms.connection("standard"), int(clock.now().timestamp())
    signed = sign_standard(connection.secrets["secret"], message_id=f"msg_{uuid4().hex}", timestamp=at, body=body)
    headers = {"Content-Type": "application/json", **signed}
    with Lines(1) as lines:
        try:
            return lines.ask(Request("POST", connection.url, headers, body))[0]
        except (OSError, HTTPException):
            return None


@fault()
def poison_event(scene: Scene) -> Iterator[str]:
    """A defective version writes an event that no consumer can read: each sets it aside and goes on."""
    scene.system.sql(
        "INSERT INTO outbox (id, topic, key, type, subject, occurred_at, recorded_at, aggregate_version, attributes, data) "
        f"SELECT gen_random_uuid(), '{CRM_CHANGES.name}', gen_random_uuid(), '{CrmDealChanged.TYPE}', 'poison', now(), now(), "
        """1, '{}', '{"poison": true}'::bytea""",
        "gateway",
    )
    yield CRM_CHANGES.name
    set_aside(scene.system, CONSUMERS[CRM_CHANGES.name], 1)


def set_aside(system: System, consumers: Sequence[str], count: int) -> None:
    """Wait until each of the consumers has so many dead letters, and discard them as a person would."""

    def letters() -> list[int]:
        asked = "SELECT count(*) FROM dead_letter WHERE state = 'open'"
        return [int(system.sql(asked, name)) for name in consumers]

    noticed = wait_until(lambda: letters() == [count] * len(consumers), timeout_s=NOTICED_S, every_s=0.2)
    assert noticed, f"dead letters of {', '.join(consumers)}: {letters()} instead of {count} each"
    for name in consumers:
        system.sql("UPDATE dead_letter SET state = 'discarded', settled_at = now() WHERE state = 'open'", name)


@fault()
def clock_of_one_component_wrong(scene: Scene) -> Iterator[str]:
    """One component's clock is up to two minutes ahead or behind, and later right again."""
    name, offset_s = scene.draw.choice(COMPONENTS), scene.draw.choice((-1, 1)) * scene.draw.uniform(5, 120)
    scene.system.start(name, FORETELL_CLOCK_OFFSET_S=f"{offset_s:.1f}")
    yield f"{name} by {offset_s:+.0f} s"
    scene.system.start(name)


@fault()
def clocks_jump_together(scene: Scene) -> Iterator[str]:
    """All components' clocks jump up to four minutes at once, and back."""
    offset_s = scene.draw.choice((-1, 1)) * scene.draw.uniform(30, 240)
    for name in COMPONENTS:
        scene.system.start(name, wait=False, FORETELL_CLOCK_OFFSET_S=f"{offset_s:.1f}")
    for name in COMPONENTS:
        scene.system.stack.await_ready(name)
    yield f"{offset_s:+.0f} s"
    for name in COMPONENTS:
        scene.system.start(name, wait=False)
