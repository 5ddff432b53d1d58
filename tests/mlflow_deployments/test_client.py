"""MLflow's deployments API in front of the local host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
from mlflow.deployments import get_deploy_client, run_local
from mlflow.exceptions import MlflowException

from housing.testing.models import EXAMPLE

CHAMPION, CHALLENGER = "models:/housing@champion", "models:/housing@challenger"


@pytest.fixture(scope="module")
def theirs(folder: Path) -> None:
    """An endpoint that no test touches, so that the server need not start for each of them."""
    get_deploy_client("housing:/local").create_deployment("theirs", CHAMPION)


@pytest.fixture
def client(theirs: None) -> Iterator[Any]:
    """Nothing else is deployed at first, nor left behind."""
    client = get_deploy_client("housing:/local")
    yield client
    for name in own(client):
        client.delete_deployment(name)
    assert [endpoint["name"] for endpoint in client.list_deployments()] == ["theirs"]


def own(client: Any) -> list[str]:
    """The names of what a test has made."""
    return [endpoint["name"] for endpoint in client.list_deployments() if endpoint["name"] != "theirs"]


def test_a_created_deployment_answers_raw_rows_in_the_unit_of_the_label(client: Any) -> None:
    made = client.create_deployment("price", CHAMPION)
    assert (made["name"], made["flavor"], made["model_uri"]) == ("price", "python_function", "models:/housing/1")
    answer = client.predict("price", pandas.DataFrame(EXAMPLE))
    assert answer["predictions"] == pytest.approx([90_000, 200_000], rel=0.1)
    assert answer["variants"] == ["champion", "champion"]
    assert answer.get_predictions()[0].tolist() == answer["predictions"]


def test_rows_come_as_frames_or_as_mappings_with_the_same_answers(client: Any) -> None:
    client.create_deployment("price", CHAMPION)
    frame = pandas.DataFrame(EXAMPLE)
    expected = client.predict("price", frame)["predictions"]
    assert client.predict("price", frame.to_dict("records"))["predictions"] == expected
    assert client.predict("price", EXAMPLE)["predictions"] == expected
    assert client.predict("price", frame.astype({"Area": float}))["predictions"] == expected


def test_many_rows_are_answered_in_their_order(client: Any) -> None:
    client.create_deployment("price", CHAMPION)
    areas = list(range(600, 3100))
    frame = pandas.DataFrame({"Area": areas, "Alley": None, "Zone": "RL"})
    answers = client.predict("price", frame)["predictions"]
    assert len(answers) == len(areas)
    assert answers[0] < answers[1250] < answers[-1]


def test_settings_are_those_of_variants_and_endpoints(client: Any) -> None:
    config = {"weight": "2", "instances": 2, "capture.percent": "50", "variant": "main"}
    client.create_deployment("price", CHAMPION, config=config)
    described = client.get_deployment("price")
    assert described["variants"]["main"]["instances"] == 2
    stored = json.loads(Path(".housing/endpoints/price.json").read_text())["deployment"]
    assert stored["variants"]["main"]["weight"] == 2
    assert stored["capture"] == {"percent": 50}


def test_what_is_not_named_stays_in_an_update(client: Any) -> None:
    client.create_deployment("price", CHAMPION, config={"instances": 2})
    client.update_deployment("price", CHALLENGER)
    (variant,) = client.list_deployments("price")
    assert (variant["model_uri"], variant["instances"]) == ("models:/housing/2", 2)
    client.update_deployment("price", config={"instances": "1"})
    (variant,) = client.list_deployments("price")
    assert (variant["model_uri"], variant["instances"]) == ("models:/housing/2", 1)


def test_deployments_of_one_endpoint_are_its_variants(client: Any) -> None:
    client.create_deployment("champion", CHAMPION, config={"weight": 9}, endpoint="price")
    client.create_deployment("challenger", CHALLENGER, endpoint="price")
    assert {d["name"]: d["share"] for d in client.list_deployments("price")} == {"champion": 0.9, "challenger": 0.1}
    rows = pandas.DataFrame(EXAMPLE)
    assert client.predict("challenger", rows, endpoint="price")["variants"] == ["challenger"] * 2
    assert client.get_deployment("challenger", endpoint="price")["model_uri"] == "models:/housing/2"
    client.delete_deployment("champion", endpoint="price")
    assert [d["name"] for d in client.list_deployments("price")] == ["challenger"]
    client.delete_deployment("challenger", endpoint="price")
    assert own(client) == []


def test_endpoints_are_listed_described_changed_and_deleted(client: Any) -> None:
    client.create_deployment("price", CHAMPION)
    assert [endpoint["name"] for endpoint in client.list_endpoints()] == ["price", "theirs"]
    assert client.get_endpoint("price")["url"].endswith("/endpoints/price/invocations")
    client.update_endpoint("price", config={"capture.percent": 10})
    stored = json.loads(Path(".housing/endpoints/price.json").read_text())["deployment"]
    assert stored["capture"] == {"percent": 10}
    client.delete_endpoint("price")
    assert own(client) == []


def test_deleting_what_is_not_there_is_done_already(client: Any) -> None:
    client.delete_deployment("price")
    client.delete_deployment("champion", endpoint="price")
    client.create_deployment("price", CHAMPION)
    client.delete_deployment("stranger", endpoint="price")
    assert own(client) == ["price"]


def test_running_locally_is_creating_at_the_local_host(client: Any) -> None:
    run_local("housing", "price", CHAMPION)
    assert own(client) == ["price"]


def test_the_configuration_says_what_new_endpoints_begin_with(client: Any, folder: Path) -> None:
    (folder / "conf" / "deployment").mkdir(parents=True)
    (folder / "conf" / "deployment" / "kept.yaml").write_text(
        'endpoint: x\nvariants: {main: {model: "models:/housing@champion", instances: 2}}\ncapture: {percent: 5}\n'
    )
    own = get_deploy_client("housing:/local?config_dir=conf&deployment=kept")
    own.create_deployment("price", CHAMPION, config={"variant": "main"})
    stored = json.loads(Path(".housing/endpoints/price.json").read_text())["deployment"]
    assert stored["capture"] == {"percent": 5}
    assert stored["variants"]["main"]["instances"] == 2


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"weight": "-1"}, "weight must be 0 or more"),
        ({"wieght": "1"}, "-C wieght: no such setting; available: weight"),
        ({"autoscaling.max": "3"}, "deployment.variants.champion.autoscaling.max_instances"),
        ({"instances": "two"}, "must be a whole number"),
        ({"serverless.memory_mb": "2048"}, "serverless"),
    ],
)
def test_settings_that_are_no_good_are_refused_before_anything_changes(
    client: Any, config: dict[str, str], told: str
) -> None:
    with pytest.raises(MlflowException) as refused:
        client.create_deployment("price", CHAMPION, config=config)
    assert told in str(refused.value)
    assert own(client) == []


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("models:/housing@champon", "did you mean 'champion'?"),
        ("models:/housing/9", "it has 2, 1"),
        ("models:/mansions@champion", "no model 'mansions' is registered"),
        ("runs:/0123456789abcdef0123456789abcdef/model", "must be models:/housing@<alias>"),
    ],
)
def test_models_that_are_not_registered_are_refused(client: Any, model: str, told: str) -> None:
    with pytest.raises(MlflowException) as refused:
        client.create_deployment("price", model)
    assert told in str(refused.value)


def test_names_that_are_taken_or_free_are_told(client: Any) -> None:
    client.create_deployment("price", CHAMPION)
    with pytest.raises(MlflowException, match="price exists already; `update` changes it"):
        client.create_deployment("price", CHAMPION)
    with pytest.raises(MlflowException, match="champion of endpoint price exists already"):
        client.create_deployment("champion", CHAMPION, endpoint="price")
    for call in (client.update_deployment, client.get_deployment):
        with pytest.raises(MlflowException, match="cost does not exist"):
            call("cost")
    with pytest.raises(MlflowException, match="endpoint cost does not exist"):
        client.predict("cost", EXAMPLE)


def test_an_update_of_an_endpoint_with_several_variants_asks_for_one(client: Any) -> None:
    client.create_deployment("price", CHAMPION)
    client.create_deployment("challenger", CHALLENGER, endpoint="price")
    with pytest.raises(MlflowException, match="--endpoint price --name champion"):
        client.update_deployment("price", CHALLENGER)


@pytest.mark.parametrize("rows", [[], pandas.DataFrame(), [1, 2], pandas.DataFrame({"Area": ["big"], "Alley": [None]})])
def test_rows_that_are_none_are_refused(client: Any, rows: Any) -> None:
    client.create_deployment("price", CHAMPION)
    with pytest.raises(MlflowException, match="rows"):
        client.predict("price", rows)


def test_what_mlflow_offers_and_housing_does_not_is_refused_with_the_reason(client: Any) -> None:
    with pytest.raises(MlflowException, match="serves its registered models as python_function only"):
        client.create_deployment("price", CHAMPION, flavor="xgboost")
    with pytest.raises(MlflowException, match="comes with its first deployment"):
        client.create_endpoint("price")
    with pytest.raises(MlflowException, match="`delete` takes no settings"):
        client.delete_deployment("price", config={"weight": "1"})


@pytest.mark.parametrize(
    ("target", "told"),
    [("housing:/locl", "did you mean local?"), ("housing:/local?config_dir=nowhere", "nowhere: no such folder")],
)
def test_targets_that_do_not_exist_are_refused(folder: Path, target: str, told: str) -> None:
    with pytest.raises(MlflowException) as refused:
        get_deploy_client(target)
    assert told in str(refused.value)
