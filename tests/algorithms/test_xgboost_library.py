from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from housing.algorithms.xgboost_library import xgboost
assert "scipy.stats" not in sys.modules
import numpy as np
rows, label = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
assert xgboost.XGBClassifier(n_estimators=2).fit(rows, label).predict(rows).shape == (20,)
from sklearn.metrics import label_ranking_average_precision_score
assert label_ranking_average_precision_score([[1, 0, 1]], [[0.9, 0.5, 0.7]]) == 1.0
import scipy
from scipy.stats import binomtest
assert scipy.stats.rankdata([3, 1, 2]).tolist() == [3, 1, 2]
assert sys.modules["scipy.stats"] is scipy.stats and binomtest(3, 5).k == 3
"""


def test_statistics_are_imported_when_they_are_needed() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
