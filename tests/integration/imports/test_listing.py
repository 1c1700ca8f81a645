"""`/api/v1/imports` as sales operations sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.auth.service import create_key
from gateway.imports import service
from gateway.imports.reading.files import locate
from gateway.imports.reading.load import parse_mapping
from libs.common.web.auth import Principal

MAPPING = """
version: {version}
name: people-only
connection: acme
files: {{people: {{match: people.csv}}}}
records:
  - {{object: user, file: people, id: id, changes: [{{at: since}}]}}
"""


async def key_of(runtime: Any, role: str) -> dict[str, str]:
    async with runtime.database.transaction() as session:
        return {"Authorization": f"Bearer {await create_key(session, role, role=role, scope=[])}"}


async def test_imports_are_listed_newest_first_page_by_page(api_for: Callable[..., Any], tmp_path: Path) -> None:
    client, runtime = api_for("gateway")
    (tmp_path / "people.csv").write_text("id,since\nu1,2020-01-01\n,2020-01-01\n")
    for version in (1, 2, 3):
        document = parse_mapping(MAPPING.format(version=version), where="people")
        await service.run(runtime.database, document, locate(tmp_path, document), principal=Principal.system("import"))
    headers = await key_of(runtime, "sales_ops")

    first = (await client.get("/api/v1/imports", params={"limit": 2}, headers=headers)).json()
    rest = (
        await client.get("/api/v1/imports", params={"limit": 2, "cursor": first["next_cursor"]}, headers=headers)
    ).json()

    assert [each["mapping_version"] for each in first["imports"] + rest["imports"]] == [3, 2, 1]
    assert rest["next_cursor"] is None
    newest = first["imports"][0]
    assert (newest["state"], newest["files"], newest["business_date"]) == ("finished", ["people.csv"], None)
    assert newest["counts"]["changes"] == {"user": 1}
    assert newest["counts"]["refused"] == {"id: no id": 1}


async def test_imports_are_not_shown_to_strangers_or_viewers(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("gateway")

    assert (await client.get("/api/v1/imports")).status_code == 401
    assert (await client.get("/api/v1/imports", headers=await key_of(runtime, "viewer"))).status_code == 403


async def test_a_cursor_of_another_list_is_refused(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("gateway")
    answer = await client.get(
        "/api/v1/imports", params={"cursor": "bm90LW91cnM"}, headers=await key_of(runtime, "admin")
    )

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
