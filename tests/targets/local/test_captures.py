from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from housing.deployment.spec import Capture, Deployment, Variant
from housing.errors import DeploymentError
from housing.monitoring.captured import CapturedRows
from housing.targets.local.captures import WRITES_EVERY_S, Captures, captured
from housing.targets.local.exchanges import Exchange
from housing.targets.local.host import LocalHost
from housing.testing.host import AB_TEST, GOOD, OTHER, ROWS, deploy, destroy
from tests.targets.local.conftest import end_server, server_pid

WANTED = Deployment("house", {"champion": Variant(GOOD), "challenger": Variant(OTHER)}, capture=Capture(100))
ONE = Exchange(b"Area\n900\n", b"90000.0\n", ("text/csv", "application/json"), 1_790_000_000.5, GOOD)
RECORD = b"".join(ONE.pieces())


def test_requests_of_every_variant_are_kept_with_their_answers(host: LocalHost, models: Mapping[str, Path]) -> None:
    deploy(host, WANTED, models)
    answers = {variant: host.predict("house", ROWS, variant).values for variant in WANTED.variants}
    found = {one.variant: one for one in host.captured("house")}
    assert {name: json.loads(one.answer)["predictions"] for name, one in found.items()} == answers
    assert {name: one.model for name, one in found.items()} == {"champion": GOOD, "challenger": OTHER}
    assert {one.rows for one in found.values()} == {ROWS}


def test_nothing_is_kept_unless_the_deployment_asks_for_it(host: LocalHost, models: Mapping[str, Path]) -> None:
    deploy(host, AB_TEST, models)
    host.predict("house", ROWS)
    assert host.captured("house") == []


def test_about_the_wanted_percentage_is_kept(host: LocalHost, models: Mapping[str, Path]) -> None:
    deploy(host, Deployment("house", {"champion": Variant(GOOD)}, capture=Capture(50)), models)
    for _ in range(100):
        host.predict("house", ROWS)
    assert 25 < len(host.captured("house")) < 75


def test_a_killed_server_loses_nothing_that_it_had_a_moment_to_write(
    host: LocalHost, folder: Path, models: Mapping[str, Path]
) -> None:
    deploy(host, WANTED, models)
    for _ in range(20):
        host.predict("house", ROWS, "champion")
    deadline = time.monotonic() + 120
    while len(captured(folder / "captures", "house", ["champion"])) < 20:  # nobody asks the server
        assert time.monotonic() < deadline
        time.sleep(WRITES_EVERY_S)
    end_server(folder, signal.SIGKILL)
    assert len(host.captured("house")) == 20
    host.predict("house", ROWS, "champion")
    assert len(host.captured("house")) == 21


def test_what_was_captured_goes_with_the_endpoint(host: LocalHost, folder: Path, models: Mapping[str, Path]) -> None:
    deploy(host, WANTED, models)
    host.predict("house", ROWS)
    destroy(host, "house")
    assert not (folder / "captures" / "house").exists()


def test_a_change_of_capture_replaces_no_process(host: LocalHost, folder: Path, models: Mapping[str, Path]) -> None:
    deploy(host, AB_TEST, models)
    pid = server_pid(folder)
    deploy(host, Deployment("house", AB_TEST.variants, interface="encoded", capture=Capture(10)), models)
    assert host.current("house").capture == Capture(10)  # type: ignore[union-attr]
    assert server_pid(folder) == pid


def test_only_the_latest_files_of_a_variant_stay(tmp_path: Path) -> None:
    writer = Captures(tmp_path, files=3, file_bytes=10 * len(RECORD))
    for _ in range(95):
        writer.add("house", "champion", ONE)
    writer.close()
    assert len(captured(tmp_path, "house", ["champion"])) == 10 + 10 + 5


@pytest.mark.parametrize(("percent", "least", "most"), [(0, 0, 0), (20, 100, 300), (100, 1000, 1000)])
def test_so_many_percent_are_kept(tmp_path: Path, percent: float, least: int, most: int) -> None:
    writer = Captures(tmp_path, later=lambda _, __: None)
    for _ in range(1000):
        writer.add_some(
            percent, "house", "champion", rows=b"1", answer=b"2", content_types=("text/csv", "text/csv"), model="m"
        )
    writer.close()
    assert least <= len(captured(tmp_path, "house", ["champion"])) <= most


def test_requests_that_come_together_are_written_together_and_each_file_ends_where_it_would(tmp_path: Path) -> None:
    calls: list[Callable[[], None]] = []
    writer = Captures(tmp_path, files=3, file_bytes=10 * len(RECORD), later=lambda _, call: calls.append(call))
    for _ in range(95):
        writer.add("house", "champion", ONE)
    assert (len(calls), list(tmp_path.iterdir())) == (1, [])
    calls.pop()()
    assert len(captured(tmp_path, "house", ["champion"])) == 10 + 10 + 5
    writer.add("house", "champion", ONE)
    assert len(calls) == 1
    writer.close()
    assert len(captured(tmp_path, "house", ["champion"])) == 10 + 10 + 6


def test_what_is_kept_is_read_as_it_was_sent(tmp_path: Path) -> None:
    writer = Captures(tmp_path)
    writer.add("house", "champion", ONE)
    writer.add("house", "champion", ONE._replace(rows='{"Ort": "Köln"}\n'.encode(), model=None))
    writer.close()
    told = CapturedRows("champion", 1_790_000_000.5, "text/csv", "Area\n900\n", "90000.0\n", model=GOOD)
    other = replace(told, rows='{"Ort": "Köln"}\n', model=None)
    assert captured(tmp_path, "house", ["champion"]) == [told, other]


def test_a_last_record_that_was_cut_off_is_passed_over_and_a_broken_one_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "house" / "champion" / "1.records"
    file.parent.mkdir(parents=True)
    for cut in (1, 10, 30, len(RECORD) - 1):
        file.write_bytes(RECORD + RECORD[:cut])
        assert len(captured(tmp_path, "house", ["champion"])) == 1
    for broken, place in ((b"x" * 100, "byte 0 "), (RECORD.replace(b'"models', b"'models"), "byte 24 ")):
        file.write_bytes(broken)
        with pytest.raises(DeploymentError, match=f"{file} cannot be read: .*{place}"):
            captured(tmp_path, "house", ["champion"])


def test_lines_of_an_earlier_server_are_read_before_its_successor_s_records(tmp_path: Path) -> None:
    writer = Captures(tmp_path, files=2)
    writer.add("house", "champion", ONE)
    side = {"observedContentType": "text/csv", "data": "Area\n1\n", "encoding": "CSV"}
    line = {"captureData": {"endpointInput": side}, "eventMetadata": {"inferenceTime": "2026-09-21T14:13:20Z"}}
    (tmp_path / "house" / "champion" / "00000000000000000001.jsonl").write_text(json.dumps(line) + "\n")
    assert [one.rows for one in captured(tmp_path, "house", ["champion"])] == ["Area\n1\n", "Area\n900\n"]
    writer.close()
    for _ in range(2):
        writer.add("house", "champion", ONE)
        writer.close()
    assert len(captured(tmp_path, "house", ["champion"])) == 2


def test_a_request_that_the_disk_did_not_take_whole_costs_itself_alone(tmp_path: Path) -> None:
    limit = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from pathlib import Path; from housing.targets.local.captures import Captures;"
        "from housing.targets.local.exchanges import Exchange;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(RECORD) * 5 // 2}, -1));"
        "writer = Captures(Path(sys.argv[1]), later=lambda _, call: None);"
        f"[writer.add('house', 'champion', {ONE!r}) for _ in range(6)]; writer.close()"
    )
    assert os.spawnl(os.P_WAIT, sys.executable, sys.executable, "-c", limit, str(tmp_path)) == 0
    found = captured(tmp_path, "house", ["champion"])
    assert 4 <= len(found) < 6
    assert {one.answer for one in found} == {"90000.0\n"}
