"""`bans`: shown and lifted."""

from tests.control_api.serving import BERT_TOKEN
from tests.mediaserver.cli.conftest import Shell


async def test_bans_are_shown_with_what_is_left_of_them(shell: Shell) -> None:
    assert (await shell.run("bans")).stdout.split() == ["203.0.113.5", "everybody", "600", "s"]
    assert await shell.json("bans") == [{"source": "203.0.113.5", "user": "", "seconds": 600.0}]


async def test_a_ban_is_lifted_by_source_and_user(shell: Shell) -> None:
    assert "let in again: robert at 192.0.2.10" in (await shell.run("bans", "--lift", "192.0.2.10", "--user", "robert")).stdout
    assert shell.served.desk.asked == [("lift_ban", {"source": "192.0.2.10", "user": "robert"})]


async def test_who_is_no_administrator_sees_none(shell: Shell) -> None:
    shell.token = BERT_TOKEN
    assert (await shell.run("bans")).exit_code == 77
