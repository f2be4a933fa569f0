"""Signing in at an issuer's own page: there, back, and whatever may go wrong on the way."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from control_api.permissions import Refusal
from control_api.signing_in import redirects
from control_api.signing_in.fetching import fetch
from control_api.signing_in.journeys import Journey
from control_api.signing_in.office import Office
from control_api.signing_in.redirects import Returned
from tests.control_api.signing_in.issuer import Issuer, serving_issuer
from tests.control_api.signing_in.offices import Clock, Notes, office_of
from tests.control_api.signing_in.test_issuers import settings_of

BACK = "https://calls.example.com/v1/sign-in/callback"
HERE = "192.0.2.1"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with serving_issuer() as serving:
        yield serving


def office_with(issuer: Issuer, notes: Notes | None = None, /, **changes: Any) -> Office:
    return office_of(settings_of(issuer, **{"redirect_uri": BACK} | changes), Clock(), notes, fetch=fetch)


async def there(office: Office, issuer: Issuer) -> tuple[Journey, Returned]:
    """Somebody went, and agreed."""
    place, journey = await office.depart("test", HERE)
    return journey, Returned(**issuer.agree(place))


async def refusal(office: Office, journey: Journey, returned: Returned) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await office.arrive(journey.cookie, returned, HERE)
    return refused.value


async def test_the_browser_is_sent_with_all_that_binds_it_and_nothing_that_proves_it(issuer: Issuer) -> None:
    place, journey = await office_with(issuer, scopes=["openid", "roles"]).depart("test", HERE)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}
    assert place.startswith(f"{issuer.place}/authorize?")
    assert asked == {
        "response_type": "code",
        "client_id": "mediaserver",
        "redirect_uri": BACK,
        "scope": "openid roles",
        "state": journey.state,
        "nonce": journey.nonce,
        "code_challenge": journey.challenge,
        "code_challenge_method": "S256",
    }


async def test_who_comes_back_has_the_session_that_his_token_would_have_given(issuer: Issuer) -> None:
    notes = Notes()
    office = office_with(issuer, notes)
    journey, returned = await there(office, issuer)
    granted = await office.arrive(journey.cookie, returned, HERE)
    assert (granted.identity.name, bool(granted.renewal)) == ("u-17", True)
    assert (notes.kinds, notes.denials) == (["session.opened"], [])
    assert office.sessions.find(granted.access) == granted.identity


async def test_a_code_does_not_come_in_twice(issuer: Issuer) -> None:
    notes = Notes()
    office = office_with(issuer, notes)
    journey, returned = await there(office, issuer)
    await office.arrive(journey.cookie, returned, HERE)
    assert (await refusal(office, journey, returned)).code == "unauthenticated"
    assert (len(issuer.forms), notes.denials) == (1, [("issuer", HERE, "unauthenticated")])


async def test_another_browser_does_not_come_in_by_this_ones_code(issuer: Issuer) -> None:
    office = office_with(issuer)
    _, returned = await there(office, issuer)
    other, _ = await there(office, issuer)
    assert (await refusal(office, other, returned)).code == "unauthenticated"
    assert issuer.forms == []


async def test_a_code_of_another_journey_has_another_verifier(issuer: Issuer) -> None:
    office = office_with(issuer)
    _, stolen = await there(office, issuer)
    own, returned = await there(office, issuer)
    assert (await refusal(office, own, replace(returned, code=stolen.code))).code == "unavailable"
    assert issuer.forms[0]["code"] == stolen.code


@pytest.mark.parametrize("claims", [{"nonce": "another"}, {"nonce": None}, {"aud": "another"}, {"exp": 1}], ids=str)
async def test_a_token_that_was_not_made_for_this_signing_in_is_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    office = office_with(issuer)
    issuer.claims = claims
    assert (await refusal(office, *await there(office, issuer))).code == "unauthenticated"


async def test_an_answer_in_another_issuers_name_is_refused(issuer: Issuer) -> None:
    office = office_with(issuer)
    journey, returned = await there(office, issuer)
    assert (await refusal(office, journey, replace(returned, iss="https://elsewhere.example"))).code == "unauthenticated"
    assert issuer.forms == []


@pytest.mark.parametrize(
    ("error", "text"), [("access_denied", "test says access_denied"), ("<script>", "test says error"), ("", "test gave no code")]
)
async def test_who_was_not_let_in_there_is_told_so_in_our_words(issuer: Issuer, error: str, text: str) -> None:
    office = office_with(issuer)
    journey, returned = await there(office, issuer)
    assert (await refusal(office, journey, replace(returned, code="", error=error))).text == text


async def test_repeated_failure_locks_as_it_does_by_a_token(issuer: Issuer) -> None:
    office = office_with(issuer)
    issuer.claims = {"aud": "another"}
    failures = office.settings.failures
    codes = [(await refusal(office, *await there(office, issuer))).code for _ in range(failures + 1)]
    assert codes == ["unauthenticated"] * failures + ["too_many"]


async def test_who_calls_it_off_at_the_issuer_is_not_locked_out_for_it(issuer: Issuer) -> None:
    office = office_with(issuer)
    for _ in range(10):
        journey, returned = await there(office, issuer)
        assert (await refusal(office, journey, replace(returned, error="access_denied"))).code == "forbidden"


async def test_whom_a_stranger_sends_here_is_not_locked_out_for_it(issuer: Issuer) -> None:
    office = office_with(issuer)
    for _ in range(30):
        with pytest.raises(Refusal):
            await office.arrive("", Returned(state="x", code="y"), HERE)
    journey, returned = await there(office, issuer)
    assert await office.arrive(journey.cookie, returned, HERE)


async def test_a_secret_goes_in_the_header_or_where_the_issuer_wants_it_in_the_form(issuer: Issuer) -> None:
    office = office_with(issuer, client_secret="hush")
    await office.arrive(*_args(await there(office, issuer)))
    issuer.documents["/.well-known/openid-configuration"] = issuer.publish("/") | {
        "token_endpoint_auth_methods_supported": ["client_secret_post"]
    }
    office = office_with(issuer, client_secret="hush")
    await office.arrive(*_args(await there(office, issuer)))
    assert [(form["login"][:6], form.get("client_secret")) for form in issuer.forms] == [("Basic ", None), ("", "hush")]


def _args(gone: tuple[Journey, Returned]) -> tuple[str, Returned, str]:
    return gone[0].cookie, gone[1], HERE


async def test_nobody_is_sent_to_who_is_not_there_or_takes_nobody(issuer: Issuer) -> None:
    for office, name, code in (
        (office_with(issuer), "nobody", "bad_request"),
        (office_with(issuer, redirect_uri=""), "test", "bad_request"),
    ):
        with pytest.raises(Refusal) as refused:
            await office.depart(name, HERE)
        assert refused.value.code == code
    assert issuer.asked == []
    assert (office_with(issuer).redirects, office_with(issuer, redirect_uri="").redirects) == (["test"], [])


@pytest.mark.parametrize("endpoint", ["http://192.0.2.9/authorize", "javascript:alert(1)", "", "https://x/#here", "https://x/ y"])
async def test_nobody_is_sent_to_a_place_that_is_not_safe(issuer: Issuer, endpoint: str) -> None:
    issuer.documents["/.well-known/openid-configuration"] = issuer.publish("/") | {"authorization_endpoint": endpoint}
    with pytest.raises(Refusal) as refused:
        await office_with(issuer).depart("test", HERE)
    assert refused.value.code == "unavailable"


async def test_an_issuer_that_is_away_is_asked_once_in_a_while(issuer: Issuer) -> None:
    office = office_with(issuer)
    issuer.is_away = True
    for _ in range(5):
        with pytest.raises(Refusal):
            await office.depart("test", HERE)
    assert len(issuer.asked) == 1


async def test_an_issuer_that_does_not_answer_is_not_waited_for(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    office = office_with(issuer)
    journey, returned = await there(office, issuer)
    monkeypatch.setattr(redirects, "PATIENCE", 0.0)
    assert (await refusal(office, journey, returned)).code == "unavailable"
