"""Labels whose levels look like something else, or are many or rare: described, trained, answered and read back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

from housing.data import answers
from housing.data.content_type import FORMS
from housing.data.encoder import Encoder
from housing.training.predictor import Predictor
from tests.workflow.conftest import Housing

HOSTILE = {
    "spaces": ["  two  words ", "two words"],
    "quotes": ['say "no"', "it's"],
    "commas": ["a,b", "a;b", "a\tb"],
    "unicode": ["größer", "日本", "e\u0301", "\u200b"],
    "words of YAML": ["null", "true", "~", "no"],
    "decimals": ["1.0", "1", "1.00"],
    "leading zeros": ["007", "07", "7"],
    "brackets": ["{", "[a", "${x}", "{a: b}"],
    "lines": ["one\ntwo", "one"],
    "signs": ["=1+1", "@", "#", "-", "%"],
    "numbers": ["1e5", "100000", "0x10"],
    "a word of ours": ["prediction", "probability_no", "(none)"],
}
MINE = ("--config-dir", "conf", "dataset=mine", "algorithm.num_round=3")


def described(project: Path, housing: Housing, label: list[str], *task: str) -> pandas.DataFrame:
    """A table with this label, and the file that `describe` writes for it."""
    generator = np.random.default_rng(0)
    codes = np.array([sorted(set(label)).index(level) for level in label], float)
    table = pandas.DataFrame({"a": codes + generator.normal(0, 0.1, len(label)), "b": codes % 3, "what": label})
    table.to_csv("mine.csv", index=False)
    told = housing("describe", "mine.csv", "--label", "what", *task)
    assert told.code == 0, told.err
    (project / "conf" / "dataset").mkdir(parents=True, exist_ok=True)
    (project / "conf" / "dataset" / "mine.yaml").write_text(told.out, encoding="utf-8")
    return table


@pytest.mark.parametrize("kind", HOSTILE)
def test_levels_are_what_stands_in_the_file(project: Path, housing: Housing, kind: str) -> None:
    levels = HOSTILE[kind]
    task = "binary" if len(levels) == 2 else "multiclass"
    table = described(project, housing, levels * 30, "--task", task)
    promoted = housing("train", *MINE, "--json")
    assert promoted.code == 0, promoted.err
    told = housing("promote", *MINE, "gate.at_most=null", "--json")
    assert told.code == 0, told.err
    bundle = max(project.rglob("bundle/encoder.json"), key=lambda file: file.stat().st_mtime).parent
    predictor = Predictor.load(bundle)
    encoder = Encoder.from_json((bundle / "encoder.json").read_text(encoding="utf-8"))
    assert sorted(encoder.label_levels) == sorted(levels)
    predictions = predictor.predict_columns({name: table[name].to_numpy() for name in ("a", "b")})
    chosen = [encoder.label_levels[int(code)] for code in predictions.values]
    assert np.mean([one == true for one, true in zip(chosen, table["what"], strict=True)]) > 0.9
    for form in FORMS:
        again = answers.read(answers.write(predictions, encoder, form), encoder, encoded=False)
        assert np.array_equal(again.values, predictions.values)
        assert np.array_equal(again.probabilities, predictions.probabilities)
