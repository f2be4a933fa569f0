"""The systemd unit: what it starts exists, it runs without root, and it may open a socket for every leg."""

import configparser

from config.settings import Settings
from tests.house.tree import ROOT


class Unit(configparser.ConfigParser):
    """A unit file: its keys are told apart by case."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit() -> Unit:
    """The unit as it is."""
    parser = Unit(interpolation=None)
    parser.read(ROOT / "deploy" / "mediaserver.service")
    return parser


def test_it_checks_the_settings_before_it_serves() -> None:
    service = unit()["Service"]
    assert "mediaserver check-config" in service["ExecStartPre"]
    assert "mediaserver serve" in service["ExecStart"]


def test_wrong_settings_are_not_tried_again() -> None:
    assert unit()["Service"]["RestartPreventExitStatus"] == "78"


def test_it_runs_as_a_user_without_rights() -> None:
    service = unit()["Service"]
    assert service["User"] != "root"
    assert service["NoNewPrivileges"] == "yes"


def test_every_leg_can_have_its_socket() -> None:
    media = Settings().media
    assert int(unit()["Service"]["LimitNOFILE"]) > 2 * media.rows * media.workers
