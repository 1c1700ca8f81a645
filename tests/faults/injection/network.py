"""What happens between the processes. Who is cut off from whom is drawn each time, so every pair has its turn."""

from collections.abc import Iterator, Sequence

from tests.faults.injection.links import EVERYBODY, Condition, Link
from tests.faults.injection.registry import Scene, fault
from tests.faults.injection.system import COMPONENTS, CRMS

SLOW_S = (0.02, 0.15)


def _link(scene: Scene, links: Sequence[Link], callers: Sequence[str], condition: Condition) -> Iterator[str]:
    caller = scene.draw.choice(callers)
    delay_s = scene.draw.uniform(*SLOW_S) if condition is Condition.SLOW else 0.0
    for link in links:
        link.put(condition, caller, delay_s=delay_s)
    whom = "everybody" if caller == EVERYBODY else caller
    yield f"{whom} to {', '.join(link.name for link in links)}" + (f", {delay_s * 1000:.0f} ms" if delay_s else "")
    for link in links:
        link.heal()


def _to_database(scene: Scene, condition: Condition) -> Iterator[str]:
    yield from _link(scene, [scene.system.network.links["postgres"]], (*COMPONENTS, EVERYBODY), condition)


def _to_brokers(scene: Scene, condition: Condition) -> Iterator[str]:
    yield from _link(scene, scene.system.brokers, (*COMPONENTS, EVERYBODY), condition)


def _to_service(scene: Scene, condition: Condition) -> Iterator[str]:
    links = scene.system.network.links
    caller = scene.draw.choice(COMPONENTS)
    others = [links[name] for name in COMPONENTS if name != caller]
    yield from _link(scene, [scene.draw.choice(others)], [caller], condition)


@fault()
def database_cut_off(scene: Scene) -> Iterator[str]:
    """Connections to PostgreSQL are reset and new ones refused."""
    yield from _to_database(scene, Condition.CUT)


@fault()
def database_silent(scene: Scene) -> Iterator[str]:
    """Nothing passes to or from PostgreSQL, and nothing is reset; later all of it arrives."""
    yield from _to_database(scene, Condition.SILENT)


@fault()
def database_slow(scene: Scene) -> Iterator[str]:
    """Each piece to and from PostgreSQL waits."""
    yield from _to_database(scene, Condition.SLOW)


@fault()
def answers_of_the_database_lost(scene: Scene) -> Iterator[str]:
    """PostgreSQL gets what it is asked, commits included, and no answer arrives; later connections are reset."""
    yield from _to_database(scene, Condition.MUTE)


@fault()
def broker_cut_off(scene: Scene) -> Iterator[str]:
    """Connections to the broker are reset and new ones refused."""
    yield from _to_brokers(scene, Condition.CUT)


@fault()
def broker_silent(scene: Scene) -> Iterator[str]:
    """Nothing passes to or from the broker, and nothing is reset."""
    yield from _to_brokers(scene, Condition.SILENT)


@fault()
def broker_slow(scene: Scene) -> Iterator[str]:
    """Each piece to and from the broker waits."""
    yield from _to_brokers(scene, Condition.SLOW)


@fault()
def acknowledgements_lost(scene: Scene) -> Iterator[str]:
    """The broker writes what relays send, and its acknowledgements are lost in the middle of batches."""
    for _ in range(2):
        for link in scene.system.brokers:
            link.put(Condition.MUTE)
        scene.wait(0.2, 1.2)
        for link in scene.system.brokers:
            link.heal()
        scene.wait(0.2, 0.6)
    yield "all relays and workers, twice"


@fault()
def service_cut_off(scene: Scene) -> Iterator[str]:
    """One component cannot reach another by HTTP."""
    yield from _to_service(scene, Condition.CUT)


@fault()
def service_silent(scene: Scene) -> Iterator[str]:
    """One component asks another by HTTP and hears nothing."""
    yield from _to_service(scene, Condition.SILENT)


@fault()
def gateway_cut_off_from_the_crms(scene: Scene) -> Iterator[str]:
    """Deliveries do not reach the gateway."""
    yield from _link(scene, [scene.system.network.links["gateway"]], [CRMS], Condition.CUT)


@fault()
def answers_to_the_crms_lost(scene: Scene) -> Iterator[str]:
    """Deliveries are stored and the CRMs never hear of it, so they send again."""
    yield from _link(scene, [scene.system.network.links["gateway"]], [CRMS], Condition.MUTE)


@fault()
def crm_does_not_answer(scene: Scene) -> Iterator[str]:
    """The CRMs' REST, from which thin events are fetched back, is cut off, silent or mute."""
    condition = scene.draw.choice((Condition.CUT, Condition.SILENT, Condition.MUTE))
    yield from _link(scene, [scene.system.network.links[CRMS]], ["gateway"], condition)


@fault()
def one_component_on_its_own(scene: Scene) -> Iterator[str]:
    """One component is cut off from database, broker and all other components at once."""
    name, links = scene.draw.choice(COMPONENTS), scene.system.network.links.values()
    for link in links:
        link.put(Condition.CUT, name)
    yield name
    for link in links:
        link.heal()
