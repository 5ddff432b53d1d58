from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from housing.algorithms.stored_forms import from_bytes
from housing.deployment.spec import Deployment, Variant
from housing.errors import RegistryError
from housing.targets.local.state import StateFolder
from housing.testing.models import EXAMPLE, price_bundle
from housing.tracking.registry import Registry
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from housing.training.artifact import Bundle, read_bundle
from housing.training.compiled import form_name, rows_about
from housing.training.predictor import Predictor
from tests.tracking.conftest import result_of


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return price_bundle()


@pytest.fixture(scope="module")
def other_bundle() -> Bundle:
    return price_bundle(rounds=5)


@pytest.fixture
def registry(runs: Runs) -> Registry:
    return Registry(runs.client)


@pytest.fixture
def run_id(runs: Runs) -> str:
    return runs.record(RunRecord("final", result=result_of([1.0]), kind="final", params={"eta": 0.3}))


def test_a_registered_version_is_complete(registry: Registry, run_id: str, bundle: Bundle) -> None:
    version, is_new = registry.register(
        "housing", run_id, bundle, tags={"housing.config_hash": "abc"}, description="the first", example=EXAMPLE
    )

    assert is_new
    assert (version.name, version.number, version.run_id, version.aliases) == ("housing", 1, run_id, ())
    assert version.tags["housing.config_hash"] == "abc"
    assert registry.resolve("models:/housing/1") == version
    assert read_bundle(registry.download(version)) == bundle


def test_a_version_comes_with_its_compiled_form_which_is_served_where_nothing_else_was_installed_meanwhile(
    registry: Registry, run_id: str, bundle: Bundle, tmp_path: Path
) -> None:
    version, _ = registry.register("housing", run_id, bundle)
    registered, served = registry.download(version), StateFolder(tmp_path / "served")
    served.create()
    name = served.keep_bundle(registered)
    form = from_bytes(served.compiled(name).read_bytes())
    predictor = Predictor.load(registered)
    rows = rows_about(form, 50, len(predictor.encoder.columns))
    assert form.predict(rows).tolist() == predictor.model.predict(rows).tolist()
    of_other_libraries = form_name(tmp_path, name)
    assert served.compiled(name).name not in (of_other_libraries, form_name(registered, "other"))


def test_mlflow_loads_the_version_and_answers_raw_rows(
    registry: Registry, run_id: str, bundle: Bundle, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    import pandas

    version, _ = registry.register("housing", run_id, bundle)
    registry.set_alias("housing", "champion", version.number)

    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    answer = mlflow.pyfunc.load_model("models:/housing@champion").predict(pandas.DataFrame(EXAMPLE))

    assert answer.tolist() == Predictor.load(registry.download(version)).predict_columns(EXAMPLE).values.tolist()


def test_the_same_files_are_registered_once(
    registry: Registry, runs: Runs, run_id: str, bundle: Bundle, other_bundle: Bundle
) -> None:
    first, _ = registry.register("housing", run_id, bundle)
    second, is_second_new = registry.register("housing", run_id, other_bundle)
    again, is_again_new = registry.register("housing", runs.record(RunRecord("later", result=result_of([1.0]))), bundle)

    assert (second.number, is_second_new) == (2, True)
    assert (again, is_again_new) == (first, False)


def test_an_alias_moves(registry: Registry, run_id: str, bundle: Bundle, other_bundle: Bundle) -> None:
    assert registry.find("housing", alias="champion") is None
    for model in (bundle, other_bundle):
        version, _ = registry.register("housing", run_id, model)
        registry.set_alias("housing", "champion", version.number)

    champion = registry.find("housing", alias="champion")
    assert champion is not None
    assert (champion.number, champion.aliases) == (2, ("champion",))
    assert registry.resolve("models:/housing@champion") == champion
    assert registry.resolve("models:/housing/1").aliases == ()
    assert registry.find("housing", alias="challenger") is None


def test_a_deployment_is_pinned_to_version_numbers(registry: Registry, run_id: str, bundle: Bundle) -> None:
    registry.set_alias("housing", "champion", registry.register("housing", run_id, bundle)[0].number)
    wanted = Deployment(
        "prices", {"a": Variant("models:/housing@champion", weight=9), "b": Variant("models:/housing/1")}
    )

    pinned = registry.pin(wanted)

    assert {name: v.model for name, v in pinned.variants.items()} == {
        "a": "models:/housing/1",
        "b": "models:/housing/1",
    }
    assert pinned.shares() == wanted.shares()


def test_every_variant_that_names_nothing_is_reported(registry: Registry, run_id: str, bundle: Bundle) -> None:
    registry.set_alias("housing", "champion", registry.register("housing", run_id, bundle)[0].number)

    with pytest.raises(RegistryError) as e:
        registry.pin(Deployment("prices", {"a": Variant("models:/housing@chmpion"), "b": Variant("models:/houses/1")}))
    assert "variant a: models:/housing@chmpion: housing has no alias 'chmpion'; did you mean 'champion'?" in str(
        e.value
    )
    assert "variant b: models:/houses/1: no model 'houses' is registered; did you mean 'housing'?" in str(e.value)


@pytest.mark.parametrize(
    ("model_uri", "message"),
    [
        ("housing@champion", "a model is named models:/<name>@<alias> or models:/<name>/<version>"),
        ("models:/housing/Production", "a model is named"),
        ("models:/housing/7", "no such version; it has 1"),
        ("models:/housing@zzz", "no alias 'zzz'; there are none"),
        ("models:/it's/1", 'no model "it\'s" is registered; available: housing'),
    ],
)
def test_a_name_that_means_nothing_is_answered_with_what_there_is(
    registry: Registry, run_id: str, bundle: Bundle, model_uri: str, message: str
) -> None:
    registry.register("housing", run_id, bundle)

    with pytest.raises(RegistryError) as e:
        registry.resolve(model_uri)
    assert message in str(e.value)


def test_altered_files_are_not_handed_out(registry: Registry, run_id: str, bundle: Bundle) -> None:
    version, _ = registry.register("housing", run_id, bundle)
    model = registry.download(version) / "model.ubj"
    model.write_bytes(model.read_bytes()[:-1] + b"!")

    with pytest.raises(RegistryError, match=r"models:/housing/1: its files are damaged.*register the model again"):
        registry.download(version)
    again, is_new = registry.register("housing", run_id, bundle)
    assert (again.number, is_new) == (2, True)
    assert read_bundle(registry.download(again)) == bundle


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["finalize_logged_model", "create_model_version"])
def test_killed_while_registering_shows_no_version_and_the_next_call_completes(
    registry: Registry, runs: Runs, run_id: str, bundle: Bundle, uri: str, moment: str
) -> None:
    script = (
        "import os, signal, sys\n"
        "from housing.tracking.registry import Registry\n"
        "from housing.tracking.store import open_client\n"
        "from housing.testing.models import price_bundle\n"
        "client = open_client(sys.argv[1])\n"
        "setattr(client, sys.argv[3], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))\n"
        "Registry(client).register('housing', sys.argv[2], price_bundle())\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, uri, run_id, moment], cwd=Path.cwd(), check=False)
    assert killed.returncode == -9
    assert registry.client.search_model_versions("name='housing'") == []

    version, is_new = registry.register("housing", run_id, bundle)

    assert (version.number, is_new) == (1, True)
    assert read_bundle(registry.download(version)) == bundle
    models = registry.client.search_logged_models([runs.experiment_id])
    assert [model.status for model in models] == ["READY"]
