"""Tokens of an OpenID issuer: whose are taken, whose are not, and how often its keys are asked for."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from config.settings import CeilingSettings, Settings
from control_api.identities import ceiling_of
from control_api.permissions import Ceiling, Identity, Refusal, Right
from control_api.signing_in.fetching import fetch
from control_api.signing_in.office import Office
from tests.control_api.signing_in.issuer import NOW, Issuer, serving_issuer
from tests.control_api.signing_in.offices import Clock, office_of

ROLES = [{"name": "lead", "agents": ["*"], "mode": "barge"}, {"name": "qa", "teams": ["support"], "mode": "listen"}]


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with serving_issuer() as serving:
        yield serving


def settings_of(issuer: Issuer, **changes: Any) -> Settings:
    return Settings.model_validate({"roles": ROLES, "issuers": [issuer.settings(**changes)]})


def office_with(issuer: Issuer, clock: Clock | None = None, /, **changes: Any) -> Office:
    return office_of(settings_of(issuer, **changes), clock or Clock(), fetch=fetch)


async def come(office: Office, token: str) -> Identity:
    return (await office.exchange(token, "192.0.2.1")).identity


async def refusal(office: Office, token: str) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await office.exchange(token, "192.0.2.1")
    return refused.value


async def test_a_right_token_becomes_an_identity_with_the_granted_role(issuer: Issuer) -> None:
    found = await come(office_with(issuer), issuer.token())
    assert (found.name, found.tenant, found.ceiling) == ("u-17", "default", ceiling_of(CeilingSettings(teams=("support",), mode="listen")))


async def test_the_first_grant_that_fits_is_the_only_one(issuer: Issuer) -> None:
    found = await come(office_with(issuer), issuer.token(roles=["qa", "lead"]))
    assert found.ceiling == ceiling_of(CeilingSettings(agents=("*",), mode="barge"))


async def test_whom_nothing_is_granted_to_gets_nothing(issuer: Issuer) -> None:
    for roles in (["other"], [], None, "leader", {"lead": True}):
        assert (await refusal(office_with(issuer), issuer.token(roles=roles))).code == "forbidden"


async def test_roles_are_found_inside_of_other_claims(issuer: Issuer) -> None:
    token = issuer.token(realm_access={"roles": ["lead"]})
    assert (await come(office_with(issuer, roles_claim="realm_access.roles"), token)).ceiling.mode == "barge"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["mediaserver", "another"]},
        {"azp": "another"},
        {"exp": NOW - 31},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"nbf": NOW + 31},
        {"iat": NOW + 31},
        {"sub": None},
        {"sub": ""},
        {"sub": "a/b"},
        {"sub": 17},
        {"sub": "line\nend"},
    ],
    ids=str,
)
async def test_a_wrong_claim_is_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    assert (await refusal(office_with(issuer), issuer.token(**claims))).code == "unauthenticated"


async def test_clocks_may_differ_by_the_leeway(issuer: Issuer) -> None:
    office = office_with(issuer)
    assert await come(office, issuer.token(exp=NOW - 29))
    assert await come(office, issuer.token(nbf=NOW + 30, iat=NOW + 30))


async def test_a_token_for_several_counts_where_it_was_given_to_us(issuer: Issuer) -> None:
    assert await come(office_with(issuer), issuer.token(aud=["mediaserver", "another"], azp="mediaserver"))


async def test_another_key_of_the_same_name_does_not_count(issuer: Issuer) -> None:
    forged = ECKey.generate_key("P-256", {"kid": "k1"}, private=True)
    assert (await refusal(office_with(issuer), issuer.token(forged))).code == "unauthenticated"


async def test_no_signature_is_none(issuer: Issuer) -> None:
    _, claims, _ = issuer.token().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "k1"}).encode()).decode().rstrip("=")
    for signature in ("", "AAAA"):
        assert (await refusal(office_with(issuer), f"{header}.{claims}.{signature}")).code == "unauthenticated"


async def test_a_public_key_is_no_shared_secret(issuer: Issuer) -> None:
    _, claims, _ = issuer.token().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "k1"}).encode()).decode().rstrip("=")
    made = hmac.digest(issuer.keys[0].as_pem(private=False), f"{header}.{claims}".encode(), "sha256")
    token = f"{header}.{claims}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"
    assert (await refusal(office_with(issuer), token)).code == "unauthenticated"


async def test_an_algorithm_that_is_not_configured_is_refused_though_the_key_is_right(issuer: Issuer) -> None:
    issuer.keys.append(RSAKey.generate_key(2048, {"kid": "k2", "use": "sig"}, private=True))
    token = issuer.token(issuer.keys[1])
    assert (await refusal(office_with(issuer), token)).code == "unauthenticated"
    assert await come(office_with(issuer, algorithms=["RS256"]), token)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "....", "e30.e30.", "ey" * 9000, "é.é.é", "W10.W10.AA"])
async def test_what_is_no_token_is_refused(issuer: Issuer, token: str) -> None:
    assert (await refusal(office_with(issuer), token)).code == "unauthenticated"
    assert issuer.asked == []


async def test_a_token_is_exchanged_once_however_its_signature_is_written(issuer: Issuer) -> None:
    office, token = office_with(issuer), issuer.token()
    await come(office, token)
    assert (await refusal(office, token)).text == "the token was used before"
    assert (await refusal(office, token + "=")).code == "unauthenticated"


async def test_the_tenant_is_one_that_the_issuer_may_speak_for(issuer: Issuer) -> None:
    settings: dict[str, Any] = {"tenant_claim": "org", "tenants": ["second", "third"]}
    assert (await come(office_with(issuer, **settings), issuer.token(org="second"))).tenant == "second"
    for org in ("default", "", None, ["second"]):
        assert (await refusal(office_with(issuer, **settings), issuer.token(org=org))).code == "forbidden"


async def test_an_address_counts_as_a_name_where_it_was_verified(issuer: Issuer) -> None:
    office = office_with(issuer, name_claim="email")
    assert (await refusal(office, issuer.token(email="anna@example.com"))).code == "unauthenticated"
    assert (await come(office, issuer.token(email="anna@example.com", email_verified=True))).name == "anna@example.com"


# its keys


async def test_keys_are_asked_for_once_for_many_tokens(issuer: Issuer) -> None:
    office = office_with(issuer)
    for number in range(5):
        await come(office, issuer.token(jti=str(number)))
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]


async def test_a_new_key_is_found_and_the_old_one_goes_with_the_next_look(issuer: Issuer) -> None:
    clock = Clock()
    office = office_with(issuer, clock, jwks_uri=f"{issuer.place}/jwks")
    await come(office, issuer.token())
    old = issuer.keys[0]
    issuer.keys = [ECKey.generate_key("P-256", {"kid": "k2", "use": "sig"}, private=True)]
    clock.now += 31
    await come(office, issuer.token())
    assert (await refusal(office, issuer.token(old, jti="other"))).code == "unauthenticated"


async def test_unknown_keys_lead_to_one_question_in_a_while(issuer: Issuer) -> None:
    clock = Clock()
    office = office_with(issuer, clock, jwks_uri=f"{issuer.place}/jwks")
    stranger = ECKey.generate_key("P-256", {"kid": "nobody's"}, private=True)
    for number in range(20):
        office.lockout.succeeded("", "192.0.2.1")
        await refusal(office, issuer.token(stranger, jti=str(number)))
        clock.now += 1.0
    assert issuer.asked == ["/jwks"]
    clock.now += 30
    await refusal(office, issuer.token(stranger))
    assert issuer.asked == ["/jwks"] * 2


async def test_while_the_issuer_is_away_its_keys_stay_good_for_a_day(issuer: Issuer) -> None:
    clock = Clock()
    office = office_with(issuer, clock, jwks_uri=f"{issuer.place}/jwks")
    await come(office, issuer.token())
    issuer.is_away = True
    clock.now += 80_000
    await come(office, issuer.token(exp=NOW + 90_000, jti="later"))
    clock.now += 10_000
    assert (await refusal(office, issuer.token(exp=NOW + 100_000, jti="last"))).code == "unavailable"


async def test_an_issuer_that_never_answered_makes_nobody_known(issuer: Issuer) -> None:
    issuer.is_away = True
    assert (await refusal(office_with(issuer), issuer.token())).code == "unavailable"


@pytest.mark.parametrize("document", [{"keys": []}, {"keys": "none"}, [], {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}]}])
async def test_keys_that_are_none_are_not_taken(issuer: Issuer, document: Any) -> None:
    issuer.documents["/jwks"] = document
    assert (await refusal(office_with(issuer), issuer.token())).code == "unavailable"


async def test_a_configuration_of_another_issuer_is_not_followed(issuer: Issuer) -> None:
    path = "/.well-known/openid-configuration"
    for document in (
        {"issuer": "https://elsewhere.example", "jwks_uri": f"{issuer.place}/jwks"},
        {"issuer": issuer.place, "jwks_uri": "http://192.0.2.9/jwks"},
    ):
        issuer.documents[path] = document
        issuer.asked.clear()
        assert (await refusal(office_with(issuer), issuer.token())).code == "unavailable"
        assert issuer.asked == [path]


async def test_a_document_that_is_too_long_is_not_read_on(issuer: Issuer) -> None:
    issuer.documents["/jwks"] = {"keys": ["x" * 300_000]}
    assert (await refusal(office_with(issuer), issuer.token())).code == "unavailable"


async def test_who_came_by_an_issuer_that_is_gone_is_out(issuer: Issuer) -> None:
    office = office_with(issuer)
    found = await come(office, issuer.token())
    office.take(settings_of(issuer))
    assert found.standing.holds
    office.take(Settings())
    assert found.standing.is_withdrawn


async def test_who_was_shut_out_does_not_come_back_by_a_fresh_token(issuer: Issuer) -> None:
    office = office_with(issuer)
    await come(office, issuer.token())
    chief = Identity("chief", "default", Ceiling(rights=frozenset({Right.ADMIN})))
    office.shut_out(chief, "u-17")
    assert (await refusal(office, issuer.token(jti="second"))).code == "forbidden"
    office.let_in(chief, "u-17")
    assert await come(office, issuer.token(jti="third"))
