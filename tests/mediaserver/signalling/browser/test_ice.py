"""The lite side of ICE: which address is chosen, what is answered, and when consent was given last."""

import pytest
from aioice import stun

from mediaserver.signalling.browser.ice import GRACE, MOST_PROVED, QUIET, IceAgent
from mediaserver.signalling.browser.stun import StunError
from sip.negotiated import Ice, IceCredentials
from tests.mediaserver.signalling.browser.page import HOME, OURS, THEIRS, check, signed

AWAY = ("203.0.113.9", 40_000)


@pytest.fixture
def agent() -> IceAgent:
    """A fresh one."""
    return IceAgent(Ice(OURS, THEIRS, ()), 0.0)


def test_a_check_is_answered_and_proves_its_address_but_chooses_nothing(agent: IceAgent) -> None:
    answer = signed(agent.receive(check(), HOME, 1.0))
    assert answer.message_class is stun.Class.RESPONSE
    assert agent.is_proved(HOME)
    assert not agent.is_proved(AWAY)
    assert agent.nominated is None


def test_the_newest_nomination_holds(agent: IceAgent) -> None:
    agent.receive(check(nominates=True, priority=10), HOME, 1.0)
    agent.receive(check(nominates=True, priority=20), AWAY, 1.1)
    assert agent.nominated == AWAY


def test_a_worse_pair_waits_until_the_better_one_is_quiet(agent: IceAgent) -> None:
    agent.receive(check(nominates=True, priority=20), HOME, 1.0)
    agent.receive(check(nominates=True, priority=10), AWAY, 1.0 + QUIET / 2)
    assert agent.nominated == HOME
    agent.receive(check(nominates=True, priority=10), AWAY, 1.0 + QUIET)
    assert agent.nominated == AWAY


def test_checks_of_the_chosen_address_alone_are_consent(agent: IceAgent) -> None:
    agent.receive(check(nominates=True), HOME, 1.0)
    agent.receive(check(), AWAY, 5.0)
    assert agent.heard_at == 1.0
    agent.receive(check(), HOME, 6.0)
    assert agent.heard_at == 6.0


def test_what_is_not_signed_moves_nothing(agent: IceAgent) -> None:
    for broken in (check(nominates=True, password="x" * 22), check(nominates=True, user="them:ours")):
        with pytest.raises(StunError):
            agent.receive(broken, AWAY, 1.0)
    assert (agent.nominated, agent.checks, agent.is_proved(AWAY)) == (None, 0, False)


def test_after_a_restart_the_pair_in_use_stays_until_another_is_chosen(agent: IceAgent) -> None:
    agent.receive(check(nominates=True), HOME, 1.0)
    fresh = Ice(IceCredentials("ours2", "r" * 22), IceCredentials("them2", "s" * 22), ())
    assert agent.restart(fresh, 2.0)
    assert not agent.restart(fresh, 2.0)
    agent.receive(check(nominates=True), AWAY, 2.1)  # under the old credentials: answered, and chooses nothing
    assert agent.nominated == HOME
    agent.receive(check(nominates=True, priority=1, user="ours2:them2", password="r" * 22), AWAY, 2.2)
    assert agent.nominated == AWAY


def test_old_credentials_are_answered_for_a_while_only(agent: IceAgent) -> None:
    agent.restart(Ice(IceCredentials("ours2", "r" * 22), IceCredentials("them2", "s" * 22), ()), 2.0)
    assert agent.receive(check(), HOME, 2.0 + GRACE)
    with pytest.raises(StunError):
        agent.receive(check(), HOME, 2.1 + GRACE)


def test_so_many_addresses_are_remembered_as_proved(agent: IceAgent) -> None:
    for number in range(MOST_PROVED + 1):
        agent.receive(check(), ("198.51.100.7", 1000 + number), 1.0)
    assert not agent.is_proved(("198.51.100.7", 1000))
    assert agent.is_proved(("198.51.100.7", 1000 + MOST_PROVED))
