"""What happens to our own processes."""

import signal
from collections.abc import Iterator

from deploy.local.waiting import wait_until
from tests.faults.injection.registry import Scene, fault
from tests.faults.injection.system import COMPONENTS, System
from tests.faults.points import IN_PROCESSES

DEATH_S = 60.0


def _killed(scene: Scene, name: str) -> Iterator[str]:
    scene.system.kill(name)
    yield name
    scene.system.start(name)


@fault()
def gateway_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of the gateway: intake, reading, fetching back, relay and pages."""
    yield from _killed(scene, "gateway")


@fault()
def leads_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of the leads service."""
    yield from _killed(scene, "leads")


@fault()
def deals_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of the deals service."""
    yield from _killed(scene, "deals")


@fault()
def pricing_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of the pricing service."""
    yield from _killed(scene, "pricing")


@fault()
def forecast_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of the forecast service."""
    yield from _killed(scene, "forecast")


@fault()
def component_stopped_in_order(scene: Scene) -> Iterator[str]:
    """SIGTERM of one component, which stops its parts in order."""
    name = scene.draw.choice(COMPONENTS)
    scene.system.stop(name)
    yield name
    scene.system.start(name)


@fault()
def component_killed_while_it_starts(scene: Scene) -> Iterator[str]:
    """kill -9 of one component, and again twice before it is ready."""
    name = scene.draw.choice(COMPONENTS)
    for _ in range(3):
        scene.system.kill(name)
        scene.system.start(name, wait=False)
        scene.wait(0.2, 2.5)
    yield name
    scene.system.start(name)


@fault()
def component_frozen(scene: Scene) -> Iterator[str]:
    """SIGSTOP of one component in the middle of whatever it does; it then goes on as if no time had passed."""
    name = scene.draw.choice(COMPONENTS)
    scene.system.stack.child(name).ask(signal.SIGSTOP)
    yield name
    scene.system.stack.child(name).ask(signal.SIGCONT)


@fault()
def all_components_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of every component at once; the servers stay."""
    for name in COMPONENTS:
        scene.system.kill(name)
    yield ", ".join(COMPONENTS)
    for name in COMPONENTS:
        scene.system.start(name, wait=False)


@fault()
def everything_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of every process there is, servers too, as by a power cut of the memory."""
    scene.system.may_end(COMPONENTS)
    scene.system.stack.kill_all()
    yield "all"
    scene.system.stack.start()


@fault()
def died_at_a_crash_point(scene: Scene) -> Iterator[str]:
    """A component dies at a named point between two steps: stored and not answered, sent and not noted, ..."""
    point = scene.draw.choice(sorted(IN_PROCESSES))
    yield from dying(scene, point, scene.draw.choice(sorted(IN_PROCESSES[point])))


def dying(scene: Scene, point: str, name: str) -> Iterator[str]:
    """The component is restarted armed for the point, dies there, and comes back without."""
    system, traffic = scene.system, scene.traffic
    system.start(name, wait=False, FORETELL_CRASH_AT=point)
    system.may_end([name])

    def died() -> bool:
        scene.others.send()
        return system.stack.child(name).exit_status is not None

    assert wait_until(died, timeout_s=DEATH_S, every_s=0.5), (
        f"{name} never came to {point} although {len(traffic.sent)} changes were sent"
    )
    yield f"{name} at {point}"
    status = system.stack.child(name).exit_status
    assert status == 137, f"{name} ended with {status} instead of at {point}: {system.stack.logs(name)[-1500:]}"
    system.start(name)


@fault()
def zombie_relay(scene: Scene) -> Iterator[str]:
    """A relay is frozen, loses its lock and is replaced by another; then it goes on, believing that it leads."""
    name = scene.draw.choice(("gateway", "deals"))
    yield from _zombie(scene, name, "relay")


@fault()
def zombie_worker(scene: Scene) -> Iterator[str]:
    """A worker is frozen, its sessions end, another takes its partitions; then it goes on with what it had read."""
    name = scene.draw.choice(("deals", "forecast", "leads"))
    yield from _zombie(scene, name, "worker")


def _zombie(scene: Scene, name: str, role: str) -> Iterator[str]:
    system = scene.system
    system.second(name, role)
    system.stack.child(name).ask(signal.SIGSTOP)
    end_sessions(system, name)
    yield f"{role} of {name}"
    system.stack.child(name).ask(signal.SIGCONT)
    scene.wait(0.5, 1.5)
    system.seconds.pop().kill()


def end_sessions(system: System, name: str, where: str = "true") -> int:
    """The server ends a component's sessions; how many."""
    ended = system.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "  # noqa: S608
        f"WHERE datname = 'foretell_{name}' AND usename = 'foretell_app' AND {where}"
    )
    return len(ended.splitlines())


@fault()
def second_process_comes_and_dies(scene: Scene) -> Iterator[str]:
    """A second process of a component, with all its work, joins the first and is killed."""
    name = scene.draw.choice(COMPONENTS)
    child = scene.system.second(name, "worker", "relay", "scheduler")
    yield name
    child.kill()
    scene.system.seconds.remove(child)


@fault()
def second_process_takes_over(scene: Scene) -> Iterator[str]:
    """A second process waits beside the first; the first is killed, later it comes back and the second is killed."""
    name = scene.draw.choice(("leads", "deals", "forecast", "pricing"))
    child = scene.system.second(name, "worker", "relay", "scheduler")
    scene.system.kill(name)
    yield name
    scene.system.start(name)
    child.kill()
    scene.system.seconds.remove(child)


@fault()
def restarted_one_after_the_other(scene: Scene) -> Iterator[str]:
    """Every component is stopped in order and started again, one after the other, as an upgrade does it."""
    names = scene.draw.sample(COMPONENTS, len(COMPONENTS))
    for name in names[:-1]:
        scene.system.start(name)
    yield ", ".join(names)
    scene.system.start(names[-1])
