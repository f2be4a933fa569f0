"""A leg's way to its browser: address and keys together, moves, restarts, and when the browser counts as gone."""

import pytest

from mediaserver.signalling.browser.peer import MOST_CANDIDATES, Loss, Peer, PeerLost, Way, WayChanged
from mediaserver.signalling.media.certificate import make_certificate
from sip.negotiated import Ice, IceCredentials, Setup
from tests.mediaserver.signalling.browser.page import HOME, Page, check, media

AWAY = ("203.0.113.9", 40_000)


def way(page: Page) -> Way:
    """Where media goes now."""
    assert page.peer.way is not None
    return page.peer.way


def lost(page: Page) -> list[Loss]:
    """Losses told since it was asked last."""
    return [told.loss for told in page.news() if isinstance(told, PeerLost)]


@pytest.mark.parametrize("setup", [Setup.ACTIVE, Setup.PASSIVE])
def test_media_flows_once_address_and_keys_are_known(setup: Setup) -> None:
    page = Page(setup=setup)
    page.checks()
    assert page.peer.way is None
    page.shakes()
    assert way(page).address == HOME
    assert page.handshake.keys is not None
    assert way(page).keys.send_key == page.handshake.keys.receive_key
    assert page.news() == [WayChanged()]


def test_the_handshake_does_not_wait_for_a_nomination() -> None:
    page = Page()
    page.checks(nominates=False)
    page.shakes()
    assert page.handshake.keys is not None
    assert page.peer.way is None
    page.checks()
    assert way(page).address == HOME


def test_every_check_is_answered_to_where_it_came_from() -> None:
    page = Page()
    page.checks(AWAY, nominates=False)
    assert [(answer.attributes["XOR-MAPPED-ADDRESS"], to) for answer, to in page.answers] == [(AWAY, AWAY)]


def test_a_browser_that_moves_keeps_its_keys() -> None:
    page = Page()
    page.joins()
    keys = way(page).keys
    page.now += 1.0
    page.checks(AWAY)
    assert way(page) == Way(AWAY, keys)
    assert page.news() == [WayChanged(), WayChanged()]


def test_a_restart_moves_media_once_another_pair_is_chosen() -> None:
    page = Page()
    page.joins()
    keys = way(page).keys
    fresh = Ice(IceCredentials("ours2", "r" * 22), IceCredentials("them2", "s" * 22), ())
    page.peer.agree(media(page.theirs.fingerprint, ice=fresh), page.now)
    assert way(page) == Way(HOME, keys)
    page.peer.receive(check(nominates=True, user="ours2:them2", password="r" * 22), AWAY, page.now)
    assert way(page) == Way(AWAY, keys)


def test_another_certificate_begins_another_handshake_and_the_keys_before_it_hold_until_then() -> None:
    page = Page()
    page.joins()
    before = way(page)
    page.theirs = make_certificate()
    page.handshake = page.new_handshake()
    page.peer.agree(media(page.theirs.fingerprint), page.now)
    assert way(page) == before
    page.carry()
    page.shakes()
    assert way(page).address == HOME
    assert way(page).keys.send_key != before.keys.send_key


def test_dtls_from_where_nobody_was_proved_is_dropped() -> None:
    page = Page(setup=Setup.PASSIVE)
    page.shakes(AWAY)
    assert page.peer.dropped == ["dtls_stranger"]
    assert page.peer.datagrams == []


def test_checks_with_another_password_are_dropped_by_reason() -> None:
    page = Page()
    page.checks(password="x" * 22)
    page.checks(user="else:them")
    assert page.peer.dropped == ["stun_integrity", "stun_user"]
    assert page.answers == []


def test_without_checks_consent_ends_and_nothing_is_sent_any_more() -> None:
    page = Page()
    page.joins()
    page.news()
    page.passes(29.9)
    assert way(page).address == HOME
    page.passes(0.2)
    assert page.peer.way is None
    assert [type(told) for told in page.news()] == [PeerLost, WayChanged]


def test_checks_keep_consent_and_bring_it_back() -> None:
    page = Page()
    page.joins()
    keys = way(page).keys
    for _ in range(10):
        page.passes(25.0)
        page.checks(nominates=False)
    assert lost(page) == []
    page.passes(31.0)
    assert lost(page) == [Loss.CONSENT]
    page.checks(nominates=False)
    assert way(page) == Way(HOME, keys)


def test_who_never_comes_is_lost_and_what_he_named_is_told() -> None:
    page = Page()
    for kind in ("host", "relay", "host"):
        assert page.peer.trickle(f"candidate:1 1 udp 1 192.0.2.9 9 typ {kind}")
    page.passes(30.0)
    (told,) = page.news()
    assert isinstance(told, PeerLost)
    assert told.loss is Loss.UNREACHED
    assert told.text.endswith("2 host, 1 relay")


def test_who_does_not_shake_hands_is_lost() -> None:
    page = Page(setup=Setup.PASSIVE)
    page.checks()
    page.passes(30.0)
    assert lost(page) == [Loss.UNKEYED]


def test_a_certificate_that_was_not_signalled_is_a_loss_at_once() -> None:
    page = Page()
    page.peer = Peer(media(make_certificate().fingerprint), page.shared, 30.0, page.now)
    page.joins()
    assert lost(page) == [Loss.HANDSHAKE]
    assert page.peer.way is None


def test_goodbye_is_a_loss_at_once_and_ends_everything() -> None:
    page = Page()
    page.joins()
    page.news()
    page.handshake.goodbye()
    page.shakes()
    assert lost(page) == [Loss.GOODBYE]
    assert (page.peer.way, page.peer.next_timer()) == (None, None)
    page.checks()
    assert page.peer.dropped == ["over"]


def test_our_own_end_is_told_to_the_browser() -> None:
    page = Page()
    page.joins()
    page.peer.close()
    page.carry()
    assert page.handshake.is_closed


def test_without_ice_the_signalled_address_alone_counts() -> None:
    page = Page(setup=Setup.PASSIVE)
    page.peer = Peer(media(page.theirs.fingerprint, ice=None, setup=Setup.PASSIVE, address=HOME), page.shared, 30.0, page.now)
    page.shakes(AWAY)
    assert page.peer.dropped == ["dtls_stranger"]
    page.handshake = page.new_handshake()
    page.shakes(HOME)
    assert way(page).address == HOME
    page.passes(1000.0)
    assert lost(page) == []


def test_a_flight_that_is_not_answered_is_said_again_ever_more_rarely() -> None:
    page = Page()
    page.checks(nominates=False)
    page.peer.datagrams.clear()
    said: list[float] = []
    while len(said) < 7 and (due := page.peer.next_timer()) is not None:
        page.now = due
        page.peer.handle_timer(due)
        said += [round(due - 100.0, 2) for _ in page.peer.datagrams]
        page.peer.datagrams.clear()
    assert said == [0.1, 0.3, 0.7, 1.5, 3.1, 4.7, 6.3]


def test_nothing_is_sent_to_nowhere() -> None:
    page = Page()
    page.peer = Peer(media(page.theirs.fingerprint, ice=None, address=("0.0.0.0", 4000)), page.shared, 30.0, page.now)
    page.peer.agree(media(page.theirs.fingerprint, ice=None, address=("0.0.0.0", 4000)), page.now)
    assert page.peer.datagrams == []
    page.peer.agree(media(page.theirs.fingerprint, ice=None, address=HOME), page.now)
    assert [to for _, to in page.peer.datagrams] == [HOME]


def test_who_comes_late_is_taken_all_the_same() -> None:
    page = Page()
    page.passes(31.0)
    assert lost(page) == [Loss.UNREACHED]
    page.joins()
    assert way(page).address == HOME
    page.passes(20.0)
    assert lost(page) == []


def test_after_a_failed_handshake_another_certificate_begins_anew() -> None:
    page = Page()
    page.peer = Peer(media(make_certificate().fingerprint), page.shared, 30.0, page.now)
    page.joins()
    assert lost(page) == [Loss.HANDSHAKE]
    page.handshake = page.new_handshake()
    page.peer.agree(media(page.theirs.fingerprint), page.now)
    page.carry()
    page.shakes()
    assert way(page).address == HOME


def test_candidates_are_bounded() -> None:
    page = Page()
    assert all(page.peer.trickle(f"candidate:{number}") for number in range(MOST_CANDIDATES))
    assert not page.peer.trickle("candidate:one more")


def test_what_is_neither_stun_nor_dtls_of_a_known_one_is_counted() -> None:
    page = Page()
    page.peer.receive(b"", HOME, page.now)
    page.peer.receive(b"\x00" * 8, HOME, page.now)
    assert page.peer.dropped == ["malformed", "stun_malformed"]
