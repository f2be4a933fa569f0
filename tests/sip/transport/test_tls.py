"""SIP over TLS on loopback: who is believed, who is turned away, and certificates that change while calls go on."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from sip.events import Accepted, Rejected, SessionEnded
from sip.transport.certificates import Certificates, KeyPair
from sip.transport.flow import Flow
from sip.transport.listeners import TransportSettings
from tests.sip.network import ANSWER
from tests.sip.transport.authority import Authority
from tests.sip.transport.phone import PATIENCE, Phone, answer, options, phone

NAME = "pbx.example.com"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def pair_of_phones(
    authority: Authority, shown: Certificates, *, caller: Certificates | None = None
) -> AsyncIterator[tuple[Phone, Phone]]:
    """Alice, who believes the authority, and Bob, who listens with his certificates."""
    async with (
        phone(1, [], certificates=caller or authority.certificates()) as alice,
        phone(2, ["tls"], certificates=shown) as bob,
    ):
        yield alice, bob


def raw_context(authority: Authority, pair: KeyPair | None = None) -> ssl.SSLContext:
    """A plain TLS client, nothing of ours."""
    context = ssl.create_default_context(cafile=str(authority.root))
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


async def raw(bob: Phone, context: ssl.SSLContext, name: str = NAME) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connected as a plain TLS client."""
    return await asyncio.open_connection(*bob.address("tls"), ssl=context, server_hostname=name)


def shown_name(writer: asyncio.StreamWriter) -> str:
    """The first name in the server's certificate."""
    certificate = writer.get_extra_info("peercert")
    return str(certificate["subjectAltName"][0][1])


async def test_a_call_over_tls(authority: Authority) -> None:
    async with pair_of_phones(authority, authority.certificates(authority.issue(NAME))) as (alice, bob):
        session = alice.call("tls", bob.address("tls"), NAME)
        accepted = await alice.until(Accepted)
        assert accepted.description == ANSWER
        assert accepted.response.contacts[0].uri.endswith(";transport=tls")
        alice.agent.end(session, 0.0)
        alice.shell.settle()
        assert (await bob.until(SessionEnded)).cause == "bye"


@pytest.mark.parametrize("shown", [("other.example.com",), ("*.example.com",), ("example.com",), ("127.0.0.2",)])
async def test_a_server_with_another_name_is_not_spoken_to(authority: Authority, shown: tuple[str, ...]) -> None:
    async with pair_of_phones(authority, authority.certificates(authority.issue(*shown))) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        assert (await alice.until(Rejected)).status == 503
        assert alice.agent.counters["tls_wrong_name"] == 1
        assert bob.told == []


async def test_a_wildcard_is_good_where_the_settings_say_so(authority: Authority) -> None:
    caller = authority.certificates(accepts_wildcards=True)
    async with pair_of_phones(authority, authority.certificates(authority.issue("*.example.com")), caller=caller) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        await alice.until(Accepted)


async def test_a_sip_uri_in_the_certificate_is_its_name(authority: Authority) -> None:
    pair = authority.issue("sbc7.example.net", uris=[f"sip:{NAME}"])
    async with pair_of_phones(authority, authority.certificates(pair)) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        await alice.until(Accepted)


async def test_where_only_the_address_is_known_the_certificate_must_show_it(authority: Authority) -> None:
    async with pair_of_phones(authority, authority.certificates(authority.issue("127.0.0.1"))) as (alice, bob):
        alice.call("tls", bob.address("tls"))
        await alice.until(Accepted)


async def test_a_server_of_an_unknown_authority_is_not_spoken_to(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    async with pair_of_phones(authority, authority.certificates(stranger.issue(NAME))) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        assert (await alice.until(Rejected)).status == 503
        assert alice.agent.counters["tls_certificate_refused"] == 1


async def test_a_server_that_shows_an_expired_certificate_is_not_spoken_to(authority: Authority) -> None:
    expired = authority.issue(NAME, lasts=-timedelta(hours=1))
    async with pair_of_phones(authority, authority.certificates(expired)) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        assert (await alice.until(Rejected)).status == 503
        assert alice.agent.counters["tls_certificate_refused"] == 1


async def test_a_required_client_certificate_that_is_not_shown_ends_the_handshake(authority: Authority) -> None:
    shown = authority.certificates(authority.issue(NAME), client_certificates="required")
    async with pair_of_phones(authority, shown) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        assert (await alice.until(Rejected)).status == 503
        assert bob.agent.counters["tls_handshake_failed"] == 1
        assert bob.told == []


@pytest.mark.parametrize("wanted", ["optional", "required"])
async def test_a_client_certificate_tells_who_the_peer_is(authority: Authority, wanted: str) -> None:
    shown = authority.certificates(authority.issue(NAME), client_certificates=wanted)
    caller = authority.certificates(authority.issue("trunk.example.net", file="client"))
    async with pair_of_phones(authority, shown, caller=caller) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        await alice.until(Accepted)
        (flow,) = bob.shell._connections._by_flow
        assert bob.shell.peer_names(flow) == ("trunk.example.net",)


async def test_a_peer_without_a_certificate_has_no_names(authority: Authority) -> None:
    shown = authority.certificates(authority.issue(NAME), client_certificates="optional")
    async with pair_of_phones(authority, shown) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        await alice.until(Accepted)
        (flow,) = bob.shell._connections._by_flow
        assert bob.shell.peer_names(flow) == ()
        assert bob.shell.peer_names(Flow("tls", ("127.0.0.1", 1), ("127.0.0.1", 2))) == ()


async def test_a_client_certificate_of_a_stranger_is_refused_where_they_are_optional(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    shown = authority.certificates(authority.issue(NAME), client_certificates="optional")
    async with phone(2, ["tls"], certificates=shown) as bob:
        with suppress(OSError):
            reader, _ = await raw(bob, raw_context(authority, stranger.issue("trunk.example.net", file="client")))
            await reader.read()
        await bob.counted("tls_certificate_refused")


async def test_the_certificate_is_chosen_by_the_name_that_is_asked_for(authority: Authority) -> None:
    shown = authority.certificates(authority.issue(NAME), authority.issue("sip.example.net", file="second"))
    async with phone(2, ["tls"], certificates=shown) as bob:
        for name in ("sip.example.net", NAME):
            _, writer = await raw(bob, raw_context(authority), name)
            assert shown_name(writer) == name
            writer.close()


async def test_who_asks_for_a_strange_name_is_shown_the_first_certificate(authority: Authority) -> None:
    shown = authority.certificates(authority.issue(NAME), authority.issue("sip.example.net", file="second"))
    context = raw_context(authority)
    context.check_hostname = False
    async with phone(2, ["tls"], certificates=shown) as bob:
        _, writer = await raw(bob, context, "nobody.example.org")
        assert shown_name(writer) == NAME
        writer.close()


async def test_new_certificates_are_shown_to_new_connections_and_cut_no_old_one(authority: Authority) -> None:
    shown = authority.certificates(authority.issue(NAME))
    async with phone(2, ["tls"], certificates=shown) as bob:
        reader, old = await raw(bob, raw_context(authority))
        assert not shown.reload_if_changed()
        authority.issue("new.example.com")
        assert shown.reload_if_changed()
        _, new = await raw(bob, raw_context(authority), "new.example.com")
        assert shown_name(new) == "new.example.com"
        old.write(options("one", transport=b"TLS"))
        assert await answer(reader) == "200"
        new.close()
        old.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_tls_1_1_is_refused(authority: Authority) -> None:
    context = raw_context(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with phone(2, ["tls"], certificates=authority.certificates(authority.issue(NAME))) as bob:
        with pytest.raises((ssl.SSLError, OSError)):
            await raw(bob, context)
        await bob.counted("tls_handshake_failed")


async def test_ciphers_without_forward_secrecy_are_refused(authority: Authority) -> None:
    context = raw_context(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")
    async with phone(2, ["tls"], certificates=authority.certificates(authority.issue(NAME))) as bob:
        with pytest.raises((ssl.SSLError, OSError)):
            await raw(bob, context)
        await bob.counted("tls_handshake_failed")


async def test_what_is_no_tls_is_cut_off(authority: Authority) -> None:
    async with phone(2, ["tls"], certificates=authority.certificates(authority.issue(NAME))) as bob:
        reader, writer = await asyncio.open_connection(*bob.address("tls"))
        writer.write(options("one"))
        with suppress(ConnectionError):
            assert b"SIP/2.0" not in await reader.read()
        assert bob.agent.counters["tls_handshake_failed"] == 1
        writer.close()


async def test_a_handshake_that_takes_too_long_is_cut_off(authority: Authority) -> None:
    settings = TransportSettings(handshake_patience=0.1)
    async with phone(2, ["tls"], certificates=authority.certificates(authority.issue(NAME)), settings=settings) as bob:
        reader, writer = await asyncio.open_connection(*bob.address("tls"))
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        assert bob.agent.counters["tls_handshake_too_slow"] == 1
        writer.close()


async def test_handshakes_under_way_are_bounded_and_those_done_do_not_count(authority: Authority) -> None:
    settings = TransportSettings(max_handshakes=1)
    async with phone(2, ["tls"], certificates=authority.certificates(authority.issue(NAME)), settings=settings) as bob:
        _, done = await raw(bob, raw_context(authority))
        _, half = await asyncio.open_connection(*bob.address("tls"))
        while len(bob.shell._connections) < 2:
            await asyncio.sleep(0.005)
        with pytest.raises((ssl.SSLError, OSError)):
            await raw(bob, raw_context(authority))
        assert bob.agent.counters["tls_handshake_limit"] == 1
        half.close()
        while len(bob.shell._connections) > 1:
            await asyncio.sleep(0.005)
        _, again = await raw(bob, raw_context(authority))
        done.close()
        again.close()


async def test_messages_wait_for_the_handshake_and_share_one_connection(authority: Authority) -> None:
    async with pair_of_phones(authority, authority.certificates(authority.issue(NAME))) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        alice.call("tls", bob.address("tls"), NAME)
        while sum(isinstance(event, Accepted) for event in alice.told) < 2:
            await asyncio.sleep(0.005)
        assert len(bob.shell._connections) == 1


async def test_another_name_at_the_same_address_is_another_connection(authority: Authority) -> None:
    async with pair_of_phones(authority, authority.certificates(authority.issue(NAME, "sip.example.net"))) as (alice, bob):
        alice.call("tls", bob.address("tls"), NAME)
        alice.call("tls", bob.address("tls"), "sip.example.net")
        while sum(isinstance(event, Accepted) for event in alice.told) < 2:
            await asyncio.sleep(0.005)
        assert len(bob.shell._connections) == 2


async def test_tls_is_not_spoken_without_certificates() -> None:
    async with phone(1, []) as alice:
        alice.call("tls", ("127.0.0.1", 9), NAME)
        assert (await alice.until(Rejected)).status == 503
        assert alice.agent.counters["tls_not_configured"] == 1
