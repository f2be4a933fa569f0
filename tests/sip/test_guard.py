"""Who may send how much, and who is kept out: the guard alone, on a virtual clock."""

import pytest

from sip.bucket import Bucket
from sip.guard import Ban, Guard, GuardSettings, source_of
from sip.transport.flow import Flow

SETTINGS = GuardSettings(
    trusted=("192.0.2.10", "198.51.100.0/24", "2001:db8:aaaa::/48"),
    rate=2,
    burst=4,
    call_rate=1,
    call_burst=3,
    new_rate=4,
    new_burst=8,
    failures=3,
    failure_window=60,
    ban=100,
    slowest=1,
    max_sources=3,
)
PING = b"OPTIONS sip:a SIP/2.0\r\nCall-ID: other\r\n\r\n"
IN_CALL = b"INFO sip:a SIP/2.0\r\nVia: x\r\ncall-id :  kept \r\nCSeq: 1 INFO\r\n\r\n"


def flow(host: str = "203.0.113.5", port: int = 5060, transport: str = "udp") -> Flow:
    return Flow(transport, ("192.0.2.1", 5060), (host, port))


class House:
    """A guard and its clock."""

    def __init__(self, settings: GuardSettings = SETTINGS) -> None:
        self.guard = Guard(settings)
        self.now = 0.0

    def sends(self, count: int, data: bytes = PING, host: str = "203.0.113.5") -> list[str]:
        """What becomes of so many messages at once."""
        return [self.guard.refuses(data, flow(host), self.now) for _ in range(count)]

    def fails(self, count: int, host: str = "203.0.113.5", user: str = "alice") -> Ban | None:
        """So many wrong proofs; what the last one led to."""
        return [self.guard.failed(flow(host), user, self.now) for _ in range(count)][-1]


@pytest.fixture
def house() -> House:
    return House()


# -- buckets


def test_a_bucket_holds_its_size_and_fills_at_its_rate() -> None:
    bucket = Bucket(3)
    assert [bucket.take(2, 10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(2, 11.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(2, 1000.0) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_steps_back_fills_nothing() -> None:
    bucket = Bucket(1)
    assert bucket.take(1, 10.0)
    assert not bucket.take(1, 5.0)
    assert not bucket.take(1, 10.5)
    assert bucket.take(1, 11.0)


# -- floods


def test_a_source_may_send_its_burst_and_then_its_rate(house: House) -> None:
    assert house.sends(6) == ["", "", "", "", "flood", "flood"]
    house.now = 1.0
    assert house.sends(3) == ["", "", "flood"]


def test_a_source_does_not_pay_for_another(house: House) -> None:
    house.sends(10)
    assert house.sends(1, host="203.0.113.6") == [""]


def test_ports_and_transports_of_an_address_are_one_source(house: House) -> None:
    refused = [house.guard.refuses(PING, flow(port=port, transport=transport), 0.0) for port in (1, 2, 3) for transport in ("udp", "tls")]
    assert refused == ["", "", "", "", "flood", "flood"]


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("name.example", "name.example"),
    ],
)
def test_what_one_subscriber_sends_from_is_one_source(host: str, source: str) -> None:
    assert source_of(host) == source


@pytest.mark.parametrize("host", ["192.0.2.10", "198.51.100.77", "2001:db8:aaaa:1::5"])
def test_trusted_sources_have_no_limit_of_their_own(house: House, host: str) -> None:
    assert set(house.sends(100, host=host)) == {""}


def test_more_can_be_trusted_later(house: House) -> None:
    assert house.sends(5)[-1] == "flood"
    house.guard.trust("203.0.113.0/24")
    assert house.sends(1) == [""]


def test_a_call_that_stands_does_not_pay_for_its_source(house: House) -> None:
    house.guard.stands("kept")
    house.sends(10)
    assert house.sends(3, IN_CALL) == ["", "", ""]


def test_a_call_has_a_limit_of_its_own(house: House) -> None:
    house.guard.stands("kept")
    assert house.sends(5, IN_CALL) == ["", "", "", "flood_in_call", "flood_in_call"]
    assert house.sends(1) == [""]


def test_a_call_pays_again_once_its_last_session_is_over(house: House) -> None:
    house.guard.stands("kept")
    house.guard.stands("kept")
    house.sends(10)
    house.guard.ended("kept")
    assert house.sends(1, IN_CALL) == [""]
    house.guard.ended("kept")
    assert house.sends(1, IN_CALL) == ["flood"]


@pytest.mark.parametrize(
    "header", [b"Call-ID: kept", b"i:kept", b"CALL-ID:\tkept ", b"Call-ID  : kept"], ids=lambda header: str(header.decode())
)
def test_the_call_is_found_however_its_name_is_spelt(house: House, header: bytes) -> None:
    house.guard.stands("kept")
    house.sends(10)
    assert house.sends(1, b"BYE sip:a SIP/2.0\r\n" + header + b"\r\n\r\n") == [""]


def test_a_rate_of_zero_is_no_limit() -> None:
    house = House(GuardSettings(rate=0, call_rate=0, new_rate=0, burst=1, new_burst=1))
    assert set(house.sends(100)) == {""}
    assert all(house.guard.takes_new(flow(), 0.0) for _ in range(100))


def test_the_last_quarter_of_the_room_for_new_requests_is_for_trusted_sources(house: House) -> None:
    assert [house.guard.takes_new(flow(), 0.0) for _ in range(8)] == [True] * 6 + [False] * 2
    assert [house.guard.takes_new(flow("192.0.2.10"), 0.0) for _ in range(3)] == [True, True, False]
    assert house.guard.takes_new(flow(), 1.0)


def test_no_table_grows_beyond_its_bound(house: House) -> None:
    for number in range(100):
        house.sends(1, host=f"203.0.113.{number}")
        house.fails(1, host=f"203.0.113.{number}")
        house.fails(3, host=f"203.0.114.{number}")
    assert len(house.guard) <= 9
    assert [ban.source for ban in house.guard.bans(0.0)] == ["203.0.114.97", "203.0.114.98", "203.0.114.99"]


# -- wrong proofs


def test_each_wrong_proof_is_answered_later_up_to_a_bound() -> None:
    house = House(GuardSettings(failures=0, slowest=1))
    delays = []
    for _ in range(6):
        house.fails(1)
        delays.append(house.guard.delay(flow(), "alice", 0.0))
    assert delays == [0, 0.25, 0.5, 1, 1, 1]


def test_after_a_while_a_wrong_proof_is_the_first_again(house: House) -> None:
    house.fails(2)
    house.now = 61.0
    assert house.guard.delay(flow(), "alice", house.now) == 0
    assert house.fails(2) is None


def test_too_many_wrong_proofs_keep_a_source_out_for_a_time(house: House) -> None:
    assert house.fails(2) is None
    assert house.fails(1) == Ban("203.0.113.5", "", 100.0)
    assert house.sends(2) == ["banned", "banned"]
    assert house.guard.bans(50.0) == [Ban("203.0.113.5", "", 100.0)]
    house.now = 100.0
    assert house.sends(1) == [""]
    assert house.guard.bans(100.0) == []


def test_a_ban_lets_a_call_that_stands_go_on(house: House) -> None:
    house.guard.stands("kept")
    house.fails(3)
    assert house.sends(1, IN_CALL) == [""]


def test_a_ban_spares_the_phones_that_are_registered_from_there(house: House) -> None:
    house.guard.is_registered = lambda asked: asked.remote[1] == 7000
    house.fails(3)
    assert house.guard.refuses(PING, flow(port=7000), 0.0) == ""
    assert house.guard.refuses(PING, flow(port=7001), 0.0) == "banned"


@pytest.mark.parametrize("host", ["192.0.2.10", "203.0.113.5"], ids=["trusted", "registered"])
def test_where_many_share_a_source_the_user_is_kept_out(house: House, host: str) -> None:
    house.guard.is_registered = lambda asked: True
    assert house.fails(3, host) == Ban(host, "alice", 100.0)
    assert house.sends(1, host=host) == [""]
    assert house.guard.keeps_out(flow(host), "alice", 0.0)
    assert not house.guard.keeps_out(flow(host), "bob", 0.0)
    assert house.guard.delay(flow(host), "alice", 0.0) == 1


def test_a_ban_can_be_lifted(house: House) -> None:
    house.fails(3)
    assert house.guard.lift("203.0.113.5")
    assert house.sends(1) == [""]
    assert not house.guard.lift("203.0.113.5")


def test_a_trusted_text_that_is_no_address_is_an_error() -> None:
    with pytest.raises(ValueError, match="example"):
        Guard(GuardSettings(trusted=("proxy.example",)))
