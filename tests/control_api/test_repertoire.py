"""What a client is told it may ask: what its identity's ceiling can permit, and nothing else."""

import pytest

from control_api.command_models import COMMANDS, LOOKING
from control_api.permissions import GUESTS_MAY, Ceiling, Identity, Right
from control_api.reception import SEEN_OTHERWISE
from control_api.repertoire import NEEDS, commands_of
from control_api.rest.routes import ROUTES
from mixer.modes import Mode

EVERYBODY = {"list", "get", "ask_help", "withdraw", "note", "notes", "flag", "unflag", "flags"}
LISTENERS = {"supervise", "set_mode", "mute", "volumes", "leave", "follow", "unfollow", "follows", "reoffer", "candidate", "ice_servers"}


def asked(mode: Mode | None, *rights: Right) -> set[str]:
    """What somebody may ask."""
    return set(commands_of(Identity("eve", "default", Ceiling(frozenset({"*"}), mode=mode, rights=frozenset(rights)))))


def test_what_is_said_of_commands_by_name_is_said_of_commands_that_there_are() -> None:
    assert NEEDS.keys() | SEEN_OTHERWISE | LOOKING <= COMMANDS.keys()


def test_whatever_is_got_only_looks() -> None:
    assert {route.kind for route in ROUTES if route.method == "GET"} <= LOOKING


def test_whoever_has_all_may_ask_all() -> None:
    assert asked(Mode.BARGE, *Right) == set(COMMANDS)


def test_a_listener_is_offered_to_listen_and_to_follow() -> None:
    assert asked(Mode.LISTEN) >= LISTENERS | EVERYBODY
    assert asked(Mode.LISTEN).isdisjoint(NEEDS.keys() - LISTENERS)


def test_whoever_may_not_listen_is_offered_no_supervision() -> None:
    assert asked(None) >= EVERYBODY
    assert asked(None).isdisjoint(NEEDS)


@pytest.mark.parametrize(
    ("command", "mode", "right"),
    [
        ("take_over", Mode.BARGE, Right.TAKE_OVER),
        ("give_back", Mode.BARGE, Right.TAKE_OVER),
        ("drop_agent", Mode.BARGE, Right.TAKE_OVER),
        ("invite", Mode.BARGE, Right.ORIGINATE),
        ("link", Mode.LISTEN, Right.LINKS),
    ],
)
def test_a_command_of_two_needs_is_offered_to_who_has_both(command: str, mode: Mode, right: Right) -> None:
    assert command in asked(mode, right)
    assert command not in asked(mode)
    assert command not in asked(None, right)


def test_a_coach_may_hand_over_and_write_and_not_take_over() -> None:
    assert asked(Mode.WHISPER, Right.TAKE_OVER) >= {"hand_over", "message"}
    assert "take_over" not in asked(Mode.WHISPER, Right.TAKE_OVER)


def test_a_guest_is_offered_to_listen_and_nothing_else() -> None:
    guest = Identity("eve/link-1", "default", Ceiling(frozenset({"*"}), mode=Mode.LISTEN, calls=frozenset({"c1"})))
    assert commands_of(guest) == [name for name in COMMANDS if name in GUESTS_MAY]
    assert COMMANDS.keys() >= GUESTS_MAY
    assert GUESTS_MAY.isdisjoint({"note", "notes", "flag", "unflag", "flags", "ask_help", "history", "past_call", "follow", "link"})
