"""docs/runbooks/restore.md, followed line by line in a system of its own: each restore ends in what was known."""

from collections.abc import Iterator

import pytest

from deploy.local.drills import restore


@pytest.fixture(scope="module")
def site() -> Iterator[restore.Site]:
    with restore.site() as made:
        yield made


@pytest.mark.parametrize("case", restore.CASES)
def test_after_a_restore_the_system_knows_what_it_knew(site: restore.Site, case: str) -> None:
    assert restore.CASES[case](site) == []
