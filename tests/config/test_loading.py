"""Where settings come from, who wins, and what an unusable source is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.loading import load

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration file."""

    def write(text: str) -> Path:
        path = tmp_path / "mediaserver.toml"
        path.write_text(text)
        return path

    return write


def problems_of(path: Path | None, environment: dict[str, str] | None = None) -> list[str]:
    """The lines that loading fails with, without the directory."""
    with pytest.raises(ConfigError) as caught:
        load(path, environment or {})
    return [line.replace(f"{path.parent}/", "") if path else line for line in str(caught.value).splitlines()]


def test_the_file_wins_over_the_defaults_key_by_key(write: Write) -> None:
    settings = load(write("[sip]\nudp_port = 5070\n[doors.digits]\nleave = '9'\n"), {})
    assert (settings.sip.udp_port, settings.sip.tcp_port) == (5070, 5060)
    assert (settings.doors.digits.leave, settings.doors.digits.listen) == ("9", "4")


def test_the_environment_wins_over_the_file(write: Write) -> None:
    settings = load(write("[sip]\nudp_port = 5070\ntcp_port = 5071\n"), {"MEDIASERVER_SIP__UDP_PORT": "5080"})
    assert (settings.sip.udp_port, settings.sip.tcp_port) == (5080, 5071)


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("MEDIASERVER_SIP__TCP", "false", "sip", "tcp", False),
        ("MEDIASERVER_MEDIA__TURN_MS", "1.5", "media", "turn_ms", 1.5),
        ("MEDIASERVER_MEDIA__CPU", "1", "media", "cpu", 1),
        ("MEDIASERVER_SIP__ADVERTISED", "192.0.2.1", "sip", "advertised", "192.0.2.1"),
        ("MEDIASERVER_SIP__LOCAL_NETWORKS", "10.0.0.0/8, 192.0.2.0/24", "sip", "local_networks", ("10.0.0.0/8", "192.0.2.0/24")),
        ("MEDIASERVER_MEDIA__CODECS", '["PCMA"]', "media", "codecs", ("PCMA",)),
        ("MEDIASERVER_LIMITS", '{"calls": 5}', "limits", "calls", 5),
    ],
)
def test_the_environment_is_read_as_the_key_wants_it(name: str, text: str, section: str, key: str, value: object) -> None:
    assert getattr(getattr(load(None, {name: text}), section), key) == value


def test_a_whole_list_comes_from_the_environment_as_json() -> None:
    settings = load(None, {"MEDIASERVER_USERS": '[{"name": "anna", "secret": "s"}]'})
    assert settings.users[0].name == "anna"


def test_variables_that_others_make_are_left_alone() -> None:
    kubernetes = {"MEDIASERVER_PORT": "tcp://10.0.0.1:80", "MEDIASERVER_SERVICE_HOST": "10.0.0.1", "MEDIASERVER_TOKEN": "x"}
    assert load(None, kubernetes | {"PATH": "/bin"}) == load(None, {})


def test_an_unknown_key_is_named_with_its_file_and_the_nearest_known_one(write: Write) -> None:
    assert problems_of(write("[sip]\nudp_prot = 5070\n")) == ["mediaserver.toml: sip.udp_prot: unknown key; did you mean sip.udp_port?"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("udp_port = 1", "udp_port: unknown key; did you mean sip.udp_port?"),
        ("[spi]\nbind = ''", "spi: unknown key; did you mean sip?"),
        ("[doors.digit]\nleave = ''", "doors.digit: unknown key; did you mean doors.digits?"),
        ("[limits]\nxyzzyxyzzy = 1", "limits.xyzzyxyzzy: unknown key; did you mean limits?"),
        ("[[trunks]]\nname = 'a'\nhots = 'b'", "trunks[0].hots: unknown key; did you mean trunks[0].host?"),
    ],
)
def test_the_nearest_key_is_found_wherever_it_is(write: Write, text: str, line: str) -> None:
    assert f"mediaserver.toml: {line}" in problems_of(write(text))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sip]\nudp_port = 70000", "sip.udp_port: must be at most 65535, not 70000"),
        ("[sip]\nudp_port = 'x'", "sip.udp_port: must be a whole number, not 'x'"),
        ("[sip]\nudp_port = 2.5", "sip.udp_port: must be a whole number, not 2.5"),
        ("[sip]\ntcp = 'perhaps'", "sip.tcp: must be true or false, not 'perhaps'"),
        ("[sip]\nbind = 5", "sip.bind: must be text in quotes or must be a list, not 5"),
        ("[limits]\nring_timeout = 0", "limits.ring_timeout: must be more than 0, not 0"),
        ("[limits]\ncalls = 0", "limits.calls: must be at least 1, not 0"),
        ("[media]\nhold = 'jazz'", "media.hold: must be 'music' or 'silence', not 'jazz'"),
        ("[media]\ncodecs = 'PCMU'", "media.codecs: must be a list, not 'PCMU'"),
        ("[media]\ncodecs = ['PCMZ']", "media.codecs[0]: must be 'opus', 'G722', 'L16/16000', 'L16/8000', 'PCMU' or 'PCMA', not 'PCMZ'"),
        ("sip = 5", "sip: must be a table, not 5"),
        ("[[sip]]\nbind = ''", "sip: must be a table, not a list"),
        ("[[routes]]\ntrunk = '*'", "routes[0].targets: is missing"),
        (
            "[[routes]]\ntrunk = 'a b'\ntargets = ['sip:a@b']",
            "routes[0].trunk: must be a name of up to 64 letters, digits, dots, dashes and underscores or must be '*', not 'a b'",
        ),
        ("[[tokens]]\nidentity = 'a'\nsha256 = 'short'\nceiling = {}", "tokens[0].sha256: must be 64 hexadecimal digits"),
    ],
)
def test_a_wrong_value_is_told_with_what_would_have_been_right(write: Write, text: str, line: str) -> None:
    assert problems_of(write(text)) == [f"mediaserver.toml: {line}"]


def test_every_problem_is_told_at_once(write: Write) -> None:
    lines = problems_of(write("[sip]\nudp_port = -1\nudp_prot = 1\n"), {"MEDIASERVER_LIMITS__CALLS": "none", "MEDIASERVER_SPI__BIND": ""})
    assert len(lines) == 4
    assert lines[0].startswith("MEDIASERVER_SPI__BIND: spi.bind: unknown key; did you mean sip.bind")


def test_a_wrong_value_is_blamed_on_the_source_that_said_it(write: Write) -> None:
    lines = problems_of(write("[limits]\ncalls = 5\n"), {"MEDIASERVER_LIMITS__CALLS": "none"})
    assert lines == ["MEDIASERVER_LIMITS__CALLS: limits.calls: must be a whole number, not 'none'"]


def test_a_list_item_in_the_environment_is_told_to_set_the_list() -> None:
    assert problems_of(None, {"MEDIASERVER_TRUNKS__0__HOST": "x"}) == [
        "MEDIASERVER_TRUNKS__0__HOST: trunks.0.host: a list is set as a whole, as JSON, in MEDIASERVER_TRUNKS"
    ]


def test_json_that_is_none_is_told_where_it_breaks() -> None:
    assert problems_of(None, {"MEDIASERVER_TRUNKS": '[{"name": }]'}) == [
        "MEDIASERVER_TRUNKS: trunks: must be JSON: Expecting value at character 11"
    ]


def test_a_secret_never_stands_in_an_error(write: Write) -> None:
    path = write("[[users]]\nname = 'anna'\nsecret = 12345\n[[tokens]]\nidentity = 'a'\nsha256 = 'hunter2'\nceiling = {}\n")
    text = "\n".join(problems_of(path))
    assert "users[0].secret" in text
    assert "12345" not in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "text",
    [
        "[storage]\nurl = 'postgres://mediaserver:hunter2@db/calls'",
        "[trace]\nhomer_key = ['hunter2']",
        "[[issuers]]\nname = 'a'\nissuer = 'https://a.example'\naudience = 'us'\nclient_secret = ['hunter2']",
        "[[webhooks]]\nname = 'a'\nurl = 'https://a.example'\nsecret = 'hunter2'",
    ],
    ids=["storage.url", "trace.homer_key", "client_secret", "webhooks"],
)
def test_nor_does_what_is_a_secret_by_another_name(write: Write, text: str) -> None:
    (line,) = problems_of(write(text))
    assert "hunter2" not in line


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "none.toml") == ["none.toml: cannot be read (no such file or directory); give a readable TOML file"]


def test_a_directory_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    assert problems_of(tmp_path / "d") == ["d: cannot be read (is a directory); give a readable TOML file"]


def test_broken_toml_is_told_with_its_line(write: Write) -> None:
    (line,) = problems_of(write("[sip]\nudp_port 5060\n"))
    assert line.startswith("mediaserver.toml: is not TOML: ")
    assert "line 2" in line


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mediaserver.toml"
    path.write_bytes(b"[sip]\xff")
    assert problems_of(path) == ["mediaserver.toml: is not UTF-8 text (byte 5); save it as UTF-8"]


def test_the_errors_exit_code_is_that_of_configuration() -> None:
    assert ConfigError.exit_code == 78
