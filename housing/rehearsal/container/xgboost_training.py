"""SageMaker's built-in XGBoost, 3.2-0: hyperparameters and channels in, `xgboost-model` out.

After `train.py`, `callback.py` and `checkpointing.py` of aws/sagemaker-xgboost-container, bugs included: checkpoints
are written as `xgboost-checkpoint_0.ubj`, but looked for as `xgboost-checkpoint.<round>`.
"""

from __future__ import annotations

import logging
import os
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import xgboost

from housing.rehearsal.container import cross_validation, distributed, hyperparameters, matrices, metrics
from housing.rehearsal.container.errors import AlgorithmError, UserError
from housing.rehearsal.container.tree import Tree

MODEL = "xgboost-model"
CHECKPOINT = "xgboost-checkpoint"
_OF_THE_USER = (  # what XGBoost says when the data or the hyperparameters are at fault
    "label must be in [0,1] for logistic regression",
    "label must be in [0, num_class)",
    "Target is multiclass but average='binary'",
    "feature_names mismatch",
    "Check failed: preds.size() == info.labels_.size()",
    "Check failed: !auc_error AUC: the dataset only contains pos or neg samples",
    "Check failed: base_score > 0.0f && base_score < 1.0f base_score must be in (0,1) for logistic loss",
    "Check failed: label_correct PoissonRegression: label must be nonnegative",
    "Check failed: label_correct TweedieRegression: label must be nonnegative",
    "Parameter reg_lambda should be greater equal to 0",
)
_log = logging.getLogger(__name__)


def train(tree: Tree, after_round: Callable[[int], None], meeting: distributed.Meeting | None = None) -> None:
    """Train as the configuration in the tree says; `after_round` is called with each round's number, from 0.

    `meeting` is where this host meets the others, if there are any; only the first one saves the model.
    Raises UserError, AlgorithmError, or whatever else the container would have died of.
    """
    given = hyperparameters.validated(tree.read("hyperparameters"))
    if "updater" in given:
        given["updater"] = ",".join(given["updater"])
    channels = tree.read("inputdataconfig")
    kind = matrices.checked_channels(channels)
    training, validation = _loaded(
        tree, kind, "validation" in channels, weights=given.get("csv_weights", 0) == 1, is_alone=meeting is None
    )
    if given.pop("use_dask_gpu_training", "false") == "true":
        raise UserError(
            "Some configurations unsuitable for Dask GPU training were found: Dask training is only available for "
            "`gpu_hist` training on GPU instances."
        )
    whole = training
    if "_kfold" in given and validation is not None and training is not None:
        _log.info("Read both train and validation data into one DMatrix")
        whole = _read(tree, kind, ("train", "validation"), weights=given.get("csv_weights", 0) == 1)
    work = partial(_fit_and_save, tree, given, _Matrices(training, validation, whole), after_round)
    if meeting is None:
        _log.info("Single node training.")
        work(is_master=True)
        return
    machine = tree.read("resourceconfig")
    host, hosts = machine["current_host"], machine["hosts"]
    _log.info("Distributed node training with %d hosts: %s", len(hosts), hosts)
    has_data = training is not None and ("validation" not in channels or validation is not None)
    if not has_data:
        _log.warning("Host %s does not have data in every channel, and will not be used in training.", host)
    distributed.run(meeting, host, hosts, has_data=has_data, train=lambda is_master: work(is_master=is_master))


@dataclass(frozen=True)
class _Matrices:
    """None where a host of several has no data; `whole` is what folds are drawn from."""

    training: xgboost.DMatrix | None
    validation: xgboost.DMatrix | None
    whole: xgboost.DMatrix | None


def _fit_and_save(
    tree: Tree,
    given: dict[str, Any],
    loaded: _Matrices,
    after_round: Callable[[int], None],
    *,
    is_master: bool,
) -> None:
    try:
        boosters = _fit(tree, given, loaded, after_round, is_master=is_master)
    except Exception as error:
        if any(words in str(error) for words in _OF_THE_USER):
            raise UserError(str(error)) from error
        raise AlgorithmError(f"XGB train call failed with exception:\n {error}") from error
    if is_master:
        for name, booster in boosters.items():
            _save(booster, tree.model / name)


def _loaded(
    tree: Tree, kind: str, validated: bool, *, weights: bool, is_alone: bool
) -> tuple[xgboost.DMatrix | None, xgboost.DMatrix | None]:
    """Training and validation matrix. None where one of several hosts got no object of a channel."""
    folders = [tree.data / name for name in (("train", "validation") if validated else ("train",))]
    if validated:
        matrices.warn_of_duplicates(*folders)
    _log.info("Determined 0 GPU(s) available on the instance.")
    loaded: list[xgboost.DMatrix | None] = []
    for folder, told in zip(folders, ("training", "validation"), strict=False):
        if matrices.size(folder) == 0 and not is_alone:
            loaded.append(None)
            continue
        if matrices.size(folder) == 0:
            raise UserError(f"No data in {told} channel path {folder}")
        matrices.check_format(folder, kind)
        loaded.append(_read(tree, kind, (folder.name,), weights=weights))
    return loaded[0], loaded[1] if validated else None


def _read(tree: Tree, kind: str, channels: Sequence[str], *, weights: bool) -> xgboost.DMatrix:
    folders = [tree.data / name for name in channels]
    return matrices.matrix(folders, kind, weights=weights, scratch=tree.temporary / "sagemaker_xgboost_input_data")


def _fit(
    tree: Tree, given: dict[str, Any], loaded: _Matrices, after_round: Callable[[int], None], *, is_master: bool
) -> dict[str, xgboost.Booster]:
    """Boosters by the names of their files."""
    rounds = given.pop("num_round")
    evaluate, watched = _metrics(given)
    kept = given.pop("save_model_on_termination", "false") == "true" and is_master
    patience = given.pop("early_stopping_rounds", None) if watched and loaded.validation is not None else None
    given.pop("early_stopping_rounds", None)
    given.setdefault("nthread", 1)  # a job's bytes are reproducible, and no idle threads spin beside other jobs
    assert loaded.training is not None and loaded.whole is not None
    _log.info("Train matrix has %d rows and %d columns", loaded.training.num_row(), loaded.training.num_col())
    evaluated = [(loaded.training, "train")]
    if loaded.validation is not None:
        _log.info("Validation matrix has %d rows", loaded.validation.num_row())
        evaluated.append((loaded.validation, "validation"))
    plain = {name: value for name, value in given.items() if name not in ("_kfold", "_num_cv_round")}

    def boosted(matrix: xgboost.DMatrix, fold: int | None = None, told: dict[str, Any] | None = None) -> Any:
        start, checkpoint = _last_checkpoint(tree, fold)
        callbacks = _callbacks(tree, start, _name(fold), kept=kept, folder=_checkpoints(tree, fold))
        if patience and watched:
            callbacks.append(_early_stopping(patience, watched))
        return xgboost.train(
            plain,
            matrix,
            num_boost_round=rounds - start,
            evals=evaluated,
            custom_metric=evaluate,
            evals_result=told,
            callbacks=[*callbacks, _AfterRound(after_round, start)],
            xgb_model=checkpoint,
            verbose_eval=False,
        )

    if "_kfold" not in given:
        return {MODEL: boosted(loaded.training)}
    made = cross_validation.boosters(loaded.whole, given, boosted, rounds=rounds, folder=tree.output_data)
    return {_name(fold): booster for fold, booster in enumerate(made)}


def _name(fold: int | None) -> str:
    return MODEL if fold is None else f"{MODEL}-{fold}"


def _metrics(given: dict[str, Any]) -> tuple[Callable[..., Any] | None, str | None]:
    """What evaluates the container's own metrics, and the metric for early stopping; the rest is left to XGBoost."""
    tuned = given.pop("_tuning_objective_metric", None)
    wanted: list[str] = given.pop("eval_metric", [])
    objective = [tuned.split(":")[1]] if tuned else []
    if objective:
        _log.info("Setting up HPO optimized metric to be : %s", objective[0])
    names = sorted({*wanted, *objective}) if wanted and objective else wanted or objective
    own = [name for name in names if name in metrics.METRICS]
    if rest := [name for name in names if name not in metrics.METRICS]:
        given["eval_metric"] = rest
    watched = objective or wanted
    return metrics.evaluation(own) if own else None, watched[-1] if watched else None


def _callbacks(
    tree: Tree, start: int, name: str, *, kept: bool, folder: Path | None
) -> list[xgboost.callback.TrainingCallback]:
    callbacks: list[xgboost.callback.TrainingCallback] = [xgboost.callback.EvaluationMonitor()]
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        # As in the container: an interval of 0 rounds, which XGBoost reads as "after the first one, and never again".
        callbacks.append(xgboost.callback.TrainingCheckPoint(directory=folder, interval=start, name=CHECKPOINT))
    if kept:
        callbacks.append(_KeptModel(tree.model / name))
        _exit_on_sigterm(tree.model)
    return callbacks


def _early_stopping(patience: int, watched: str) -> xgboost.callback.TrainingCallback:
    return xgboost.callback.EarlyStopping(
        rounds=patience,
        data_name="validation",
        metric_name=watched,
        maximize=watched in hyperparameters.MAXIMIZED,
        save_best=True,
    )


def _checkpoints(tree: Tree, fold: int | None = None) -> Path | None:
    local = tree.read("checkpointconfig").get("LocalPath")
    folder = Path(tree.inside(local)) if local else None
    return folder / f"model-{fold}" if folder and fold is not None else folder


def _last_checkpoint(tree: Tree, fold: int | None = None) -> tuple[int, Path | None]:
    """The round to resume with, and the model to resume from."""
    folder = _checkpoints(tree, fold)
    found = [path for path in folder.iterdir() if _IS_CHECKPOINT(path.name)] if folder and folder.exists() else []
    if not found:
        return 0, None
    last = max(found, key=lambda path: int(path.suffix[1:]))
    start = int(last.suffix[1:]) + 1
    # As in the container: for a fold, the file that is looked for is never written.
    wanted = last if fold is None else last.with_name(f"{last.name}-{fold}")
    _log.info("Checkpoint loaded from %s", wanted)
    _log.info("Resuming from iteration %s", start)
    return start, wanted


_IS_CHECKPOINT = re.compile(rf"{CHECKPOINT}\.[0-9]+").fullmatch


class _KeptModel(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """Saves the model after every round in the model folder, so that a stopped job leaves one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        _save(model, self._path)
        return False


class _AfterRound(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """Comes last, so that all other callbacks have run for the round."""

    def __init__(self, told: Callable[[int], None], start: int) -> None:
        self._told = told
        self._start = start

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        self._told(self._start + epoch)
        return False


def _save(booster: xgboost.Booster, path: Path) -> None:
    """Save atomically; the temporary name's suffix tells XGBoost the format, without which it would warn."""
    named = path.with_name("saving.ubj")
    booster.save_model(named)
    named.replace(path)


def _exit_on_sigterm(folder: Path) -> None:
    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for path in folder.iterdir():
            if path.is_file() and not path.name.startswith(MODEL):
                path.unlink()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
