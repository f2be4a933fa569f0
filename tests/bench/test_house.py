"""The configuration that benches start the server with: read back, and accepted by the server's own model."""

import tomllib

from bench.house import House, write_toml
from bench.metrics import TURN_LATE, TURNS, buckets, p99, total
from bench.report import Result
from config.settings import Settings


def test_the_file_reads_back_as_what_was_meant() -> None:
    house = House.build(calls=3)
    read = tomllib.loads(house.file())
    assert read == house.settings()
    settings = Settings.model_validate(read)
    assert [agent.name for agent in settings.agents] == ["agent0", "agent1", "agent2"]
    assert settings.trunks[0].addresses == ("127.0.0.2",)


def test_only_supervisors_have_a_ceiling() -> None:
    settings = Settings.model_validate(House.build(calls=2).settings())
    assert [user.ceiling is not None for user in settings.users] == [False, False, True, True]


def test_there_are_ports_for_twice_the_legs() -> None:
    house = House.build(calls=1000)
    media = Settings.model_validate(house.settings()).media
    assert media.last_port - media.first_port > 2 * 3 * 1000
    assert media.last_port < 32768


def test_a_small_house_has_ports_above_those_that_the_kernel_lends() -> None:
    media = Settings.model_validate(House.build(calls=3).settings()).media
    assert 61_000 <= media.first_port < media.last_port <= 65_535


def test_strings_with_quotes_and_nested_tables_are_written_right() -> None:
    table = {"a": {"text": 'say "hi" \\ ü', "flag": True, "list": ["x", "y"], "inner": {"n": 1.5}}}
    assert tomllib.loads(write_toml(table)) == table


METRICS = """# HELP mediaserver_turn_late_seconds How late.
mediaserver_turn_late_seconds_bucket{{le="0.001",worker="0"}} {0}
mediaserver_turn_late_seconds_bucket{{le="0.002",worker="0"}} {1}
mediaserver_turn_late_seconds_bucket{{le="+Inf",worker="0"}} {2}
"""


def test_the_p99_of_a_histogram_is_taken_between_two_readings() -> None:
    before, after = buckets(METRICS.format(50.0, 50.0, 50.0), TURN_LATE), buckets(METRICS.format(148.0, 150.0, 150.0), TURN_LATE)
    assert p99(before, after) == 0.0015
    assert p99(after, after) is None
    assert p99({}, {}) is None


def test_beyond_the_last_edge_the_last_edge_is_told() -> None:
    assert p99({}, buckets(METRICS.format(0.0, 10.0, 100.0), TURN_LATE)) == 0.002


def test_a_counter_is_summed_over_its_labels() -> None:
    text = "".join(f'# HELP {name} x\n{name}_total{{worker="{worker}"}} {worker}.5\n' for name in (TURNS, "other") for worker in (1, 2))
    assert total(text, TURNS) == 4.0
    assert total("", TURNS) == 0.0


def test_a_result_is_one_json_object_with_its_rows() -> None:
    import json

    result = Result("capacity", {"max_calls": 5}, ("calls", "loss"), [(5, 0.0)], ["a note"], ok=False)
    assert json.loads(result.as_json()) == {
        "bench": "capacity",
        "ok": False,
        "max_calls": 5,
        "rows": [{"calls": 5, "loss": 0.0}],
        "notes": ["a note"],
    }
