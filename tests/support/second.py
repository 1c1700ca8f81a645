"""One more process of a component beside the one that a system has."""

from deploy.local import components
from deploy.local.children import Child
from deploy.local.components import PACKAGES
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until

STARTS_S = 60.0


class Second:
    """Runs with these roles until it is stopped; the caller ends it."""

    def __init__(self, stack: Stack, name: str, *roles: str, number: int = 0, taken: set[int] | None = None) -> None:
        self.name = name
        self.child = Child(f"{name}-second-{number}", stack.home, stack.terminal)
        port = free_port(set(stack.state.ports.values()) | (taken or set()))
        self.url = f"http://{LOOPBACK}:{port}"
        env = {**stack.environment(name), "FORETELL_PORT": str(port)}
        self.child.start(components.python(PACKAGES[name], "run", *roles), env=env, cwd=components.ROOT)
        wait_until(lambda: "started" in self.child.tail(50) or self.child.exit_status is not None, timeout_s=STARTS_S)
        if "started" not in self.child.tail(50):
            raise AssertionError(f"a second process of {name} did not start: {self.child.tail(5)}")
