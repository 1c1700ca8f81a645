"""Who may come in, against the real database and the real app."""

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from gateway.auth import service
from gateway.auth.dependencies import COOKIE, CSRF_HEADER
from gateway.auth.tokens import csrf_token
from libs.common.runtime import Runtime

HTML = {"accept": "text/html"}


@pytest.fixture
def door(api_for: Callable[[str], tuple[httpx.AsyncClient, Runtime]]) -> tuple[httpx.AsyncClient, Runtime]:
    return api_for("gateway")


async def _link(runtime: Runtime, **more: Any) -> str:
    async with runtime.database.transaction() as session:
        return await service.create_link(session, "ada@example.com", **more)


async def test_a_link_signs_in_once_and_reading_it_does_not_use_it_up(door: tuple[httpx.AsyncClient, Runtime]) -> None:
    client, runtime = door
    token = await _link(runtime, role="cso")
    assert (await client.get(f"/sign-in/{token}")).status_code == 200
    assert (await client.get(f"/sign-in/{token}")).status_code == 200

    first = await client.post(f"/sign-in/{token}")
    assert (first.status_code, first.headers["location"]) == (303, "/call")
    assert "httponly" in first.headers["set-cookie"].lower()
    assert "samesite=lax" in first.headers["set-cookie"].lower()
    assert (await client.get("/api/v1/me")).json()["roles"] == ["cso"]

    client.cookies.clear()
    assert (await client.post(f"/sign-in/{token}")).status_code == 401
    assert COOKIE not in client.cookies


async def test_a_link_from_another_site_signs_nobody_in(door: tuple[httpx.AsyncClient, Runtime]) -> None:
    client, runtime = door
    token = await _link(runtime)
    refused = await client.post(f"/sign-in/{token}", headers={"sec-fetch-site": "cross-site"})
    assert refused.status_code == 403
    assert (await client.post(f"/sign-in/{token}")).status_code == 303


async def test_an_unsafe_request_needs_the_sessions_own_token(door: tuple[httpx.AsyncClient, Runtime]) -> None:
    client, runtime = door
    await client.post(f"/sign-in/{await _link(runtime)}")
    session = client.cookies[COOKIE]
    assert (await client.post("/sign-out")).status_code == 403
    assert (await client.post("/sign-out", headers={CSRF_HEADER: csrf_token("another session")})).status_code == 403
    assert (await client.post("/sign-out", data={"csrf": csrf_token(session)})).status_code == 303

    client.cookies.set(COOKIE, session)
    assert (await client.get("/api/v1/me")).status_code == 401


async def test_a_person_who_is_no_longer_active_is_out_at_once(door: tuple[httpx.AsyncClient, Runtime]) -> None:
    client, runtime = door
    await client.post(f"/sign-in/{await _link(runtime)}")
    async with runtime.database.transaction() as session:
        await session.execute(text("UPDATE app_user SET is_active = false"))
    assert (await client.get("/api/v1/me")).status_code == 401


async def test_a_key_of_the_same_name_replaces_the_earlier_one(door: tuple[httpx.AsyncClient, Runtime]) -> None:
    client, runtime = door
    keys = []
    for _ in range(2):
        async with runtime.database.transaction() as session:
            keys.append(await service.create_key(session, "smoke", role="viewer"))
    answers = [await client.get("/api/v1/me", headers={"authorization": f"Bearer {key}"}) for key in keys]
    assert [answer.status_code for answer in answers] == [401, 200]


async def test_a_wrong_password_and_an_unknown_mail_are_told_the_same(door: tuple[httpx.AsyncClient, Runtime]) -> None:
    client, runtime = door
    await _link(runtime)
    async with runtime.database.transaction() as session:
        await service.set_password(session, "ada@example.com", password="a long passphrase")
    tries = [("ada@example.com", "wrong wrong wrong"), ("nobody@example.com", "a long passphrase")]
    refused = [await client.post("/sign-in", data={"email": mail, "password": secret}) for mail, secret in tries]
    assert [answer.status_code for answer in refused] == [401, 401]
    assert refused[0].text.replace("ada@", "") == refused[1].text.replace("nobody@", "")
    welcome = await client.post("/sign-in", data={"email": "Ada@Example.com", "password": "a long passphrase"})
    assert welcome.status_code == 303


async def test_guessing_is_slowed_down(door: tuple[httpx.AsyncClient, Runtime]) -> None:
    client, _ = door
    form = {"email": "guessed@example.com", "password": "no"}
    statuses = [(await client.post("/sign-in", data=form)).status_code for _ in range(10)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


async def test_the_audit_trail_names_who_came_in_and_cannot_be_rewritten(
    door: tuple[httpx.AsyncClient, Runtime],
) -> None:
    client, runtime = door
    await client.post(f"/sign-in/{await _link(runtime)}")
    async with runtime.database.reading() as session:
        rows = (await session.execute(text("SELECT action, actor, object FROM audit_entry ORDER BY entry_id"))).all()
    assert [row.action for row in rows] == ["sign_in_link.created", "session.started"]
    assert rows[1].actor == rows[1].object
    assert "@" not in rows[1].actor
    with pytest.raises(Exception, match="permission denied"):
        async with runtime.database.transaction() as session:
            await session.execute(text("DELETE FROM audit_entry"))


async def test_a_browser_is_led_to_the_sign_in_page_and_a_program_is_told(
    door: tuple[httpx.AsyncClient, Runtime],
) -> None:
    client, _ = door
    led = await client.get("/call?period=2026Q4", headers=HTML)
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=%2Fcall%3Fperiod%3D2026Q4")
    told = await client.get("/api/v1/forecast/call", headers=HTML)
    assert (told.status_code, told.headers["content-type"]) == (401, "application/problem+json")
    assert "script-src 'self'" in told.headers["content-security-policy"]


async def test_a_service_that_is_down_is_named_with_a_time_to_come_back(
    door: tuple[httpx.AsyncClient, Runtime],
) -> None:
    client, runtime = door
    await client.post(f"/sign-in/{await _link(runtime)}")
    told = await client.get("/api/v1/forecast/call")
    assert (told.status_code, told.json()["service"], told.headers["retry-after"]) == (503, "forecast", "2")
    shown = await client.get("/call", headers=HTML)
    assert shown.status_code == 503
    assert "The forecast service does not answer" in shown.text
    assert (await client.get("/deliveries", headers=HTML)).status_code == 200


async def test_what_somebody_may_do_is_told_when_it_is_given_and_when_it_is_taken_away(
    door: tuple[httpx.AsyncClient, Runtime],
) -> None:
    _, runtime = door
    await _link(runtime, role="manager")
    await _link(runtime)
    await _link(runtime, role="seller")
    async with runtime.database.transaction() as session:
        await service.create_key(session, "robot", role="finance")
    async with runtime.database.reading() as session:
        rows = await session.execute(
            text("SELECT key, data FROM outbox WHERE type = 'crm.rights.changed.v1' ORDER BY txid, position")
        )
        told = [(row.key, orjson.loads(row.data)) for row in rows]
    assert [(each["subject"].partition(":")[0], each["roles"]) for _, each in told] == [
        ("user", ["manager"]), ("user", ["seller"]), ("key", ["finance"]),
    ]  # fmt: skip
    assert told[0][0] == told[1][0], "one key, so one order"
    assert told[0][1]["version"] <= told[1][1]["version"]
