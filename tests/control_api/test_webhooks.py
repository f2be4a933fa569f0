"""Signatures of webhooks, as who gets them checks them."""

import base64

import pytest

from control_api.webhooks import Forged, key_of, sign, verify

SECRET = "whsec_" + base64.b64encode(b"a key of some length").decode()
BODY = b'{"id": "server-1"}'
NOW = 1_900_000_000
HEADERS = sign(SECRET, "server-1", NOW, BODY)


def test_what_was_signed_is_believed() -> None:
    assert verify(SECRET, {name.title(): value for name, value in HEADERS.items()}, BODY, NOW + 10) == "server-1"


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of standard-webhooks' libraries: its secret, id, time and body."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signed = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        (HEADERS, BODY + b" ", NOW),
        (HEADERS | {"webhook-id": "server-2"}, BODY, NOW),
        (HEADERS | {"webhook-timestamp": str(NOW + 1)}, BODY, NOW),
        (HEADERS | {"webhook-signature": "v1,"}, BODY, NOW),
        (HEADERS | {"webhook-signature": "v1,ä"}, BODY, NOW),
        (HEADERS | {"webhook-timestamp": "soon"}, BODY, NOW),
        ({}, BODY, NOW),
        (HEADERS, BODY, NOW + 301),
        (HEADERS, BODY, NOW - 301),
    ],
)
def test_what_was_changed_or_is_too_old_is_not(headers: dict[str, str], body: bytes, now: float) -> None:
    with pytest.raises(Forged):
        verify(SECRET, headers, body, now)


def test_another_secret_does_not_fit() -> None:
    with pytest.raises(Forged, match="does not fit"):
        verify("another secret, long enough", HEADERS, BODY, NOW)


def test_one_good_signature_of_several_is_enough() -> None:
    both = HEADERS | {"webhook-signature": "v1,AAAA " + HEADERS["webhook-signature"]}
    assert verify(SECRET, both, BODY, NOW) == "server-1"


def test_a_secret_is_base64_or_text() -> None:
    assert (key_of("whsec_YQ=="), key_of("a text as it is")) == (b"a", b"a text as it is")
    with pytest.raises(ValueError, match="base64"):
        key_of("whsec_???")
