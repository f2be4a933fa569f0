"""Gains from seats: the table, and what closes the gate whatever the table says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.gains import Seat, gain
from mixer.modes import PARTIES, WHISPER_TARGETS, Mode, Role, is_audible

SEATS = st.builds(
    Seat,
    role=st.sampled_from(Role),
    mode=st.sampled_from([None, *Mode]),
    target=st.sampled_from([None, *Role]),
    admitted=st.booleans(),
    muted=st.booleans(),
    sends=st.booleans(),
    hears=st.floats(0.1, 4),
    heard=st.floats(0.1, 4),
)


@given(SEATS, SEATS)
def test_nothing_is_heard_that_the_table_does_not_grant(speaker: Seat, listener: Seat) -> None:
    granted = is_audible(speaker.role, speaker.mode, speaker.target, listener.role)
    open_gate = speaker.admitted and listener.admitted and speaker.sends and not speaker.muted
    assert (gain(speaker, listener) > 0) == (granted and open_gate)


@given(SEATS, SEATS)
def test_volumes_never_change_party_to_party(speaker: Seat, listener: Seat) -> None:
    if speaker.role in PARTIES and listener.role in PARTIES:
        assert gain(speaker, listener) in (0.0, 1.0)


@pytest.mark.parametrize("role", list(Role))
def test_a_supervisor_in_listen_or_without_a_mode_is_audible_nowhere(role: Role) -> None:
    for mode in (None, Mode.LISTEN):
        speaker = Seat(Role.SUPERVISOR, mode, Role.AGENT, admitted=True, sends=True)
        assert gain(speaker, Seat(role, admitted=True)) == 0.0


@pytest.mark.parametrize("target", sorted(WHISPER_TARGETS))
@pytest.mark.parametrize("role", list(Role))
def test_a_whisper_is_for_its_target_and_the_supervisors(target: Role, role: Role) -> None:
    speaker = Seat(Role.SUPERVISOR, Mode.WHISPER, target, admitted=True, sends=True)
    assert (gain(speaker, Seat(role, admitted=True)) == 1.0) == (role in (target, Role.SUPERVISOR))


def test_both_volumes_of_supervisors_multiply() -> None:
    speaker = Seat(Role.SUPERVISOR, Mode.BARGE, Role.AGENT, admitted=True, sends=True, heard=0.5)
    listener = Seat(Role.SUPERVISOR, admitted=True, hears=3.0)
    assert gain(speaker, listener) == 1.5
    assert gain(speaker, replace(listener, role=Role.AGENT)) == 0.5
    assert gain(Seat(Role.AGENT, admitted=True, sends=True), listener) == 3.0
