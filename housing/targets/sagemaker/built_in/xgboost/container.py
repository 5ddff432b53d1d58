"""SageMaker's built-in XGBoost: its image, hyperparameters, log lines, checkpoints, patience and limits of tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from housing import archives
from housing.algorithms.registry import find
from housing.targets.sagemaker.built_in import BuiltIn
from housing.targets.sagemaker.built_in.xgboost import images
from housing.targets.sagemaker.built_in.xgboost.checkpoints import keep_newest, lay_first_round
from housing.targets.sagemaker.built_in.xgboost.log import LoggedRounds
from housing.targets.sagemaker.built_in.xgboost.metrics import names_of
from housing.targets.sagemaker.built_in.xgboost.patience import without_interruption
from housing.targets.sagemaker.containers import JobResources, LogReader, Trained, text
from housing.tuning.space import Categorical, SearchSpace

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings
    from housing.targets.sagemaker.staging import Stage
    from housing.training.job import TrainingJob
    from housing.tuning.spec import Study

_TUNABLE = (
    "num_round",
    "eta",
    "gamma",
    "max_depth",
    "min_child_weight",
    "max_delta_step",
    "subsample",
    "colsample_bytree",
    "colsample_bylevel",
    "colsample_bynode",
    "lambda",
    "alpha",
)
_REFUSED = {
    "reg:quantileerror": "it has no such objective",
    "survival:aft": "its CSV has one column of labels, and a range of times needs two",
}
_NO_OBJECTIVES = ("poisson_nloglik",)
_OPTUNA = "study.engine=optuna runs each trial as a training job of its own, and can"


class XGBoostContainer(BuiltIn):
    """How its jobs differ from those of other containers."""

    model_file: ClassVar[str] = "xgboost-model"
    column_rules: ClassVar[tuple[str, ...]] = ("monotone",)

    def faults(self, settings: Settings) -> Sequence[str]:
        """An image that would misread models."""
        found = images.version_fault(settings.image_version)
        return [found] if found else []

    def hyperparameter_faults(self, hyperparameters: Mapping[str, Any]) -> Sequence[str]:
        """Objectives that the container refuses, or for which its channels lack data."""
        objective = hyperparameters.get("objective")
        if objective not in _REFUSED:
            return ()
        return [
            f"objective: {objective} cannot be trained in SageMaker's built-in XGBoost: {_REFUSED[objective]}; train "
            "on this machine or a Ray cluster (target@runner=local, target@runner=ray)"
        ]

    image = staticmethod(images.image)
    serving_image = staticmethod(images.serving_image)

    def texts(self, job: TrainingJob, _resources: JobResources) -> dict[str, str]:
        """Plain texts, with the settings that the container needs in addition."""
        values = dict(job.hyperparameters)
        values.setdefault("seed", job.seed)
        # The container fails with a KeyError where metrics are named and the objective is not.
        objective = find(job.algorithm).hyperparameters["objective"].default
        assert isinstance(objective, str)
        values.setdefault("objective", objective)
        # Without it a stopped job leaves no model.
        values["save_model_on_termination"] = True
        if directions := _directions(job):
            values["monotone_constraints"] = f"({','.join(map(str, directions))})"
            # The container refuses constraints without a method; `auto` means `hist`.
            if values.get("tree_method", "auto") == "auto":
                values["tree_method"] = "hist"
        if job.weighed:
            values["csv_weights"] = 1
        return {name: text(value) for name, value in values.items()}

    def log_reader(self, job: TrainingJob) -> LogReader:
        """Reads the requested metrics; the container also logs the objective's own."""
        return LoggedRounds(metrics=names_of(job), suffix="" if job.label_transform == "none" else "_trained")

    def trained(self, _job: TrainingJob, archive: bytes) -> Trained | None:
        """The model file; the container writes nothing else."""
        found = archives.read(archive, lambda name: Path(name).name == self.model_file)
        return Trained(next(iter(found.values()))) if found else None

    def prepare_spot(self, job: TrainingJob, folder: str, stage: Stage) -> None:
        """See `checkpoints`."""
        lay_first_round(job, job.channels, folder, stage)

    def keep_checkpoint(self, folder: str, stage: Stage) -> None:
        """See `checkpoints`."""
        keep_newest(folder, stage)

    def as_if_uninterrupted(
        self, job: TrainingJob, model: bytes, rounds: Mapping[int, Mapping[str, float]]
    ) -> tuple[bytes, int | None]:
        """See `patience`."""
        return without_interruption(job, model, rounds)

    def metric_name(self, objective: str, job: TrainingJob) -> str:
        """Such as `validation:mae`."""
        channel, _, metric = objective.partition("_")
        own = {ours: native for native, ours in names_of(job).items()}
        return f"{channel}:{own.get(metric, metric)}"

    def tuning_faults(self, study: Study, space: SearchSpace) -> Sequence[str]:
        """What SageMaker cannot tune in its own image: other hyperparameters, categories, some objectives, grids."""
        found = []
        for name, distribution in space.items():
            key = f"search_space.{name}"
            if name not in find("xgboost").hyperparameters:
                found.append(
                    f"{key}: all jobs of a tuning job read the same channels, and {name} is not a hyperparameter; "
                    f"{_OPTUNA}"
                )
            elif name not in _TUNABLE:
                found.append(f"{key}: SageMaker tunes its XGBoost by {', '.join(_TUNABLE)} only; {_OPTUNA}")
            elif isinstance(distribution, Categorical):
                found.append(
                    f"{key}: SageMaker tunes its XGBoost over ranges; say low and high instead of choices; {_OPTUNA}"
                )
        found += [
            f"study.objective: SageMaker tunes its XGBoost by no {objective}; {_OPTUNA}"
            for objective in study.objectives
            if objective.endswith(_NO_OBJECTIVES)
        ]
        if study.sampler == "grid":
            found.append(
                "study.sampler: SageMaker's grid is made of lists of values, and its XGBoost is tuned over ranges; say "
                f"random or tpe; {_OPTUNA}"
            )
        return found


def _directions(job: TrainingJob) -> tuple[int, ...]:
    staged = job.channels.get("train")
    return () if staged is None or staged.channel is None else staged.channel.directions


CONTAINER = XGBoostContainer()
