"""Single mistakes about tasks: a word that is right, one edit away; generated, the same every time."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DATASET = """\
name: churn
source: churn.csv
task: binary
label: churned
positive: 'yes'
columns:
  months: {kind: numeric}
  plan: {kind: nominal, levels: [basic, plus]}
  churned: {kind: nominal, levels: ['no', 'yes']}
split: {fractions: {train: 0.6, validation: 0.2, test: 0.2}, stratify: true, seed: 1}
"""
ROWS = "months,plan,churned\n" + "".join(
    f"{n % 13},{('basic', 'plus')[n % 2]},{('no', 'yes', 'no')[n % 3]}\n" for n in range(120)
)

_BINARY_METRICS = (
    *("log_loss", "auc", "pr_auc", "brier", "ece", "accuracy", "balanced_accuracy", "f1", "precision", "recall", "mcc"),
)
_TYPED = (
    *(("dataset.task", name) for name in ("binary", "multiclass", "regression", "count", "quantile")),
    ("dataset.positive", "yes"),
    ("dataset.label", "churned"),
    ("dataset.split.stratify", "false"),
    *(("gate.metric", name) for name in _BINARY_METRICS),
    ("gate.at_least", "0.5"),
    ("gate.worst_class.recall", "0.5"),
    ("gate.worst_class.precision", "0.5"),
    *(("study.objective", f"validation_{name}") for name in _BINARY_METRICS),
    ("algorithm.objective", "binary:logistic"),
    *(("algorithm.eval_metric", f"[{name}]") for name in ("logloss", "auc", "aucpr", "error")),
    ("+algorithm.scale_pos_weight", "4"),
    ("weights", "balanced"),
    ("calibration", "sigmoid"),
    ("calibration", "isotonic"),
    ("threshold", "0.4"),
    *(("threshold.maximise", name) for name in ("f1", "accuracy", "balanced_accuracy", "recall", "mcc")),
    ("threshold.cost.false_positive", "2"),
    ("threshold.cost.false_negative", "5"),
    ("dataset.columns.churned.levels", "[no,yes]"),
    ("dataset.columns.churned.kind", "nominal"),
)
_WRITTEN = ("task", "label", "positive", "columns", "churned", "kind", "levels", "nominal", "stratify", "binary", "yes")
_LETTERS = "abcdefghijklmnopqrstuvwxyz_"


@dataclass(frozen=True)
class Mistake:
    """Overrides, the description beside them, the word that was meant and the one that stands there."""

    meant: str
    wrong: str
    overrides: tuple[str, ...]
    description: str = DATASET

    def put(self, folder: Path) -> None:
        """Lay out what the overrides are about."""
        (folder / "conf" / "dataset").mkdir(parents=True, exist_ok=True)
        (folder / "conf" / "dataset" / "churn.yaml").write_text(self.description, encoding="utf-8")
        (folder / "churn.csv").write_text(ROWS, encoding="utf-8")


def verdict(mistake: Mistake, code: int, output: str) -> str:
    """`right` where it is refused with the word that was meant as a way out.

    Where two places must agree, either may be the mistaken one: then the words of both are told beside each other.
    """
    if "Traceback" in output or "bug in housing" in output:
        return "traceback"
    if code != 3:
        return "not refused"
    suggested = " ".join(re.findall(r"(?:did you mean|the file has) ([^?)]+)[?)]", output))
    if mistake.meant in suggested or (mistake.wrong in suggested and mistake.meant in output):
        return "right"
    return "listed" if mistake.meant in output else "not named"


def mistakes(count: int, seed: int = 0) -> list[Mistake]:
    """So many, half of them on the command line and half in the file of a dataset."""
    generator = random.Random(seed)
    typed, written = _typed(generator), _written(generator)
    return [next(written if number % 3 == 2 else typed) for number in range(count)]


def edited(word: str, generator: random.Random) -> str:
    """One letter is missing, doubled, another one, or has changed places with the next."""
    place = generator.randrange(len(word))
    letter = generator.choice(_LETTERS)
    following = word[place + 1 : place + 2]
    return generator.choice(
        [
            word[:place] + word[place + 1 :],
            word[:place] + word[place] + word[place:],
            word[:place] + letter + word[place + 1 :],
            word[:place] + following + word[place] + word[place + 2 :],
        ]
    )


def _typed(generator: random.Random) -> Iterator[Mistake]:
    while True:
        key, value = generator.choice(_TYPED)
        words = [part for part in (*key.lstrip("+").split("."), *value.strip("[]").split(",")) if _is_word(part)]
        meant = generator.choice(words)
        wrong = edited(meant, generator)
        text = f"{key}={value}"
        at = text.rindex(meant) if meant not in key else text.index(meant)
        mistyped = text[:at] + wrong + text[at + len(meant) :]
        if _is_another(wrong, meant):
            yield Mistake(meant, wrong, ("dataset=churn", mistyped))


def _written(generator: random.Random) -> Iterator[Mistake]:
    while True:
        meant = generator.choice(_WRITTEN)
        wrong = edited(meant, generator)
        places = [at for at in range(len(DATASET)) if DATASET.startswith(meant, at) and _alone(DATASET, at, meant)]
        at = generator.choice(places)
        if _is_another(wrong, meant):
            yield Mistake(meant, wrong, ("dataset=churn",), DATASET[:at] + wrong + DATASET[at + len(meant) :])


def _is_word(text: str) -> bool:
    return len(text) > 2 and not text[0].isdigit() and text not in ("false", "true")


def _is_another(wrong: str, meant: str) -> bool:
    known = {*_BINARY_METRICS, *_WRITTEN, "no", "yes", "map"}
    return len(wrong) > 1 and wrong != meant and wrong not in known and not wrong.startswith("_")


def _alone(text: str, at: int, word: str) -> bool:
    before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")
