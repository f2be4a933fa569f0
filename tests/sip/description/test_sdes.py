"""Keys in the description (RFC 4568): which lines are taken, with what they are answered, and what stays secret."""

import base64

import pytest

from sip.negotiated import Direction, NegotiatedMedia, Sdes
from sip.offer_answer import NoCommonCodec
from sip.sdp import SdpUnusable
from tests.sip.description.leg import CRYPTO, KEY, answered, audio, ours, phone

SECURED = "m=audio 4000 RTP/SAVP 0 8"
PLAIN = "m=audio 4000 RTP/AVP 0 8"


def key(length: int) -> str:
    """A key of so many bytes."""
    return base64.b64encode(bytes(range(length))).decode()


def sdes(media: NegotiatedMedia) -> Sdes:
    """What was agreed, which must be SDES."""
    assert isinstance(media.security, Sdes)
    return media.security


def test_an_offer_of_savp_is_answered_with_its_tag_and_suite_and_a_key_of_ours() -> None:
    answer, media = answered(ours(), phone(SECURED, CRYPTO.replace(":1 ", ":7 ")))
    section = audio(answer)
    tag, suite, keys = (section.attribute("crypto") or "").split()
    assert (section.protocol, tag, suite) == ("RTP/SAVP", "7", "AES_CM_128_HMAC_SHA1_80")
    agreed = sdes(media)
    assert keys == f"inline:{base64.b64encode(agreed.send_key).decode()}"
    assert agreed.receive_key == base64.b64decode(KEY)
    assert agreed.send_key != agreed.receive_key


@pytest.mark.parametrize(
    ("suite", "length"),
    [
        ("AES_CM_128_HMAC_SHA1_80", 30),
        ("AES_CM_128_HMAC_SHA1_32", 30),
        ("AEAD_AES_128_GCM", 28),
        ("AEAD_AES_256_GCM", 44),
    ],
)
def test_every_suite_has_keys_of_its_length(suite: str, length: int) -> None:
    _, media = answered(ours(), phone(SECURED, f"a=crypto:1 {suite} inline:{key(length)}"))
    agreed = sdes(media)
    assert (agreed.suite, len(agreed.send_key), agreed.receive_key) == (suite, length, bytes(range(length)))


@pytest.mark.parametrize(
    "line",
    [
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^48",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1048576",
        f"1 aes_cm_128_hmac_sha1_80 INLINE:{KEY}",
        f"1  AES_CM_128_HMAC_SHA1_80  inline:{KEY}  WSH=64",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=0 -private=3",
    ],
)
def test_lifetimes_of_a_long_call_and_harmless_parameters_are_taken(line: str) -> None:
    _, media = answered(ours(), phone(SECURED, f"a=crypto:{line}"))
    assert sdes(media).receive_key == base64.b64decode(KEY)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "1",
        "x AES_CM_128_HMAC_SHA1_80 inline:" + KEY,
        "1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + KEY,
        "1 F8_128_HMAC_SHA1_80 inline:" + KEY,
        "1 AES_CM_128_HMAC_SHA1_80 prompt:" + KEY,
        "1 AES_CM_128_HMAC_SHA1_80 inline:",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY[:-4],
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY[:-1] + "!",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + key(44),
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31|1:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4;inline:{KEY}|2^20|2:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^19",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^49",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1000",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|²",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTCP",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNAUTHENTICATED_SRTP",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} FEC_ORDER=FEC_SRTP",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} SOMETHING=NEW",
    ],
)
def test_a_line_that_we_could_not_keep_to_is_passed_over(line: str) -> None:
    with pytest.raises(NoCommonCodec) as caught:
        ours().receive_offer(phone(SECURED, f"a=crypto:{line}"))
    assert KEY not in str(caught.value)
    _, media = answered(ours(), phone(SECURED, f"a=crypto:{line}", CRYPTO.replace(":1 ", ":2 ")))
    assert sdes(media).suite == "AES_CM_128_HMAC_SHA1_80"


def test_the_describers_order_decides() -> None:
    lines = (
        f"a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}",
        f"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}",
        CRYPTO.replace(":1 ", ":3 "),
    )
    answer, media = answered(ours(), phone(SECURED, *lines))
    assert sdes(media).suite == "AES_CM_128_HMAC_SHA1_32"
    assert len(audio(answer).values("crypto")) == 1


def test_an_answer_that_is_said_again_has_the_same_key() -> None:
    leg = ours()
    leg.receive_offer(phone(SECURED, CRYPTO))
    assert leg.make_answer() == leg.make_answer()


def test_a_refresh_keeps_our_key_and_takes_the_phones_new_one() -> None:
    leg = ours()
    _, first = answered(leg, phone(SECURED, CRYPTO))
    _, second = answered(leg, phone(SECURED, f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key(30)}"))
    assert sdes(first).send_key == sdes(second).send_key
    assert sdes(second).receive_key == bytes(range(30))


# -- the policy


@pytest.mark.parametrize(
    ("security", "offer", "expected"),
    [
        ("refuse", (PLAIN,), "plain"),
        ("refuse", (PLAIN, CRYPTO), "plain"),
        ("refuse", (SECURED, CRYPTO), "488"),
        ("accept", (PLAIN,), "plain"),
        ("accept", (PLAIN, CRYPTO), "plain"),
        ("accept", (SECURED, CRYPTO), "sdes"),
        ("accept", (SECURED,), "488"),
        ("prefer", (PLAIN,), "plain"),
        ("prefer", (PLAIN, CRYPTO), "sdes"),
        ("prefer", (SECURED, CRYPTO), "sdes"),
        ("require", (PLAIN,), "488"),
        ("require", (PLAIN, CRYPTO), "sdes"),
        ("require", (SECURED, CRYPTO), "sdes"),
    ],
)
def test_the_policy_decides_what_an_offer_gets(security: str, offer: tuple[str, ...], expected: str) -> None:
    leg = ours(security)
    if expected == "488":
        with pytest.raises(NoCommonCodec) as caught:
            leg.receive_offer(phone(*offer))
        assert caught.value.status == 488
        return
    answer, media = answered(leg, phone(*offer))
    assert (media.security is not None) == (expected == "sdes") == bool(audio(answer).values("crypto"))
    assert audio(answer).protocol == offer[0].split()[2]


@pytest.mark.parametrize(
    ("security", "taken"),
    [("refuse", "RTP/AVP"), ("accept", "RTP/AVP"), ("prefer", "RTP/SAVP"), ("require", "RTP/SAVP")],
)
@pytest.mark.parametrize("secured_first", [False, True])
def test_of_a_plain_and_a_secured_line_one_is_taken(security: str, taken: str, secured_first: bool) -> None:
    """What phones sent for "SRTP optional" before RFC 8643."""
    lines = [("m=audio 4002 RTP/SAVP 0", CRYPTO), ("m=audio 4000 RTP/AVP 0",)]
    both = [line for group in (lines if secured_first else reversed(lines)) for line in group]
    answer, media = answered(ours(security), phone(*both))
    assert audio(answer).protocol == taken
    assert [section.port > 0 for section in answer.media].count(True) == 1
    assert media.port == (4000 if taken == "RTP/AVP" else 4002)


# -- our offers


@pytest.mark.parametrize(
    ("security", "protocol", "suites"), [("accept", "RTP/AVP", 0), ("prefer", "RTP/AVP", 4), ("require", "RTP/SAVP", 4)]
)
def test_our_offer_is_as_secure_as_the_policy(security: str, protocol: str, suites: int) -> None:
    section = audio(ours(security).make_offer())
    assert section.protocol == protocol
    assert len(section.values("crypto")) == suites


def test_an_answer_to_our_keys_is_taken_by_its_tag() -> None:
    leg = ours("prefer")
    offer = audio(leg.make_offer())
    media = leg.receive_answer(phone(PLAIN, f"a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"))
    agreed = sdes(media)
    assert agreed.receive_key == base64.b64decode(KEY)
    assert base64.b64encode(agreed.send_key).decode() in offer.values("crypto")[3]


def test_a_best_effort_offer_may_be_answered_plainly() -> None:
    leg = ours("prefer")
    leg.make_offer()
    assert leg.receive_answer(phone(PLAIN)).security is None
    assert audio(leg.make_offer()).values("crypto") == []


@pytest.mark.parametrize(
    "answer",
    [
        (PLAIN,),
        (SECURED,),
        (SECURED, CRYPTO.replace(":1 ", ":9 ")),
        (SECURED, f"a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"),
    ],
)
def test_a_required_key_that_does_not_come_is_488(answer: tuple[str, ...]) -> None:
    leg = ours("require")
    leg.make_offer()
    with pytest.raises(SdpUnusable) as caught:
        leg.receive_answer(phone(*answer))
    assert caught.value.status == 488
    assert leg.current is None


def test_a_plain_offer_cannot_be_answered_with_keys() -> None:
    leg = ours("accept")
    leg.make_offer()
    with pytest.raises(SdpUnusable):
        leg.receive_answer(phone(SECURED, CRYPTO))


def test_a_later_offer_of_ours_asks_for_what_was_agreed() -> None:
    leg = ours("accept")
    _, before = answered(leg, phone(SECURED, f"a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"))
    section = audio(leg.make_offer(direction=Direction.SENDONLY))
    assert section.protocol == "RTP/SAVP"
    (line,) = section.values("crypto")
    assert line.split()[1:] == ["AES_CM_128_HMAC_SHA1_32", f"inline:{base64.b64encode(sdes(before).send_key).decode()}"]
    after = leg.receive_answer(phone(SECURED, f"a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{key(30)}", "a=recvonly"))
    assert sdes(after).receive_key == bytes(range(30))


def test_no_key_is_seen_where_things_are_printed() -> None:
    offer = phone(SECURED, CRYPTO, "a=ice-pwd:asd88fgpdd777uzjYhagZg")
    answer, media = answered(ours(), offer)
    for printed in (repr(offer), repr(answer), repr(media)):
        assert KEY not in printed
        assert "asd88fgpdd777uzjYhagZg" not in printed
        assert base64.b64encode(sdes(media).send_key).decode() not in printed
        assert repr(sdes(media).send_key) not in printed
