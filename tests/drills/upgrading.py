"""docs/runbooks/upgrade.md, followed: an earlier release is replaced by this one under traffic, process by process, goes back, and is
replaced again. What was accepted, what is told again and what people open are compared after each step.
"""

import io
import json
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import httpx
import typer

from deploy.documents import COMPONENTS
from deploy.local import fingerprints
from deploy.local.components import PACKAGES, ROOT
from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.traffic import Traffic
from deploy.local.waiting import wait_until
from tests.faults.books import Books, Difference

ORDER = ("forecast", "pricing", "leads", "deals", "gateway")
"""Who is told goes before who tells, the pages come last; back it goes the other way round."""
RATE_PER_S = 8
CHANGES = 40
"""At least so many changes flow in each state."""
SETTLE_S = 120.0
OPENS_S = 30.0
_LINK = re.compile(r'href="(/[a-z][a-z0-9/-]*)["?]')
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass
class Upgrade:
    """A running system, the two releases of its code, and what was found wrong."""

    stack: Stack
    crms: Crms
    books: Books
    old: Path
    pages: tuple[str, ...] = ()
    found: list[Difference] = field(default_factory=list)
    changes: int = 0
    person: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.person = httpx.Client(base_url=self.stack.url("gateway"), timeout=10, trust_env=False)

    @contextmanager
    def flowing(self, seed: int) -> Iterator[Traffic]:
        """Changes arrive while the body runs; afterwards all of them have been taken."""
        traffic = self.books.traffic(seed=seed, per_crm=10, duplicates=0.1, deletions=0.03)
        with traffic.flowing(rate_per_s=RATE_PER_S):
            yield traffic
        self.changes += len(traffic.sent)

    def replace(self, name: str, code: Path, traffic: Traffic) -> None:
        """One process of the other release in the place of this one, ready, with changes flowing and pages open."""
        begun, before = time.monotonic(), len(traffic.sent)
        self.stack.run_from(name, code)
        self.stack.restart(name)
        wait_until(lambda: len(traffic.sent) >= before + CHANGES, timeout_s=60, every_s=0.1)
        self.open(f"{name} of the {'old' if code == self.old else 'new'} release", begun)

    def open(self, when: str, begun: float) -> None:
        """Every page that could be opened before opens."""
        shut: dict[str, str] = {}

        def all_open() -> bool:
            shut.clear()
            shut.update({path: found for path in self.pages if (found := self._answer(path)) != "200"})
            return not shut

        wait_until(all_open, timeout_s=OPENS_S, every_s=1.0)
        self.found += [Difference("diverged", f"{path} answers {status} with {when}") for path, status in shut.items()]
        self._say(when, begun, f"{len(self.pages) - len(shut)} of {len(self.pages)} pages open")

    def settle(self, when: str) -> None:
        """Everything accepted stands in the books as the CRMs hold it, and being told again changes nothing of it."""
        begun = time.monotonic()
        _, differences = self.books.settled(SETTLE_S)
        self.found += differences
        good = fingerprints.of(self.stack)
        for each in COMPONENTS:
            if each.republishes:
                self.stack.command(each.name, "republish")
        self.books.told_again()
        _, after = self.books.settled(SETTLE_S)
        self.found += after
        missed = fingerprints.differing(good, fingerprints.of(self.stack))
        self.found += [Difference("diverged", f"{each} was not what is told again") for each in missed]
        self._say(
            when, begun, f"{len(differences + after)} differences, {len(missed)} tables changed by being told again"
        )

    def sign_in(self) -> None:
        """As somebody who may do everything. What the pages lead to in two steps, one of each kind, must open from now on."""
        said = self.stack.command("gateway", "sign-in-link", "--email", "cso@example.com", "--role", "admin")
        answer = self.person.post(said.split()[-1], headers={"Origin": self.stack.url("gateway")})
        found: dict[str, str] = {}
        paths = [answer.headers["location"]]
        for _ in range(3):
            seen = [self.person.get(path) for path in paths]
            offered = (path for page in seen if page.is_success for path in _LINK.findall(page.text))
            before = set(found)
            for path in offered:
                if not path.startswith(("/static", "/sign-", "/api")):
                    found.setdefault(_ID.sub("{id}", path), path)
            paths = [found[kind] for kind in found.keys() - before]
        self.pages = tuple(path for path in found.values() if self._answer(path) == "200")

    def _answer(self, path: str) -> str:
        try:
            return str(self.person.get(path).status_code)
        except httpx.HTTPError as error:
            return type(error).__name__

    def _say(self, when: str, begun: float, what: str) -> None:
        typer.echo(f"upgrade   | {time.monotonic() - begun:5.1f} s  {when}: {what}")


def follow(at: Upgrade) -> None:
    """The runbook's steps, then back, then forth again."""
    with at.flowing(seed=1) as traffic:
        wait_until(lambda: len(traffic.sent) >= CHANGES, timeout_s=60, every_s=0.1)
        at.sign_in()
        begun = time.monotonic()
        for name in ORDER:
            at.stack.run_from(name, ROOT)
        at.stack.migrate()
        at.open("the databases of the new release, all processes old", begun)
        for name in ORDER:
            at.replace(name, ROOT, traffic)
    at.settle("the new release")
    with at.flowing(seed=2) as traffic:
        for name in reversed(ORDER):
            at.replace(name, at.old, traffic)
        for name in ORDER:
            at.replace(name, ROOT, traffic)
    at.settle("back and forth again")


def unpacked(release: str, into: Path) -> Path:
    """The files of a release. Raises CalledProcessError where git does not know it."""
    files = subprocess.run(["git", "archive", release], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(files)) as archive:
        archive.extractall(into, filter="data")
    return into


def main(
    release: Annotated[str, typer.Option("--from", help="the release that runs before: anything that git knows")],
) -> None:
    """Status 1 and what differs when an upgrade from that release loses, doubles, changes or closes anything."""
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="foretell-upgrade-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        for each in ("old", "home"):
            (folder / each).mkdir(mode=0o755)
        try:
            old = unpacked(release, folder / "old")
        except subprocess.CalledProcessError as error:
            raise typer.BadParameter(error.stderr.decode().strip(), param_hint="--from") from None
        stack = Stack(folder / "home")
        for component in PACKAGES:
            stack.run_from(component, old)
        with stack, Crms(stack) as crms:
            at = Upgrade(stack, crms, Books(crms), old)
            follow(at)
    for found in at.found[:30]:
        typer.echo(str(found))
    kinds = Counter(each.kind for each in at.found)
    line = {"name": "drill-upgrade", "from": release, "changes": at.changes, "pages": len(at.pages)}
    line |= {kind: kinds[kind] for kind in ("on its way", "lost", "twice", "diverged")}
    typer.echo(json.dumps(line | {"seconds": round(time.monotonic() - begun, 1)}))
    raise typer.Exit(1 if at.found else 0)


if __name__ == "__main__":
    typer.run(main)
