"""Identities from settings, and tokens that are known by their hash."""

from pydantic import SecretStr

from config.settings import CeilingSettings, TokenSettings, UserSettings
from control_api.identities import ceiling_of, identity_of_token, identity_of_user
from control_api.permissions import Ceiling, Identity, Right
from control_api.tokens import TokenStore, hash_of
from mixer.modes import Mode

SETTINGS = CeilingSettings(agents=("robert",), teams=("support",), mode="whisper", rights=("end",))
CEILING = Ceiling(frozenset({"robert"}), frozenset({"support"}), Mode.WHISPER, frozenset({Right.END}))


def token(name: str, secret: str) -> TokenSettings:
    return TokenSettings(
        identity=name, tenant="second", sha256=hash_of(secret), ceiling=SETTINGS, user="anna", numbers=("sip:anna@192.0.2.7",)
    )


def test_a_ceiling_is_what_the_settings_say() -> None:
    assert ceiling_of(SETTINGS) == CEILING


def test_no_ceiling_permits_nothing() -> None:
    nothing = ceiling_of(None)
    assert (nothing.mode, nothing.rights) == (None, frozenset())
    assert not nothing.covers("robert", "support")


def test_a_token_is_an_identity_with_its_phones() -> None:
    assert identity_of_token(token("anna", "x")) == Identity("anna", "second", CEILING, "anna", frozenset({"sip:anna@192.0.2.7"}))


def test_a_token_without_a_user_has_no_phone_of_its_own() -> None:
    assert identity_of_token(TokenSettings(identity="wall", sha256="0" * 64, ceiling=SETTINGS)).user is None


def test_a_sip_user_is_an_identity_with_his_own_phone() -> None:
    user = UserSettings(name="anna", tenant="second", secret=SecretStr("x"), ceiling=SETTINGS)
    assert identity_of_user(user) == Identity("anna", "second", CEILING, "anna")


def test_a_sip_user_without_a_ceiling_supervises_nobody() -> None:
    assert identity_of_user(UserSettings(name="robert", secret=SecretStr("x"))).ceiling == Ceiling()


def test_a_token_is_found_among_others_by_its_hash() -> None:
    store = TokenStore([token("anna", "first"), token("bert", "second"), token("carl", "third")])
    found = store.identity("second")
    assert found is not None
    assert found.name == "bert"


def test_a_wrong_token_is_nobodys() -> None:
    store = TokenStore([token("anna", "first")])
    assert [store.identity(wrong) for wrong in ("", "First", "first ", hash_of("first"), "\udcff")] == [None] * 5


def test_the_hash_is_sha256_of_the_token() -> None:
    assert hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
