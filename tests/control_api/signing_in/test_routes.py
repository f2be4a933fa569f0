"""Signing in over HTTP, as programs and as pages do it."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from config.identities import SigningInSettings
from config.settings import ControlSettings
from control_api.signing_in.cookies import COOKIE, PLAIN_COOKIE
from control_api.signing_in.fetching import fetch
from control_api.signing_in.routes import CSRF
from tests.control_api.desk import FakeDesk, call_model
from tests.control_api.serving import ANNA_TOKEN, Served, ask, receive, serving
from tests.control_api.signing_in.issuer import Issuer, serving_issuer
from tests.control_api.signing_in.offices import SETTINGS, Clock, office_of
from tests.control_api.signing_in.test_issuers import settings_of

CARLA = {"name": "carla", "password": "open sesame"}
CRM = "https://crm.example.com"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(ControlSettings(origins=(CRM,))) as server:
        yield server


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.url, trust_env=False, verify=False, timeout=30) as client:
        yield client


async def signed_in(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    response = await client.post("/v1/sign-in", json=CARLA | asked)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_page_is_told_how_one_can_sign_in(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/sign-in")).json() == {"password": True, "issuers": [], "redirects": []}


async def test_the_access_token_opens_the_websocket_until_one_signs_out(served: Served, client: httpx.AsyncClient) -> None:
    access = (await signed_in(client))["access"]
    async with served.connect(access) as websocket:
        assert (await receive(websocket))["identity"] == "carla"
        response = await client.post("/v1/sign-out", headers={"Authorization": f"Bearer {access}"}, json={})
        assert response.status_code == 200
        await receive(websocket)  # the snapshot
        with pytest.raises(ConnectionClosed) as closed:
            await receive(websocket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    with pytest.raises(InvalidStatus):
        await served.connect(access).__aenter__()


async def test_a_program_renews_by_what_the_answer_gave(client: httpx.AsyncClient) -> None:
    first = await signed_in(client)
    second = (await client.post("/v1/sign-in/renew", json={"renewal": first["renewal"]})).json()
    assert second["access"] != first["access"]
    assert second["session"] == first["session"]


async def test_a_page_gets_a_cookie_that_no_script_reads_and_nothing_else_renews(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/sign-in", json=CARLA | {"cookie": True})
    assert "renewal" not in response.json()
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "domain" not in cookie.lower()


async def with_cookie(client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    """A request with the cookie that signing in gave; httpx keeps secure cookies from plain HTTP, a browser on loopback does not."""
    response = await client.post("/v1/sign-in", json=CARLA | {"cookie": True})
    cookie = response.headers["set-cookie"].partition(";")[0]
    client.cookies.clear()
    csrf = headers.pop("csrf", response.json()["csrf"])
    return await client.post(path, json={}, headers={"Cookie": cookie, CSRF: csrf, **headers})


async def test_the_cookie_renews_beside_its_csrf_from_our_own_page(served: Served, client: httpx.AsyncClient) -> None:
    response = await with_cookie(client, "/v1/sign-in/renew", Origin=served.url)
    assert response.status_code == 200
    assert "set-cookie" in response.headers


@pytest.mark.parametrize("path", ["/v1/sign-in/renew", "/v1/sign-out"])
async def test_the_cookie_alone_is_not_enough(served: Served, client: httpx.AsyncClient, path: str) -> None:
    wrong = [{"Origin": served.url, "csrf": "guess"}, {"Origin": served.url, "csrf": ""}, {"Origin": "https://evil.example"}, {}]
    for headers in wrong:
        response = await with_cookie(client, path, **headers)
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")


async def test_a_page_of_another_host_signs_nobody_in(client: httpx.AsyncClient) -> None:
    for origin, status in (("https://evil.example", 403), ("null", 403), (CRM, 200)):
        assert (await client.post("/v1/sign-in", json=CARLA, headers={"Origin": origin})).status_code == status


async def test_a_form_of_another_site_is_not_understood(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/sign-in", content=b'{"name": "carla"}', headers={"Content-Type": "text/plain"})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


NONSENSE = [b"", b"[]", b"{", b"{}", b'{"name": 5, "password": "x"}', b'{"name": "a", "password": ""}', b'"' + b"x" * 30_000 + b'"']


@pytest.mark.parametrize("body", NONSENSE)
async def test_nonsense_is_refused_in_the_one_shape(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/sign-in", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert set(response.json()) == {"code", "text", "hint"}


async def test_repeated_failure_is_told_to_wait(client: httpx.AsyncClient) -> None:
    statuses = [(await client.post("/v1/sign-in", json=CARLA | {"password": "guess"})).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    response = await client.post("/v1/sign-in", json=CARLA)
    assert (response.status_code, response.headers["retry-after"]) == (429, "30")


async def test_a_link_lets_its_holder_into_one_call_once(served: Served, client: httpx.AsyncClient) -> None:
    served.desk.put(call_model("c1"))
    served.desk.put(call_model("c2"))
    async with served.connect((await signed_in(client))["access"]) as websocket:
        made = (await ask(websocket, type="link", call="c1"))["result"]
    assert made["link"] == f"/listen#{made['token']}"
    guest = await client.post("/v1/sign-in/link", json={"token": made["token"]})
    async with served.connect(guest.json()["access"]) as websocket:
        await receive(websocket)
        assert [call["call"] for call in (await receive(websocket))["calls"]] == ["c1"]
        assert (await ask(websocket, type="supervise", call="c1", mode="whisper"))["error"]["code"] == "forbidden"
        assert (await ask(websocket, type="supervise", call="c2"))["error"]["code"] == "not_found"
    again = await client.post("/v1/sign-in/link", json={"token": made["token"]})
    assert (again.status_code, again.json()["code"]) == (401, "unauthenticated")


def connecting_from(served: Served, origin: str) -> connect:
    """A websocket that a page of this origin opens."""
    headers = {"Authorization": f"Bearer {ANNA_TOKEN}"}
    return connect(f"ws://127.0.0.1:{served.port}/v1/control", additional_headers=headers, origin=Origin(origin))


async def test_a_page_of_another_host_opens_no_websocket(served: Served) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connecting_from(served, "https://evil.example").__aenter__()
    assert refused.value.response.status_code == 403


async def test_named_pages_and_our_own_open_it(served: Served) -> None:
    for origin in (CRM, served.url):
        async with connecting_from(served, origin) as websocket:
            assert (await receive(websocket))["type"] == "hello"


async def test_behind_a_proxy_that_is_believed_everybody_is_where_he_says() -> None:
    desk = FakeDesk()
    desk.office = office_of(SETTINGS.model_copy(update={"signing_in": SigningInSettings(proxies=("127.0.0.1",))}))
    desk.put(call_model("c1"))
    async with serving(desk=desk) as served:
        headers = {"Authorization": f"Bearer {ANNA_TOKEN}", "X-Forwarded-For": "198.51.100.9, 203.0.113.7"}
        async with connect(f"ws://127.0.0.1:{served.port}/v1/control", additional_headers=headers) as websocket:
            assert (await ask(websocket, type="supervise", call="c1", offer="v=0"))["ok"]
            assert desk.clients[0].address == "203.0.113.7"
        async with httpx.AsyncClient(base_url=served.url, trust_env=False, verify=False, timeout=30, headers=headers) as client:
            assert (await client.post("/v1/calls/c1/supervisors", json={"offer": "v=0"})).status_code == 201
    assert [asked["remote"] for name, asked in desk.asked if name == "join"] == ["203.0.113.7"] * 2


# what every answer says


async def test_nothing_may_be_framed_guessed_kept_or_run_from_elsewhere(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/nothing", "/v1/sign-in"):
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert (await client.get("/v1/sign-in")).headers["cache-control"] == "no-store"


async def test_only_named_pages_of_other_hosts_may_read_answers(client: httpx.AsyncClient) -> None:
    named = await client.get("/v1/sign-in", headers={"Origin": CRM})
    assert named.headers["access-control-allow-origin"] == CRM
    other = await client.get("/v1/sign-in", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    headers = "authorization, content-type, idempotency-key, traceparent, x-csrf-token"
    asked = {"Origin": CRM, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
    assert (await client.options("/v1/sign-in", headers=asked)).status_code == 200


# at an issuer's own page


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with serving_issuer() as running:
        yield running


@pytest.fixture
async def pages(issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a server whose sign-in is an issuer's; cookies go without TLS, so that they are kept over plain HTTP."""
    desk = FakeDesk()
    changes = {"redirect_uri": "https://calls.example.com/v1/sign-in/callback"}
    settings = settings_of(issuer, **changes).model_copy(update={"signing_in": SigningInSettings(secure_cookies=False)})
    desk.office = office_of(settings, Clock(), fetch=fetch)
    async with serving(desk=desk) as server, httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        yield client


def told(client: httpx.AsyncClient) -> dict[str, str]:
    """What the page is told after it came back."""
    value = client.cookies[f"{PLAIN_COOKIE}-told"]
    read: dict[str, str] = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    return read


async def test_a_page_signs_in_at_the_issuer_and_renews_by_the_cookie(issuer: Issuer, pages: httpx.AsyncClient) -> None:
    assert (await pages.get("/v1/sign-in")).json()["redirects"] == ["test"]
    left = await pages.get("/v1/sign-in/issuer?name=test")
    assert left.status_code == 303
    journey = left.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"} <= {part.strip() for part in journey.split(";")}
    back = await pages.get("/v1/sign-in/callback", params=issuer.agree(left.headers["location"]))
    assert (back.status_code, str(httpx.URL(str(back.url)).join(back.headers["location"]).path)) == (303, "/")
    assert (back.headers["cache-control"], back.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert f"{PLAIN_COOKIE}-journey" not in pages.cookies
    headers = {"Origin": str(pages.base_url).rstrip("/"), CSRF: told(pages)["csrf"]}
    renewed = await pages.post("/v1/sign-in/renew", json={}, headers=headers)
    assert (renewed.status_code, renewed.json()["identity"]) == (200, "u-17")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "state=x&code=y",
        "error=access_denied",
        "state=x&code=y&redirect_uri=https://evil.example&next=//evil.example&return_to=https://evil.example",
    ],
)
async def test_whatever_comes_back_wrong_leads_to_the_door_and_nowhere_else(pages: httpx.AsyncClient, query: str) -> None:
    back = await pages.get(f"/v1/sign-in/callback?{query}")
    assert (back.status_code, back.headers["location"]) == (303, "../../")
    assert set(told(pages)) == {"code", "text", "hint"}
    assert PLAIN_COOKIE not in pages.cookies


async def test_who_wants_to_an_issuer_that_is_not_there_is_told_so_at_the_door(pages: httpx.AsyncClient) -> None:
    for name in ("nobody", "", "https://evil.example", "x" * 30_000):
        left = await pages.get("/v1/sign-in/issuer", params={"name": name})
        assert (left.status_code, left.headers["location"]) == (303, "../../")
        assert told(pages)["text"] == "there is no issuer of this name to go to"
