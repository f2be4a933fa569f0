"""The configured users: looked up, their hashes opened, and told what stands in the open."""

from typing import Any

import pytest

from config.settings import Settings
from mediaserver.secrecy.key import Key, SecrecyError
from mediaserver.secrecy.pins import hashed
from mediaserver.secrecy.sealing import seal
from mediaserver.signalling.entering.identities import ConfiguredUsers, User, UserRepository, about, plain_secrets
from mixer.modes import Mode
from sip.digest import ha1

KEY = Key(bytes(range(32)))
MD5, SHA = ha1("anna", "house", "wonderland", "MD5"), ha1("anna", "house", "wonderland", "SHA-256")


def settings(*users: dict[str, Any], **more: Any) -> Settings:
    return Settings.model_validate({"sip": {"realm": "house"}, "users": list(users), **more})


def sealed(name: str = "anna", realm: str = "house", key: Key = KEY) -> dict[str, Any]:
    return {"name": name, "ha1_md5": seal(key, MD5, about(name, realm, "MD5")), "ha1_sha256": seal(key, SHA, about(name, realm, "SHA-256"))}


def test_a_plain_secret_and_a_sealed_one_are_the_same_to_the_digest() -> None:
    users: list[UserRepository] = [
        ConfiguredUsers(settings({"name": "anna", "secret": "wonderland"})),
        ConfiguredUsers(settings(sealed()), KEY),
    ]
    for repository in users:
        assert [repository.ha1_of("anna", algorithm) for algorithm in ("MD5", "SHA-256")] == [MD5, SHA]
        assert repository.ha1_of("mallory", "MD5") is None
        assert repository.ha1_of("anna", "ROT13") is None


def test_one_hash_is_enough_where_its_algorithm_alone_is_offered() -> None:
    users = ConfiguredUsers(settings(sealed() | {"ha1_md5": ""}), KEY)
    assert (users.ha1_of("anna", "MD5"), users.ha1_of("anna", "SHA-256")) == (None, SHA)


def test_a_user_is_what_his_settings_make_of_him() -> None:
    ceiling = {"agents": ["*"], "mode": "whisper"}
    anna = {"name": "anna", "secret": "x", "tenant": "second", "pin": "4711", "may_call": True, "ceiling": ceiling}
    robert = {"name": "robert-phone", "secret": "x"}
    users = ConfiguredUsers(settings(anna, robert, agents=[{"name": "robert", "user": "robert-phone"}]))
    found = users.get("anna")
    assert found is not None
    assert found.identity is not None
    assert (found.tenant, found.pin, found.may_call, found.agent) == ("second", "4711", True, "")
    assert (found.identity.name, found.identity.tenant, found.identity.ceiling.mode) == ("anna", "second", Mode.WHISPER)
    assert users.get("robert-phone") == User("robert-phone", agent="robert")
    assert users.get("mallory") is None


@pytest.mark.parametrize(
    ("user", "key", "problem"),
    [
        (sealed(), None, f"users: anna: ha1_md5 needs the key {KEY.id}: set MEDIASERVER_KEY"),
        (sealed(), Key(bytes(32)), "users: anna: ha1_md5 was sealed under the key"),
        (sealed(realm="other"), KEY, "users: anna: ha1_md5 does not open: it was changed, or made for another user or realm"),
        (sealed("bob") | {"name": "anna"}, KEY, "users: anna: ha1_md5 does not open"),
        ({"name": "anna", "ha1_sha256": "secret"}, KEY, "users: anna: ha1_sha256 is not a sealed text"),
    ],
    ids=["no key", "another key", "another realm", "another user", "not sealed"],
)
def test_what_cannot_be_opened_is_told_by_user_and_key(user: dict[str, Any], key: Key | None, problem: str) -> None:
    with pytest.raises(SecrecyError, match=problem.replace("(", "[(]")):
        ConfiguredUsers(settings(user), key)


def test_secrets_that_stand_in_the_open_are_named() -> None:
    hidden = sealed("carl") | {"pin": hashed("4711")}
    assert plain_secrets(settings({"name": "anna", "secret": "x"}, sealed("bob") | {"pin": "4711"}, hidden)) == ["anna", "bob"]
