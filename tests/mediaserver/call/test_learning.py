"""Somebody knows more about a call: it is shown, and nothing else changes."""

from mediaserver.call.inputs import LegEnded, MetadataLearned
from tests.mediaserver.call.playbook import CUSTOMER, Playbook, invited, published


def test_what_was_learned_is_shown_with_the_call() -> None:
    play = Playbook().whatever(invited(metadata={"queue": "sales"}), MetadataLearned({"caller_name": "Ada", "queue": "other"}))
    assert play.call.view().metadata == {"queue": "sales", "caller_name": "Ada"}


def test_watchers_are_told_once_and_nothing_else_is_done() -> None:
    play = Playbook().whatever(invited())
    play.on(MetadataLearned({"caller_name": "Ada"})).does(published("call.updated"))
    play.on(MetadataLearned({"caller_name": "Ada"})).does()


def test_a_call_that_is_over_learns_nothing() -> None:
    play = Playbook().whatever(invited(), LegEnded(CUSTOMER, "bye"), MetadataLearned({"caller_name": "Ada"}))
    assert play.call.view().metadata == {}
