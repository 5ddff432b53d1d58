"""Labels whose levels look like something else, or are many or rare: described, trained, answered and read back."""

from __future__ import annotations

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
    "all that is awkward": [
        *("  two  words ", "two words", 'say "no"', "it's", "a,b", "a;b", "a\tb", "größer", "日本", "e\u0301"),
        *("{", "[a", "${x}", "{a: b}", "one\ntwo", "one", "=1+1", "@", "#", "-", "%", "prediction", "probability_no"),
        *("(none)", "\u200b", "0x10", "1e5", "1.0", "007"),
    ],
    "words of YAML": ["true", "~", "no", "off"],
    "decimals": ["1.0", "1", "1.00"],
    "leading zeros": ["007", "7"],
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
    trained = housing("train", *MINE)
    assert trained.code == 0, trained.err
    told = housing("promote", *MINE)
    assert told.code == 0, told.err
    bundle = max(project.rglob("bundle/encoder.json"), key=lambda file: file.stat().st_mtime).parent
    predictor = Predictor.load(bundle)
    encoder = Encoder.from_json((bundle / "encoder.json").read_text(encoding="utf-8"))
    assert sorted(encoder.label_levels) == sorted(levels)
    predictions = predictor.predict_columns({name: table[name].to_numpy() for name in ("a", "b")})
    chosen = [encoder.label_levels[int(code)] for code in predictions.values]
    assert np.mean([one == true for one, true in zip(chosen, table["what"], strict=True)]) > 0.9
    for form in FORMS:
        again = answers.read(answers.write(predictions, encoder.label_levels, form), encoder, encoded=False)
        assert np.array_equal(again.values, predictions.values)
        assert np.array_equal(again.probabilities, predictions.probabilities)


def test_there_may_be_five_hundred_levels_and_no_more(project: Path, housing: Housing) -> None:
    levels = [f"class {number}" for number in range(500)]
    described(project, housing, levels * 5)
    trained = housing("train", *MINE, "algorithm.num_round=1", "algorithm.max_depth=1", "--json")
    assert trained.code == 0, trained.err
    assert trained.data["metrics"]["validation_log_loss"] < np.log(500)
    pandas.DataFrame({"a": range(1002), "what": [*levels, "one more"] * 2}).to_csv("mine.csv", index=False)
    refused = housing("describe", "mine.csv", "--label", "what", "--task", "multiclass")
    assert refused.code == 3
    assert "has 501 levels, and task multiclass takes 3 to 500" in refused.err


def test_a_word_for_missing_is_a_level_where_the_description_says_so(project: Path, housing: Housing) -> None:
    described(project, housing, ["stand-in", "full", "half"] * 20)
    file, table = project / "conf" / "dataset" / "mine.yaml", project / "mine.csv"
    text = file.read_text(encoding="utf-8").replace('"stand-in"', '"null"')
    assert 'missing_values: [""]' in text
    assert '"null"' in text
    file.write_text(text, encoding="utf-8")
    table.write_text(table.read_text().replace("stand-in", "null"))
    assert housing("train", *MINE).code == 0
    anew = housing("describe", "mine.csv", "--label", "what")
    assert anew.code == 0
    assert "label_missing: dropped  # guess: 20 rows without a label are left out; 'null' means missing" in anew.out
    told = "column 'what': 20 rows without a label are left out; 'null' means missing, a level needs another name"
    assert told in anew.err


def test_a_level_of_one_row_is_named_with_its_count(project: Path, housing: Housing) -> None:
    described(project, housing, ["often"] * 60 + ["also"] * 60 + ["once"])
    told = housing("train", *MINE)
    assert "'once'" in told.err
    assert told.code == 3 or "has fewer than 2 rows of" in told.err
    assert told.code in (0, 3)
