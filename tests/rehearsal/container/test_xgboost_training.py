from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn import metrics

from housing.rehearsal.container.metrics import METRICS
from housing.rehearsal.training.engine import Engine
from tests.rehearsal.container.records import encoded
from tests.rehearsal.container.trees import WALKTHROUGH, Machine, csv, rows

CHANNELS = {"train": csv(rows(1)), "validation": csv(rows(2, 80))}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("containers")
    engine = Engine(folder / "log")
    yield Machine(folder, engine)
    engine.close()


def _matrix(seed: int, count: int = 200) -> xgboost.DMatrix:
    table = rows(seed, count).astype(np.float32)
    return xgboost.DMatrix(table[:, 1:], label=table[:, 0])


def _predictions(folder: Path, name: str = "xgboost-model") -> Any:
    return xgboost.Booster(model_file=bytearray((folder / name).read_bytes())).predict(_matrix(3))


def test_metrics_and_model_are_those_of_xgboost_itself(machine: Machine) -> None:
    ended = machine.run(machine.tree("equal", WALKTHROUGH, CHANNELS))

    history: dict[str, Any] = {}
    booster = xgboost.train(
        {"max_depth": 5, "eta": 0.5, "objective": "reg:squarederror", "nthread": 1},
        _matrix(1),
        20,
        evals=[(_matrix(1), "train"), (_matrix(2, 80), "validation")],
        custom_metric=lambda p, d: ("mae", float(metrics.mean_absolute_error(d.get_label(), p))),
        evals_result=history,
        verbose_eval=False,
    )
    assert ended.code == 0
    assert ended.rounds == [
        f"[{n}]"
        + "".join(
            f"\t{channel}-{name}:{values[n]:.5f}" for channel in history for name, values in history[channel].items()
        )
        for n in range(20)
    ]
    assert np.array_equal(_predictions(ended.tree.model), booster.predict(_matrix(3)))
    assert [path.name for path in ended.tree.model.iterdir()] == ["xgboost-model"]


def test_the_log_has_the_images_lines(machine: Machine) -> None:
    ended = machine.run(machine.tree("lines", WALKTHROUGH, CHANNELS))

    told = "\n".join(line.partition("] ")[2] for line in ended.lines if ":INFO]" in line)
    for line in (
        "Imported framework sagemaker_xgboost_container.training",
        "Failed to parse hyperparameter eval_metric value mae to Json.",
        "Running XGBoost Sagemaker in algorithm mode",
        "Determined 0 GPU(s) available on the instance.",
        "File path /opt/ml/input/data/train of input files",
        "files path: /tmp/sagemaker_xgboost_input_data",
        "Determined delimiter of CSV input is ','",
        "Single node training.",
        "Train matrix has 200 rows and 6 columns",
        "Validation matrix has 80 rows",
    ):
        assert line in told
    assert str(machine.folder) not in "\n".join(ended.lines)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_scikit_learns_to_the_last_bit(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.integers(30_000, 700_000, 1168).astype(np.float32)
    given = (labels + generator.normal(0, 20_000, 1168)).astype(np.float32)

    assert METRICS["mae"](labels, given) == metrics.mean_absolute_error(labels, given)
    assert METRICS["mse"](labels, given) == metrics.mean_squared_error(labels, given)
    assert METRICS["rmse"](labels, given) == metrics.root_mean_squared_error(labels, given)
    assert METRICS["r2"](labels, given) == metrics.r2_score(labels, given)


def test_metrics_of_classes_are_computed_by_the_sign(machine: Machine) -> None:
    table = rows(1)
    table[:, 0] = table[:, 0] > 180_000
    given = {"num_round": "2", "objective": "binary:logistic", "eval_metric": "accuracy,f1_binary,logloss"}

    ended = machine.run(machine.tree("classes", given, {"train": csv(table)}))

    assert ended.code == 0, ended.failure
    names = [part.partition(":")[0] for part in ended.rounds[-1].split("\t")[1:]]
    assert names == ["train-logloss", "train-accuracy", "train-f1_binary"]


def test_early_stopping_keeps_the_best_round(machine: Machine) -> None:
    given = WALKTHROUGH | {"num_round": "200", "early_stopping_rounds": "5"}

    ended = machine.run(machine.tree("early", given, CHANNELS))

    costs = [float(line.rpartition(":")[2]) for line in ended.rounds]
    assert len(costs) == np.argmin(costs) + 1 + 5
    booster = xgboost.Booster(model_file=bytearray((ended.tree.model / "xgboost-model").read_bytes()))
    assert booster.num_boosted_rounds() == np.argmin(costs) + 1


def test_the_objective_of_a_tuning_job_is_evaluated_beside_the_metrics(machine: Machine) -> None:
    given = WALKTHROUGH | {"num_round": "1", "_tuning_objective_metric": "validation:rmse"}

    ended = machine.run(machine.tree("tuned", given, CHANNELS))

    names = [part.partition(":")[0] for part in ended.rounds[0].split("\t")[1:]]
    assert names == ["train-rmse", "train-mae", "validation-rmse", "validation-mae"]


def test_weights_stand_second(machine: Machine) -> None:
    table = rows(1)
    weights = np.random.default_rng(0).integers(1, 5, len(table))
    weighed = np.column_stack([table[:, 0], weights, table[:, 1:]])
    given = WALKTHROUGH | {"csv_weights": "1"}

    ended = machine.run(machine.tree("weights", given, {"train": csv(weighed)}))

    table = table.astype(np.float32)
    matrix = xgboost.DMatrix(table[:, 1:], label=table[:, 0], weight=weights)
    booster = xgboost.train({"max_depth": 5, "eta": 0.5, "nthread": 1}, matrix, 20)
    assert np.array_equal(_predictions(ended.tree.model), booster.predict(_matrix(3)))


def test_strings_headers_and_quotes_are_misread_without_an_error(machine: Machine) -> None:
    text = 'SalePrice,a,b\n200000,1,Gd\n100000,"2",3\n150000,,4\n'

    ended = machine.run(machine.tree("misread", {"num_round": "1", "objective": "reg:squarederror"}, {"train": text}))

    assert ended.code == 0
    assert any(line.endswith("Train matrix has 4 rows and 2 columns") for line in ended.lines)


@pytest.mark.parametrize(
    ("channels", "content_type", "words"),
    [
        ({"test": "1,2\n"}, "text/csv", "Missing required channel: train"),
        ({"train": "1,2\n", "test": "1,2\n"}, "text/csv", "Extraneous channel found: test"),
        ({"train": "1,2\n"}, "text/csv; label_size=1", "Channel configuration for 'train' channel is not supported: {"),
        ({"train": "a b c\n"}, "text/libsvm", "First line 'a b c\n...' of file 'train.csv' is not 'LIBSVM' format."),
        ({"train": "\n1,2\n"}, "text/csv", "Could not determine delimiter on line"),
        (
            {"train": "1,2\n", "validation": ""},
            "text/csv",
            "No data in validation channel path /opt/ml/input/data/validation",
        ),
    ],
)
def test_channels_are_refused_in_the_containers_words(
    machine: Machine, tmp_path: Path, channels: dict[str, str], content_type: str, words: str
) -> None:
    here = Machine(tmp_path, machine.engine)
    tree = here.tree("refused", {"num_round": "1"}, channels, content_type=content_type)

    ended = here.run(tree)

    assert ended.code == 1
    assert ended.failure.startswith("framework error: \nTraceback (most recent call last):\n")
    assert f"sagemaker_algorithm_toolkit.exceptions.UserError: {words}" in ended.failure


def test_libsvm_parquet_and_recordio_train_the_same_model(machine: Machine) -> None:
    import pandas as pd

    table = rows(1)
    lines = [" ".join([f"{row[0]:g}", *(f"{n}:{value:g}" for n, value in enumerate(row[1:]))]) for row in table]
    libsvm = machine.tree("libsvm", WALKTHROUGH, {"train": "\n".join(lines)}, content_type="text/libsvm")
    parquet = machine.tree("parquet", WALKTHROUGH, {"train": ""}, content_type="application/x-parquet")
    (parquet.data / "train/train.csv").unlink()
    pd.DataFrame(table).rename(columns=str).to_parquet(parquet.data / "train/train.parquet")

    recordio = machine.tree("recordio", WALKTHROUGH, {"train": ""}, content_type="application/x-recordio-protobuf")
    (recordio.data / "train/train.csv").write_bytes(encoded(table[:, 1:].tolist(), table[:, 0].tolist()))

    trees = (machine.tree("csv", WALKTHROUGH, {"train": csv(table)}), libsvm, parquet, recordio)
    models = [machine.run(tree) for tree in trees]

    assert [ended.code for ended in models] == [0] * 4, [ended.failure for ended in models]
    first, *others = (_predictions(ended.tree.model) for ended in models)
    assert all(np.array_equal(first, other) for other in others)


def test_what_xgboost_cannot_do_is_told_as_the_container_does(machine: Machine) -> None:
    given = {"num_round": "1", "objective": "count:poisson"}
    table = rows(1)
    table[0, 0] = -1

    ended = machine.run(machine.tree("label", given, {"train": csv(table)}))

    assert ended.code == 1
    assert "AlgorithmError: XGB train call failed with exception:\n" in ended.failure
    assert "label must be non-negative for Poisson" in ended.failure


def test_a_file_in_another_encoding_ends_the_container_itself(machine: Machine) -> None:
    tree = machine.tree("utf-16", WALKTHROUGH, {"train": ""})
    (tree.data / "train/train.csv").write_bytes(csv(rows(1)).encode("utf-16"))

    ended = machine.run(tree)

    assert ended.code == 1
    assert "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0" in ended.failure


def test_checkpoints_are_written_once_and_not_found_again(machine: Machine) -> None:
    ended = machine.run(machine.tree("checkpoints", WALKTHROUGH, CHANNELS, checkpoints=True))

    folder = ended.tree.root / "checkpoints"
    assert [path.name for path in folder.iterdir()] == ["xgboost-checkpoint_0.ubj"]
    (ended.tree.model / "xgboost-model").unlink()
    assert len(machine.run(ended.tree).rounds) == 20


def test_a_checkpoint_of_the_right_name_is_gone_on_from(machine: Machine) -> None:
    whole = machine.run(machine.tree("whole", WALKTHROUGH, CHANNELS))
    part = machine.run(machine.tree("part", WALKTHROUGH | {"num_round": "8"}, CHANNELS))
    tree = machine.tree("continued", WALKTHROUGH, CHANNELS, checkpoints=True)
    (tree.root / "checkpoints").mkdir()
    (part.tree.model / "xgboost-model").rename(tree.root / "checkpoints/xgboost-checkpoint.7")

    ended = machine.run(tree)

    assert any(line.endswith("Resuming from iteration 8") for line in ended.lines)
    assert [line.partition("\t")[0] for line in ended.rounds] == [f"[{n}]" for n in range(12)]
    assert [line.partition("\t")[2] for line in ended.rounds] == [line.partition("\t")[2] for line in whole.rounds[8:]]
    assert np.array_equal(_predictions(ended.tree.model), _predictions(whole.tree.model))


def test_a_job_that_is_terminated_leaves_its_model_when_asked_to(machine: Machine) -> None:
    given = WALKTHROUGH | {"num_round": "10000", "save_model_on_termination": "true"}
    tree = machine.tree("kept", given, CHANNELS)
    container = machine.engine.start({"root": str(tree.root), "framework": "xgboost", "round_s": 0.01})
    rounds = 0
    while rounds < 4:  # a round is told just before its model is kept
        rounds += sum("\ttrain-" in line for line in container.read(1))
    container.signal(signal.SIGTERM)
    while not container.ended:
        container.read(1)
    container.close()

    assert container.exit_code == 0
    assert [path.name for path in tree.model.iterdir()] == ["xgboost-model"]
    assert xgboost.Booster(model_file=bytearray((tree.model / "xgboost-model").read_bytes())).num_boosted_rounds() >= 3


def test_a_job_pauses_where_its_machine_is_to_be_taken_away(machine: Machine) -> None:
    tree = machine.tree("paused", WALKTHROUGH, CHANNELS)
    container = machine.engine.start({"root": str(tree.root), "framework": "xgboost", "pause_at": 4})
    lines: list[str] = []
    while container.paused_at is None:
        lines += container.read(1)
    container.signal(signal.SIGKILL)
    while not container.ended:
        lines += container.read(1)
    container.close()

    assert container.paused_at == 4
    assert container.exit_code == -signal.SIGKILL
    assert sum("\ttrain-" in line for line in lines) == 5


def test_cross_validation_leaves_a_model_a_fold_and_what_each_row_was_predicted_without_it(machine: Machine) -> None:
    given = WALKTHROUGH | {"_kfold": "3", "_num_cv_round": "2", "num_round": "4", "save_model_on_termination": "true"}
    ended = machine.run(machine.tree("folds", given, CHANNELS))

    assert ended.code == 0, ended.failure
    assert sorted(path.name for path in ended.tree.model.iterdir()) == [f"xgboost-model-{fold}" for fold in range(6)]
    whole = np.concatenate([rows(1), rows(2, 80)])
    told = np.loadtxt(ended.tree.output_data / "predictions.csv", delimiter=",")
    assert sorted(told[:, 0]) == sorted(whole[:, 0])
    predicted = {tuple(_predictions(ended.tree.model, f"xgboost-model-{fold}")) for fold in range(6)}
    assert len(predicted) == 6  # no two of them have seen the same rows
    means = [line for line in ended.lines if line.startswith("[4]\t")]
    assert len(means) == 3  # of each repetition, and of both
    last = [line for line in ended.lines if line.startswith("[3]\t")]
    assert len(last) == 6
    expected = np.mean([float(line.rpartition(":")[2]) for line in last])
    assert float(means[-1].rpartition(":")[2]) == pytest.approx(expected, rel=1e-4)


def test_folds_of_classes_are_told_by_probability_and_vote(machine: Machine) -> None:
    table = rows(1)
    table[:, 0] = table[:, 1] > 0
    given = {"objective": "binary:logistic", "num_round": "3", "_kfold": "4"}
    ended = machine.run(machine.tree("votes", given, {"train": csv(table)}))

    assert ended.code == 0, ended.failure
    label, probability, vote = np.loadtxt(ended.tree.output_data / "predictions.csv", delimiter=",").T
    assert (vote == (probability > 0.5)).all()
    assert (vote == label).mean() > 0.9
