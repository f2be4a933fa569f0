"""`listen`, `whisper`, `barge`, `message`, `leave` and `hangup`, as typed."""

import pytest

from control_api.ports import Supervision
from mediaserver.cli import supervising
from mixer.modes import Mode, Role
from tests.control_api.desk import call_model, leg_model
from tests.control_api.serving import BERT_TOKEN
from tests.mediaserver.cli.conftest import Shell


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
@pytest.mark.parametrize(("which", "call"), [("c1", "c1"), ("robert", "c1")], ids=["by call", "by agent"])
async def test_a_call_is_entered_in_a_mode(shell: Shell, mode: str, which: str, call: str) -> None:
    shell.served.desk.put(call_model())
    assert await shell.json(mode, which) == {"call": call, "leg": 11, "mode": mode, "state": "joined"}
    assert shell.served.desk.asked == [("supervise", {"call": call, "mode": mode, "target": "agent", "phone": None})]


async def test_who_is_in_the_call_already_changes_his_mode(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    await shell.run("listen", "robert")
    assert await shell.json("whisper", "robert") == {"call": "c1", "leg": 11, "mode": "whisper", "state": "joined", "turn": 1001}
    assert [name for name, _ in shell.served.desk.asked] == ["supervise", "set_mode"]


async def test_a_named_phone_is_rung_even_by_who_is_in_the_call_already(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    await shell.run("listen", "robert")
    assert (await shell.json("listen", "robert", "--phone", "sip:anna@192.0.2.7"))["leg"] == 12
    assert shell.served.desk.asked[-1][1]["phone"] == "sip:anna@192.0.2.7"


async def test_a_phone_that_nobody_answers_is_told_as_such_and_may_be_tried_again(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ring(*_: object, **__: object) -> Supervision:
        return Supervision("c1", 11, Mode.LISTEN, "ringing")

    monkeypatch.setattr(supervising, "ANSWER_TIMEOUT", 0.1)
    monkeypatch.setattr(shell.served.desk, "supervise", ring)
    shell.served.desk.put(call_model(legs=[leg_model(11, Role.SUPERVISOR, "anna", identity="anna", state="ringing")]))
    result = await shell.run("listen", "robert", "--phone", "sip:anna@192.0.2.7")
    assert result.exit_code == 75
    assert "mediaserver: timeout: your phone was not answered within " in result.stderr


async def test_a_whisper_may_be_for_the_customer(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    result = await shell.run("whisper", "c1", "--target", "customer")
    assert (result.exit_code, result.stderr) == (
        77,
        "mediaserver: forbidden: the right whisper_customer is not yours (ask an administrator for it)\n",
    )


async def test_what_was_done_is_said_in_words(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    assert (await shell.run("listen", "robert")).stdout == "listen: call c1, leg 11, joined\n"
    assert (await shell.run("barge", "robert")).stdout == "barge: call c1, leg 11, joined, in turn 1001\n"
    assert (await shell.run("leave")).stdout == "left: call c1\n"
    assert (await shell.run("hangup", "c1", "--leg", "1")).stdout == "ended: call c1, leg 1\n"
    assert (await shell.run("hangup", "robert")).stdout == "ended: call c1\n"
    assert [name for name, _ in shell.served.desk.asked] == ["supervise", "set_mode", "leave", "hang_up", "end"]


@pytest.mark.parametrize(("which", "whom"), [("c1", {"call": "c1", "agent": None}), ("robert", {"call": None, "agent": "robert"})])
async def test_a_text_is_sent_to_an_agent_or_to_a_calls(shell: Shell, which: str, whom: dict[str, str | None]) -> None:
    shell.served.desk.put(call_model())
    result = await shell.run("message", which, "Offer him the refund")
    assert result.stdout == f"sent: {which}, 1 phone(s), answered 200\n"
    assert shell.served.desk.asked == [("message", whom | {"text": "Offer him the refund"})]


async def test_an_agent_with_two_calls_is_not_guessed(shell: Shell) -> None:
    for call in ("c1", "c2"):
        shell.served.desk.put(call_model(call))
    for command in ("listen", "hangup"):
        result = await shell.run(command, "robert")
        assert result.exit_code == 1
        assert result.stderr == "mediaserver: ambiguous: robert has 2 calls (name the call: c1, c2)\n"
    assert shell.served.desk.asked == []


async def test_leaving_needs_a_name_where_there_are_two(shell: Shell) -> None:
    for call in ("c1", "c2"):
        shell.served.desk.put(call_model(call))
        await shell.run("listen", call)
    assert (await shell.run("leave")).stderr == "mediaserver: ambiguous: you are in 2 such calls (name the call: c1, c2)\n"
    assert await shell.json("leave", "c2") == {"call": "c2", "leg": 12}


async def test_leaving_nothing_is_told_so(shell: Shell) -> None:
    shell.served.desk.put(call_model(legs=[leg_model(5, Role.SUPERVISOR, "bert", identity="bert", mode="listen")]))
    result = await shell.run("leave")
    assert (result.exit_code, result.stderr) == (
        1,
        "mediaserver: not_found: you are in no such call (mediaserver calls shows who is where)\n",
    )


async def test_an_unknown_call_is_one_line(shell: Shell) -> None:
    result = await shell.run("listen", "nobody")
    assert (result.exit_code, result.stderr) == (
        1,
        "mediaserver: not_found: no such call (mediaserver calls shows the calls that you may see)\n",
    )


async def test_beyond_ones_ceiling_is_forbidden(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    shell.token = BERT_TOKEN
    result = await shell.run("barge", "robert")
    assert result.exit_code == 77
    assert result.stderr.startswith("mediaserver: forbidden: barge is beyond your ceiling (at most listen)")


async def test_a_wrong_word_for_a_target_is_told_what_is_right(shell: Shell) -> None:
    shell.served.desk.put(call_model())
    result = await shell.run("whisper", "c1", "--target", "boss")
    assert result.exit_code == 1
    assert "'agent' or 'customer'" in result.stderr
