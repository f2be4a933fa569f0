"""The handshake that gives SRTP its keys."""

import pytest

from mediaserver.signalling.browser.dtls import LARGEST, DtlsContext, DtlsFailed, Handshake
from mediaserver.signalling.media.certificate import Certificate, make_certificate
from rtp.srtp.suites import NUMBERS, SUITES
from sip.negotiated import Dtls, Fingerprint, Setup

OURS, THEIRS = make_certificate(), make_certificate()


def sides(expected: Certificate = THEIRS) -> tuple[Handshake, Handshake]:
    """Who begins, and who waits; the first one expects this certificate."""
    client = Handshake(DtlsContext(OURS), Dtls((expected.fingerprint,), Setup.ACTIVE))
    return client, Handshake(DtlsContext(THEIRS), Dtls((OURS.fingerprint,), Setup.PASSIVE))


def shake(client: Handshake, server: Handshake) -> list[bytes]:
    """Carry flights until nobody has any more to say; all that were carried."""
    client.begin()
    carried: list[bytes] = []
    while flights := [(server, flight) for flight in client.flights()] + [(client, flight) for flight in server.flights()]:
        for receiver, flight in flights:
            receiver.receive(flight)
        carried += [flight for _, flight in flights]
    return carried


def test_both_sides_come_to_the_same_keys_the_other_way_round() -> None:
    client, server = sides()
    carried = shake(client, server)
    assert client.keys is not None
    assert server.keys is not None
    assert (client.keys.send_key, client.keys.receive_key) == (server.keys.receive_key, server.keys.send_key)
    assert client.keys.send_key != client.keys.receive_key
    assert client.keys.suite == "AEAD_AES_128_GCM"
    assert len(client.keys.send_key) == SUITES[NUMBERS[client.keys.suite] - 1].key_bytes
    assert max(map(len, carried)) <= LARGEST


def test_another_certificate_than_was_signalled_ends_it_without_keys() -> None:
    client, server = sides(expected=make_certificate())
    with pytest.raises(DtlsFailed, match="not the one"):
        shake(client, server)
    assert client.keys is None


def test_one_of_several_fingerprints_is_enough() -> None:
    agreed = Dtls((Fingerprint("sha-512", bytes(64)), THEIRS.fingerprint), Setup.ACTIVE)
    client, server = Handshake(DtlsContext(OURS), agreed), sides()[1]
    shake(client, server)
    assert client.keys is not None


def test_keys_are_others_each_time() -> None:
    (first, one), (second, other) = sides(), sides()
    shake(first, one)
    shake(second, other)
    assert first.keys is not None
    assert second.keys is not None
    assert first.keys.send_key != second.keys.send_key


def test_goodbye_is_heard() -> None:
    client, server = sides()
    shake(client, server)
    client.goodbye()
    for flight in client.flights():
        server.receive(flight)
    assert server.is_closed
    assert not client.is_closed


def test_a_flight_that_was_lost_is_said_again_and_the_handshake_goes_on() -> None:
    client, server = sides()
    assert not client.awaits_answer
    client.begin()
    lost = client.flights()
    assert client.awaits_answer
    assert client.flights() == []
    client.repeat()
    assert client.flights() == lost
    client.repeat()
    for flight in client.flights():
        server.receive(flight)
    shake(client, server)
    assert not client.awaits_answer
    assert server.keys is not None


@pytest.mark.parametrize("number", range(4))
def test_any_flight_may_be_lost_once(number: int) -> None:
    client, server = sides()
    client.begin()
    flights = 0
    for _ in range(12):
        for sender, receiver in ((client, server), (server, client)):
            sender.repeat()
            for flight in sender.flights():
                flights += 1
                if flights - 1 != number:
                    receiver.receive(flight)
    assert client.keys is not None
    assert server.keys is not None
    assert client.keys.send_key == server.keys.receive_key


def test_flights_that_come_twice_change_nothing() -> None:
    client, server = sides()
    for flight in shake(client, server):
        for side in (client, server):
            side.receive(flight)
    assert client.keys is not None
    assert server.keys is not None
    assert client.keys.send_key == server.keys.receive_key


@pytest.mark.parametrize(
    "datagram", [b"\x16", b"\x16" * 40, b"\x14\xfe\xfd" + bytes(10), bytes([22, 254, 253]) + bytes(8) + b"\xff\xff" + bytes(40)]
)
def test_noise_amid_the_handshake_is_passed_over(datagram: bytes) -> None:
    client, server = sides()
    client.begin()
    server.receive(datagram)
    for flight in client.flights():
        server.receive(flight)
    client.receive(datagram)
    while flights := [(client, flight) for flight in server.flights()] + [(server, flight) for flight in client.flights()]:
        for receiver, flight in flights:
            receiver.receive(flight)
    assert server.keys is not None
