"""Dialog information documents: what a lamp key reads, whatever a caller is called (RFC 4235)."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.dialog_info import ANONYMOUS, DialogInfo, DialogState, write

NAMES = {"d": "urn:ietf:params:xml:ns:dialog-info"}
ROBERT = "sip:robert@192.0.2.2"


def read(document: bytes) -> ElementTree.Element:
    """As a phone does."""
    return ElementTree.fromstring(document)


def test_a_ringing_phone() -> None:
    document = read(write(ROBERT, 3, [DialogInfo("a1", DialogState.EARLY, False, ANONYMOUS)]))
    assert document.attrib == {"version": "3", "state": "full", "entity": ROBERT}
    (dialog,) = document.findall("d:dialog", NAMES)
    assert dialog.attrib == {"id": "a1", "direction": "recipient"}
    assert dialog.findtext("d:state", None, NAMES) == "early"
    assert dialog.findtext("d:remote/d:identity", None, NAMES) == ANONYMOUS
    assert dialog.findtext("d:local/d:identity", None, NAMES) == ROBERT


def test_nobody_in_a_call() -> None:
    assert read(write(ROBERT, 0, [])).findall("d:dialog", NAMES) == []


def test_what_changed_only() -> None:
    document = read(write(ROBERT, 1, [DialogInfo("a1", DialogState.TERMINATED)], is_full=False))
    assert document.get("state") == "partial"
    (dialog,) = document.findall("d:dialog", NAMES)
    assert (dialog.attrib, dialog.find("d:remote", NAMES)) == ({"id": "a1"}, None)


@pytest.mark.parametrize("text", ['"><evil/>', "a&b", "</dialog-info>", "]]>", "line\r\nbreak", "\x00\x1b\ud800", "Jürgen ☎"])
def test_nothing_breaks_out_of_a_name(text: str) -> None:
    document = read(write(ROBERT + text, 0, [DialogInfo(text, DialogState.CONFIRMED, True, "sip:" + text, text)]))
    (dialog,) = list(document)
    assert [child.tag.partition("}")[2] for child in dialog] == ["state", "local", "remote"]


@given(st.text(), st.text(), st.text())
def test_any_text_makes_a_document(entity: str, name: str, remote: str) -> None:
    assert len(read(write(entity, 0, [DialogInfo(name, DialogState.TRYING, None, remote, name)]))) == 1
