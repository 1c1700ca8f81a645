"""`make bench-projection`, small: it runs the product's book, and its last line tells what was measured."""

import json

from deploy.local import projecting


def test_the_bench_projects_every_node_and_month_and_moves_deals() -> None:
    said: list[str] = []
    found = json.loads(projecting.line(projecting.run(deals=20_000, say=said.append)))
    assert (found["name"], found["deals"], found["months"], found["nodes"]) == ("projection", 20_000, 12, 2070)
    assert {"seconds", "tables_s", "mb", "us", "us_p95", "load"} < set(found)
    assert 0 < found["seconds"] < 10
    assert 0 < found["us"] < 10_000
    assert len(said) == 3
