"""Digest authentication: the RFCs' own examples, and a server's dialogue with phones good and bad."""

import hashlib
import hmac
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.digest import MAX_PROOFS, CredentialsError, DigestServer, Verdict, authorize, ha1, parse, response

HERE = "192.0.2.50"
SECRETS = {"alice": "wonderland", "bob": 'quo"te\\d', "Zoë": "ümlaut"}


def counting_entropy() -> Callable[[int], bytes]:
    """Bytes that differ with every call."""
    calls = itertools.count(1)
    return lambda length: hashlib.sha512(str(next(calls)).encode()).digest()[:length]


def server(max_nonces: int = 100) -> DigestServer:
    """A server whose nonces live 300 s."""
    return DigestServer("house", counting_entropy(), 300, max_nonces)


def answered(challenges: list[str], user: str = "alice", secret: str = "wonderland", count: int = 1, method: str = "REGISTER") -> str:
    """A client's header, which must exist."""
    header = authorize(challenges, method=method, uri="sip:house", user=user, secret=secret, body=b"", cnonce="c0ffee", nonce_count=count)
    assert header is not None
    return header


def without_qop(challenge: str, user: str = "alice", secret: str = "wonderland", uri: str = "sip:house;transport=UDP") -> str:
    """What phones of the RFC 2069 kind send."""
    nonce = parse(challenge)["nonce"]
    proof = hashlib.md5(
        f"{hashlib.md5(f'{user}:house:{secret}'.encode()).hexdigest()}:{nonce}:{hashlib.md5(f'REGISTER:{uri}'.encode()).hexdigest()}".encode()
    ).hexdigest()
    return f'Digest username="{user}",realm="house",nonce="{nonce}",uri="{uri}",response="{proof}",algorithm=MD5'


def ha1_of(user: str, algorithm: str) -> str | None:
    return ha1(user, "house", SECRETS[user], algorithm) if user in SECRETS else None


def verify(judge: DigestServer, header: str, now: float = 1.0, method: str = "REGISTER", uri: str = "sip:house") -> Verdict:
    """What came out, without what the server remembers about it."""
    return replace(judge.verify(method, uri, header, ha1_of, now, source=HERE), wrong_user="")


def signed(judge: DigestServer, method: str, uri: str) -> str:
    """Alice's header for a request with this URI."""
    header = authorize(
        judge.challenges(HERE, 0.0), method=method, uri=uri, user="alice", secret="wonderland", body=b"", cnonce="c0ffee", nonce_count=1
    )
    assert header is not None
    return header


# -- the arithmetic, against the RFCs


def test_the_example_of_rfc_2617() -> None:
    fields = parse(
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", '
        'qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    assert response(fields, "GET", ha1("Mufasa", "testrealm@host.com", "Circle Of Life", "MD5"), b"") == fields["response"]


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, expected: str) -> None:
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        f'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", algorithm={algorithm}'
    )
    header = authorize(
        [challenge],
        method="GET",
        uri="/dir/index.html",
        user="Mufasa",
        secret="Circle of Life",
        body=b"",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        nonce_count=1,
    )
    assert header is not None
    fields = parse(header)
    assert fields["response"] == expected
    assert (fields["opaque"], fields["nc"], fields["qop"]) == ("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", "00000001", "auth")


# -- server and client


def test_challenges_name_md5_first_and_then_the_stronger_one() -> None:
    challenges = [parse(challenge) for challenge in server().challenges(HERE, 0.0)]
    assert [(fields["algorithm"], fields["qop"], fields["realm"]) for fields in challenges] == [
        ("MD5", "auth", "house"),
        ("SHA-256", "auth", "house"),
    ]
    assert len({fields["nonce"] for fields in challenges}) == 1
    assert all("stale" not in fields for fields in challenges)


@pytest.mark.parametrize(
    ("user_agent", "offered"),
    [
        ("baresip v1.0.0 (x86_64/linux)", ["MD5"]),
        ("baresip v2.8.1", ["MD5"]),
        ("baresip v2.10.0 (x86_64/Linux)", ["MD5", "SHA-256"]),
        ("baresip v3.1.0 (x86_64/Linux)", ["MD5", "SHA-256"]),
        ("phone", ["MD5", "SHA-256"]),
    ],
)
def test_phones_that_fail_at_an_unknown_algorithm_are_offered_md5_alone(user_agent: str, offered: list[str]) -> None:
    assert [parse(challenge)["algorithm"] for challenge in server().challenges(HERE, 0.0, user_agent=user_agent)] == offered


def test_a_stale_challenge_says_so() -> None:
    assert all(parse(challenge)["stale"] == "true" for challenge in server().challenges(HERE, 0.0, stale=True))


def test_every_challenge_has_a_nonce_of_its_own() -> None:
    judge = server()
    assert len({parse(judge.challenges(HERE, 0.0)[0])["nonce"] for _ in range(50)}) == 50


def test_the_right_secret_shows_the_user() -> None:
    judge = server()
    assert verify(judge, answered(judge.challenges(HERE, 0.0))) == Verdict(user="alice")


def test_the_client_prefers_sha_256() -> None:
    assert parse(answered(server().challenges(HERE, 0.0)))["algorithm"] == "SHA-256"


def test_md5_alone_is_enough() -> None:
    judge = server()
    header = answered(judge.challenges(HERE, 0.0)[:1])
    assert parse(header)["algorithm"] == "MD5"
    assert verify(judge, header).user == "alice"


@pytest.mark.parametrize(("user", "secret"), [("bob", 'quo"te\\d'), ("Zoë", "ümlaut")])
def test_unusual_letters_in_user_and_secret(user: str, secret: str) -> None:
    judge = server()
    assert verify(judge, answered(judge.challenges(HERE, 0.0), user, secret)).user == user


def test_an_algorithm_that_is_not_offered_is_not_accepted() -> None:
    judge = DigestServer("house", counting_entropy(), 300, algorithms=("SHA-256",))
    (challenge,) = judge.challenges(HERE, 0.0, user_agent="baresip v1.0.0")
    assert verify(judge, answered([challenge])).user == "alice"
    assert verify(judge, without_qop(challenge)).problem == "unknown algorithm"


def test_md5_without_qop_is_accepted_once() -> None:
    judge = server()
    header = without_qop(judge.challenges(HERE, 0.0)[1])
    assert verify(judge, header) == Verdict(user="alice")
    assert verify(judge, header) == Verdict(stale=True, problem="repeated response")


def test_one_nonce_without_qop_serves_several_requests_and_a_bounded_number() -> None:
    judge = server()
    challenge = judge.challenges(HERE, 0.0)[1]
    verdicts = [verify(judge, without_qop(challenge, uri=f"sip:house;n={number}")) for number in range(MAX_PROOFS + 1)]
    assert [verdict.user for verdict in verdicts] == ["alice"] * MAX_PROOFS + [None]
    assert verdicts[-1].stale


@pytest.mark.parametrize(
    ("user", "secret", "problem"),
    [("alice", "wrong", "wrong secret"), ("mallory", "wonderland", "unknown user"), ("alice", "", "wrong secret")],
)
def test_wrong_secret_and_unknown_user_are_refused_alike(user: str, secret: str, problem: str) -> None:
    judge = server()
    assert verify(judge, answered(judge.challenges(HERE, 0.0), user, secret)) == Verdict(problem=problem)


@pytest.mark.parametrize("qop", ["auth", "auth-int"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_an_unknown_user_costs_the_same_work_as_a_known_one(monkeypatch: pytest.MonkeyPatch, algorithm: str, qop: str) -> None:
    """Counted, not timed: the same hashes over as many octets, the same comparisons, the same look-ups."""
    judge = DigestServer("house", counting_entropy(), 300, algorithms=(algorithm,), qop=(qop,))
    headers = [answered(judge.challenges(HERE, 0.0), user, "wrong") for user in ("alice", "malli")]
    work: list[tuple[object, ...]] = []
    hashes = {name: counted(work, name, found) for name, found in {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}.items()}
    monkeypatch.setattr("sip.digest._ALGORITHMS", hashes)
    monkeypatch.setattr("sip.digest.hmac.compare_digest", counted(work, "compare", hmac.compare_digest))
    monkeypatch.setattr("sip.digest.hmac.digest", counted(work, "seal", hmac.digest))
    done = []
    for header in headers:
        judge.verify("REGISTER", "sip:house", header, lambda user, algorithm: ha1_known.get(user), 1.0, source=HERE)
        done.append(work.copy())
        work.clear()
    assert done[0] == done[1]
    assert len(done[0]) == {"auth": 5, "auth-int": 6}[qop]


ha1_known = {"alice": "ab" * 32}


def counted(work: list[tuple[object, ...]], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, noting each call with the lengths of what it is given."""

    def call(*given: Any) -> Any:
        work.append((name, *(len(one) for one in given)))
        return function(*given)

    return call


def test_a_nonce_is_good_only_from_the_address_that_was_asked() -> None:
    judge = server()
    header = answered(judge.challenges(HERE, 0.0))
    assert judge.verify("REGISTER", "sip:house", header, ha1_of, 1.0, source="192.0.2.51").problem == "foreign nonce"
    assert judge.verify("REGISTER", "sip:house", header, ha1_of, 1.0, source=HERE).user == "alice"


@pytest.mark.parametrize(
    ("source", "now", "problem"),
    [("192.0.2.51", 1.0, "foreign nonce"), (HERE, 301.0, "old nonce")],
    ids=["from elsewhere", "too late"],
)
def test_over_a_nonce_that_cannot_serve_no_secret_is_judged(source: str, now: float, problem: str) -> None:
    """Else a right guess would show by its ``stale``, and a wrong one could be forged in somebody's name."""
    judge = server()
    for secret in ("wrong", "wonderland"):
        header = answered(judge.challenges(HERE, 0.0), secret=secret)
        assert judge.verify("REGISTER", "sip:house", header, ha1_of, now, source=source) == Verdict(stale=True, problem=problem)


def test_who_proved_wrong_is_named() -> None:
    judge = server()
    header = answered(judge.challenges(HERE, 0.0), "mallory", "wrong")
    assert judge.verify("REGISTER", "sip:house", header, ha1_of, 1.0, source=HERE) == Verdict(problem="unknown user", wrong_user="mallory")


def test_the_body_is_signed_where_auth_int_is_asked_for() -> None:
    judge = DigestServer("house", counting_entropy(), 300, qop=("auth-int",))
    header = authorize(
        judge.challenges(HERE, 0.0),
        method="INVITE",
        uri="sip:x",
        user="alice",
        secret="wonderland",
        body=b"v=0",
        cnonce="c",
        nonce_count=1,
    )
    assert header is not None
    assert judge.verify("INVITE", "sip:x", header, ha1_of, 1.0, source=HERE, body=b"v=1").problem == "wrong secret"
    assert judge.verify("INVITE", "sip:x", header, ha1_of, 1.0, source=HERE, body=b"v=0").user == "alice"


def test_the_order_of_the_algorithms_is_the_settings() -> None:
    judge = DigestServer("house", counting_entropy(), 300, algorithms=("SHA-256", "MD5"))
    assert [parse(challenge)["algorithm"] for challenge in judge.challenges(HERE, 0.0)] == ["SHA-256", "MD5"]


def test_the_method_is_part_of_the_proof() -> None:
    judge = server()
    assert verify(judge, answered(judge.challenges(HERE, 0.0)), method="INVITE").problem == "wrong secret"


@pytest.mark.parametrize(
    ("method", "signed_uri", "uri"),
    [
        ("INVITE", "sip:*3robert@house", "sip:*3robert@house"),
        ("INVITE", "sip:%2a3robert@house", "sip:*3robert@house:5060;transport=udp"),
        ("INVITE", "sip:*3robert@proxy.example", "sip:*3robert@192.0.2.2:5080"),
        ("INVITE", "sip:192.0.2.2;transport=UDP", "sip:*3robert@192.0.2.2:5080"),
        ("INVITE", "tel:+4930123", "tel:+4930123"),
        ("REGISTER", "sip:HOUSE", "sip:house:5060"),
        ("REGISTER", "sip:alice@house", "sip:house;transport=tcp"),
        ("REGISTER", "sip:[2001:DB8::1]", "sip:[2001:db8::1]:5060"),
    ],
)
def test_the_request_may_be_spelt_in_another_way_than_it_was_signed(method: str, signed_uri: str, uri: str) -> None:
    judge = server()
    assert verify(judge, signed(judge, method, signed_uri), method=method, uri=uri) == Verdict(user="alice")


@pytest.mark.parametrize(
    ("method", "signed_uri", "uri"),
    [
        ("INVITE", "sip:*1robert@house", "sip:*3robert@house"),
        ("INVITE", "sip:Robert@house", "sip:robert@house"),
        ("INVITE", "sip:robert@house", "sip:house"),
        ("INVITE", "sip:other", "sip:robert@house"),
        ("INVITE", "robert", "sip:robert@house"),
        ("INVITE", "mailto:robert@house", "sip:robert@house"),
        ("INVITE", "tel:1", "tel:2"),
        ("REGISTER", "sip:alice@other", "sip:house"),
    ],
)
def test_a_proof_for_one_address_opens_no_other(method: str, signed_uri: str, uri: str) -> None:
    judge = server()
    header = signed(judge, method, signed_uri)
    assert verify(judge, header, method=method, uri=uri) == Verdict(problem="signed for another address")
    assert verify(judge, header, method=method, uri=signed_uri) == Verdict(user="alice")


@given(st.text(min_size=1, max_size=60).filter(lambda text: not set(text) & set("\r\n\0")))
def test_no_signed_uri_makes_verify_raise(uri: str) -> None:
    judge = server()
    assert verify(judge, signed(judge, "INVITE", "sip:" + uri), method="INVITE", uri="sip:robert@elsewhere.example").stale is False


def test_an_old_nonce_is_stale() -> None:
    judge = server()
    header = answered(judge.challenges(HERE, 0.0))
    assert verify(judge, header, now=300.01) == Verdict(stale=True, problem="old nonce")


def test_a_wrong_secret_is_never_told_that_its_fresh_nonce_is_stale() -> None:
    judge = server()
    challenges = judge.challenges(HERE, 0.0)
    assert verify(judge, answered(challenges)).user == "alice"
    assert not verify(judge, answered(challenges, secret="wrong")).stale


def test_a_nonce_count_must_rise() -> None:
    judge = server()
    challenges = judge.challenges(HERE, 0.0)
    for count, user in [(1, "alice"), (2, "alice"), (2, None), (1, None), (7, "alice")]:
        assert verify(judge, answered(challenges, count=count)).user == user


def test_a_repeated_request_is_stale() -> None:
    judge = server()
    header = answered(judge.challenges(HERE, 0.0))
    verify(judge, header)
    assert verify(judge, header) == Verdict(stale=True, problem="repeated nonce count")


def test_a_nonce_from_before_a_restart_is_stale() -> None:
    header = answered(server().challenges(HERE, 0.0))
    younger = DigestServer("house", lambda length: b"\7" * length, 300)
    assert verify(younger, header) == Verdict(stale=True, problem="foreign nonce")


@pytest.mark.parametrize("nonce", ["", "00", "zz" * 32, "0" * 64, " " * 64])
def test_a_made_up_nonce_never_lets_anybody_in(nonce: str) -> None:
    judge = server()
    challenge = f'Digest realm="house", nonce="{nonce}", algorithm=MD5, qop="auth"'
    verdict = verify(judge, answered([challenge]))
    assert verdict.user is None
    assert verdict.problem in ("foreign nonce", "no nonce")


def test_an_altered_nonce_is_foreign() -> None:
    judge = server()
    nonce = parse(judge.challenges(HERE, 0.0)[0])["nonce"]
    altered = ("1" if nonce[0] == "0" else "0") + nonce[1:]
    assert verify(judge, answered([f'Digest realm="house", nonce="{altered}", qop="auth"'])).problem == "foreign nonce"


def test_a_nonce_pushed_out_of_the_table_cannot_be_used_again() -> None:
    judge = server(max_nonces=2)
    first = answered(judge.challenges(HERE, 0.0))
    assert verify(judge, first).user == "alice"
    for now in (1.0, 2.0):
        assert verify(judge, answered(judge.challenges(HERE, now)), now).user == "alice"
    assert verify(judge, first, 3.0) == Verdict(stale=True, problem="forgotten nonce")


def test_a_younger_nonce_is_taken_after_others_were_forgotten() -> None:
    judge = server(max_nonces=1)
    for now in range(5):
        assert verify(judge, answered(judge.challenges(HERE, float(now))), float(now)).user == "alice"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("realm", "elsewhere"), "other realm"),
        (("algorithm", "ROT13"), "unknown algorithm"),
        (("algorithm", "MD5-sess"), "unknown algorithm"),
        (("qop", "auth-int"), "unknown qop"),
        (("nc", "xyz"), "no cnonce or nc"),
        (("nc", ""), "no cnonce or nc"),
        (("cnonce", ""), "no cnonce or nc"),
        (("uri", ""), "no uri"),
        (("response", ""), "no response"),
        (("username", ""), "no username"),
    ],
)
def test_credentials_of_another_shape_are_refused(change: tuple[str, str], problem: str) -> None:
    judge = server()
    fields = parse(answered(judge.challenges(HERE, 0.0))) | dict([change])
    header = "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())
    assert verify(judge, header) == Verdict(problem=problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not the Digest scheme"),
        ("Basic YWxpY2U6d29uZGVybGFuZA==", "not the Digest scheme"),
        ("Digest username", "broken parameters"),
        ('Digest username="alice', "broken parameters"),
        ('Digest username="alice" realm="house"', "broken parameters"),
        ('Digest realm="a", REALM="b"', "two parameters realm"),
        ("Digest " + "x" * 5000, "credentials too long"),
        ('Digest username="\ud800"', "broken characters"),
    ],
)
def test_unreadable_credentials_are_refused_with_the_reason(text: str, problem: str) -> None:
    assert verify(server(), text) == Verdict(problem=problem)
    with pytest.raises(CredentialsError, match=problem):
        parse(text)


def test_quotes_and_blanks_as_phones_vary_them() -> None:
    fields = parse(' digest Username = "a\\"b" ,realm="x, y",qop="auth" , nc=00000001, algorithm=md5, ')
    assert fields == {"username": 'a"b', "realm": "x, y", "qop": "auth", "nc": "00000001", "algorithm": "md5"}


# -- the client alone


def test_a_client_that_knows_no_challenge_says_none() -> None:
    challenges = [
        'Digest realm="x", nonce="y", algorithm=SHA-512-256',
        "Basic realm=x",
        'Digest realm="x"',
        'Digest realm="x", nonce="y", qop="other"',
    ]
    assert authorize(challenges, method="INVITE", uri="sip:x", user="u", secret="s", body=b"", cnonce="c", nonce_count=1) is None


def test_a_client_meets_a_challenge_without_qop() -> None:
    fields = parse(answered(['Digest realm="house", nonce="n"']))
    assert "nc" not in fields
    assert "cnonce" not in fields
    assert fields["response"] == response(fields, "REGISTER", ha1("alice", "house", "wonderland", "MD5"), b"")


def test_a_client_hashes_the_body_for_auth_int() -> None:
    def header(body: bytes) -> dict[str, str]:
        made = authorize(
            ['Digest realm="x", nonce="n", qop="auth-int"'],
            method="INVITE",
            uri="sip:x",
            user="u",
            secret="s",
            body=body,
            cnonce="c",
            nonce_count=1,
        )
        assert made is not None
        return parse(made)

    assert header(b"one")["qop"] == "auth-int"
    assert header(b"one")["response"] != header(b"two")["response"]


def test_a_client_answers_the_session_variant() -> None:
    fields = parse(answered(['Digest realm="house", nonce="n", algorithm=MD5-sess, qop="auth"']))
    plain = parse(answered(['Digest realm="house", nonce="n", algorithm=MD5, qop="auth"']))
    assert fields["algorithm"] == "MD5-sess"
    assert fields["response"] != plain["response"]


def test_a_line_end_cannot_be_smuggled_into_a_header() -> None:
    with pytest.raises(ValueError, match="line end"):
        answered(['Digest realm="house", nonce="n"'], user="a\r\nX-Evil: 1")


@given(st.text(max_size=200))
def test_no_text_makes_verify_raise_or_lets_anybody_in(text: str) -> None:
    assert verify(server(), "Digest " + text).user is None


@given(
    st.dictionaries(
        st.sampled_from(["username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce", "algorithm"]), st.text(max_size=40)
    )
)
def test_no_set_of_parameters_makes_verify_raise_or_lets_anybody_in(changes: dict[str, str]) -> None:
    judge = server()
    fields = parse(answered(judge.challenges(HERE, 0.0), secret="wrong")) | changes
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in fields.items()}
    assert verify(judge, "Digest " + ", ".join(f'{name}="{value}"' for name, value in escaped.items())).user is None
