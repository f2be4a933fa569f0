"""What identities, roles, issuers and origins must be to the rest of the settings."""

from typing import Any

import pytest

from tests.config.test_checks import findings

ROLES = [{"name": "lead", "teams": ["*"], "mode": "barge"}]
ISSUER = {"name": "company", "issuer": "https://login.example.com", "audience": "us", "grants": [{"value": "*", "role": "lead"}]}


def of_identity(**changes: Any) -> list[str]:
    return findings(roles=ROLES, identities=[{"name": "carla", "password": "x", "role": "lead"} | changes])


def of_issuer(**changes: Any) -> list[str]:
    return findings(roles=ROLES, issuers=[ISSUER | changes])


def test_right_ones_have_no_findings() -> None:
    assert of_identity() == of_issuer() == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"role": "leader"}, "identities[0].role"),
        ({"role": ""}, "identities[0].role"),
        ({"ceiling": {"mode": "listen"}}, "identities[0].role"),
        ({"role": "", "ceiling": {"agents": ["nobody"]}}, "identities[0].ceiling.agents[0]"),
        ({"password": ""}, "identities[0].password"),
        ({"password": "$argon2id$broken"}, "identities[0].password"),
        ({"user": "robert2"}, "identities[0].user"),
        ({"name": "robert"}, "identities[0].user"),
        ({"name": "anna", "user": "anna"}, "identities[0].name"),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_identity_is_found_at_its_key(changes: dict[str, Any], path: str) -> None:
    (found,) = of_identity(**changes)
    assert found.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"issuer": "http://login.example.com"}, "issuers[0].issuer"),
        ({"issuer": "http://localhost.example.com"}, "issuers[0].issuer"),
        ({"jwks_uri": "http://192.0.2.1/keys"}, "issuers[0].jwks_uri"),
        ({"grants": []}, "issuers[0].grants"),
        ({"grants": [{"value": "*", "role": "leader"}]}, "issuers[0].grants[0].role"),
        ({"tenant_claim": "org"}, "issuers[0].tenants"),
        ({"tenants": ["second"]}, "issuers[0].tenants"),
        ({"redirect_uri": "http://calls.example.com/v1/sign-in/callback"}, "issuers[0].redirect_uri"),
        ({"redirect_uri": "https://calls.example.com/"}, "issuers[0].redirect_uri"),
        ({"client_secret": "hush"}, "issuers[0].client_secret"),
        ({"scopes": ["profile"]}, "issuers[0].scopes"),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_issuer_is_found_at_its_key(changes: dict[str, Any], path: str) -> None:
    (found,) = of_issuer(**changes)
    assert found.startswith(f"{path}: ")


def test_an_issuer_on_the_machine_itself_needs_no_tls() -> None:
    assert of_issuer(issuer="http://127.0.0.1:9000") == []


def test_each_name_is_there_once_in_a_tenant() -> None:
    carla = {"name": "carla", "password": "x", "role": "lead"}
    assert findings(roles=ROLES, identities=[carla, carla | {"tenant": "second"}]) == []
    assert len(findings(roles=ROLES, identities=[carla, carla])) == 1
    assert len(findings(roles=[*ROLES, *ROLES])) == 1


@pytest.mark.parametrize("origin", ["https://crm.example.com/", "*", "crm.example.com", "https://*.example.com"])
def test_an_origin_is_one_to_the_letter(origin: str) -> None:
    (found,) = findings(control={"origins": [origin]})
    assert found.startswith("control.origins[0]: ")
