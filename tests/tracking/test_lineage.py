from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from housing.deployment.bundle import digest
from housing.deployment.spec import Deployment, Variant
from housing.testing.models import price_bundle
from housing.tracking.lineage import Lineage, trace
from housing.tracking.provenance import provenance_tags
from housing.tracking.reader import Version
from housing.tracking.registry import Registry
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from tests.tracking.conftest import result_of

RECORDED = {"housing.config_hash": "c" * 64, "housing.data_digest": "d" * 64}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "mine.yaml").write_text("seed: 0\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "First"]):
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@x", *command], check=True)
    provenance_tags.cache_clear()
    return folder


@pytest.fixture
def version(repository: Path, runs: Runs) -> Version:
    run_id = runs.record(RunRecord("final", result=result_of([1.0]), kind="final", tags=RECORDED, yaml="seed: 0\n"))
    return Registry(runs.client).register("housing", run_id, price_bundle(), tags=RECORDED)[0]


def traced(runs: Runs, version: Version, *, served: str | None = None) -> Lineage:
    deployment = Deployment("prices", {"champion": Variant(version.uri, weight=2)})
    files = {"champion": {"model": version.uri, "digest": served or version.digest or ""}}
    return trace("prices", deployment, files, Registry(runs.client))


def test_an_untouched_lineage_is_whole_down_to_the_commit(runs: Runs, version: Version, repository: Path) -> None:
    lineage = traced(runs, version)

    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    (variant,) = lineage.variants
    assert (variant.variant, variant.share, lineage.faults) == ("champion", 1.0, [])
    assert [(link.what, link.value) for link in variant.links] == [
        ("model version", "models:/housing/1"),
        ("served files", version.digest),
        ("registered files", version.digest),
        ("run", f"final ({version.run_id[:12]})"),
        ("configuration", "c" * 64),
        ("data", "d" * 64),
        ("git commit", commit),
    ]
    assert {link.state for link in variant.links} == {"whole"}


def test_served_files_that_were_not_registered_are_told(runs: Runs, version: Version) -> None:
    assert traced(runs, version, served="e" * 64).faults == [
        f"champion: served files {'e' * 64} is altered: registered were {(version.digest or '')[:12]}"
    ]


def test_registered_files_that_are_gone_or_changed_are_told(runs: Runs, version: Version) -> None:
    folder = Registry(runs.client).download(version)
    (folder / "encoder.json").write_text("{}")
    assert "encoder.json is not the file that was written" in traced(runs, version).faults[0]
    shutil.rmtree(folder)
    assert "registered files" in traced(runs, version).faults[0]
    assert not folder.exists()


def test_files_replaced_together_with_their_description_are_told(runs: Runs, version: Version) -> None:
    """A bundle that is whole in itself, but another one."""
    folder = Registry(runs.client).download(version)
    for name, content in price_bundle(rounds=3).files().items():
        (folder / name).write_bytes(content)

    assert digest(folder) != version.digest
    assert "not those that were registered" in traced(runs, version).faults[0]


def test_a_changed_configuration_is_told(runs: Runs, version: Version) -> None:
    runs.log_files(version.run_id, {"config.yaml": b"seed: 1\n"})

    assert "config.yaml of the run was changed after it was recorded" in traced(runs, version).faults[0]


def test_a_tag_changed_on_one_side_is_told(runs: Runs, version: Version) -> None:
    runs.client.set_tag(version.run_id, "housing.data_digest", "0" * 64)

    assert f"the version says {'d' * 12}, the run {'0' * 12}" in traced(runs, version).faults[0]


def test_a_deleted_run_is_told_and_what_it_recorded_still_found(runs: Runs, version: Version) -> None:
    runs.client.delete_run(version.run_id)

    lineage = traced(runs, version)
    assert "was deleted" in lineage.faults[0]
    assert len(lineage.variants[0].links) == 7


def test_a_deleted_version_ends_the_lineage(runs: Runs, version: Version) -> None:
    runs.client.delete_model_version("housing", "1")

    lineage = traced(runs, version)
    assert len(lineage.variants[0].links) == 1
    assert "housing has no versions (they were deleted)" in lineage.faults[0]


def test_a_commit_that_is_not_here_is_told(runs: Runs, version: Version, repository: Path) -> None:
    shutil.rmtree(repository / ".git")
    subprocess.run(["git", "init", "-q"], check=True)

    assert "the repository here has no such commit" in traced(runs, version).faults[0]
