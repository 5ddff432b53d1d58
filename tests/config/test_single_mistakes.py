"""One mistake each: refused with exit code 3, in our words, with the place and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.config.load import load
from housing.errors import ConfigError
from tests.config.conftest import DATASET, Write

ON_THE_COMMAND_LINE = [
    # mistyped keys
    ("algorithm.maxdepth=4", ["algorithm.maxdepth = 4", "did you mean algorithm.max_depth?"]),
    ("algoritm.eta=1", ["algoritm.eta = 1", "did you mean algorithm.eta?"]),
    ("study.trails=5", ["study.trails = 5", "did you mean study.trials?"]),
    ("max_depth=4", ["did you mean algorithm.max_depth?"]),
    ("search_space.etta.low=0.2", ["did you mean search_space.eta?"]),
    ("search_space.eta.lo=0.2", ["search_space.eta.lo = 0.2", "did you mean search_space.eta.lo"]),
    ("deployment.variants.champoin.weight=2", ["did you mean deployment.variants.champion"]),
    ("deployment.variants.champion.wieght=2", ["did you mean deployment.variants.champion.weight?"]),
    ("dataset.columns.aera.low=4", ["did you mean dataset.columns.area?"]),
    ("tracking.url=x", ["did you mean tracking.uri?"]),
    ("runner.foldr=x", ["did you mean runner.folder?"]),
    ("gate.atmost=3", ["did you mean gate.at_most?"]),
    ("sed=3", ["did you mean seed?"]),
    ("+typo=1", ["typo = 1", "no such key"]),
    ("++typo=1", ["typo = 1", "no such key"]),
    ("+algorithm.etaa=1", ["did you mean algorithm.eta?"]),
    ("~typo", ["~typo", "nothing to delete"]),
    ("~search_space.etta", ["did you mean ~search_space.eta?"]),
    ("name.first=x", ["name", "must be text"]),
    # mistyped groups and options
    ("datset=ames", ["datset", "did you mean dataset?"]),
    ("dataset=aims", ["no such option", "did you mean ames?"]),
    ("search_space=walktrough", ["did you mean walkthrough?"]),
    ("search_space=xgboost/walktrough", ["did you mean xgboost/walkthrough?"]),
    ("experiment=walkthru", ["did you mean walkthrough?"]),
    ("target@runer=local", ["did you mean target@runner?"]),
    ("target@runner=locl", ["did you mean local?"]),
    ("targte@runner=local", ["did you mean target@runner?"]),
    ("deployment=ab-test", ["did you mean ab_test?"]),
    ("~dataset", ["dataset", "is required"]),
    # not Hydra's language
    ("algorithm.eta", ["has no value; write algorithm.eta=<value>"]),
    ("walkthrough", ["has no value"]),
    ("=3", ["has no key"]),
    ("study.trials={9", ["bracket or a quote is left open"]),
    ("algorithm.eval_metric=[mae", ["bracket or a quote is left open"]),
    ("name='housing", ["bracket or a quote is left open"]),
    ("name=a#b", ["put it in quotes"]),
    ("algorithm eta=1", ["is not a key"]),
    ("algorithm.eta=0.1,0.3", ["several values for one run", "add -m"]),
    ("hydra.searchpath=[x]", ["--config-dir"]),
    ("hydra.swep.dir=x", ["swep"]),
    # values
    ("algorithm.eta=fast", ["algorithm.eta", "must be a number in [0, 1]"]),
    ("algorithm.eta=7", ["algorithm.eta = 7", "must be a number in [0, 1]"]),
    ("algorithm.eta=nan", ["must be a number in [0, 1]"]),
    ("algorithm.subsample=0", ["more than 0"]),
    ("algorithm.max_depth=5.5", ["must be a whole number"]),
    ("algorithm.max_depth=true", ["must be a whole number"]),
    ("algorithm.max_depth='\"5\"'", ["must be a whole number"]),
    ("algorithm.eval_metric=mae", ["must be a list: [mae]"]),
    ("algorithm.eval_metric=[mea]", ["did you mean mae?"]),
    ("algorithm.objective=reg:squarederor", ["did you mean reg:squarederror?"]),
    ("algorithm.name=xgbost", ["no such algorithm", "did you mean xgboost?"]),
    ("~algorithm.num_round", ["algorithm.num_round", "needs it"]),
    ("seed=one", ["seed", "must be a whole number"]),
    ("seed=", ["seed", "must be a whole number"]),
    ("name=[5]", ["name = [5]", "must be text"]),
    ("seed=-1", ["seed = -1", "[0, 2147483647]"]),
    ("seed=2147483648", ["seed = 2147483648", "[0, 2147483647]"]),
    ("study.trials=9007199254740993", ["study.trials = 9007199254740993", "9,007,199,254,740,991"]),
    ("algorithm.num_round=99999999999999999999999", ["algorithm.num_round", "9,007,199,254,740,991"]),
    ("algorithm.max_depth=2147483648", ["must be a whole number in [0, 2147483647]"]),
    ("algorithm.max_depth=null", ["write ~algorithm.max_depth"]),
    ("search_space.eta=null", ["write ~search_space.eta"]),
    ("deployment.variants.champion=null", ["write ~deployment.variants.champion"]),
    ("dataset.columns.area=null", ["write ~dataset.columns.area"]),
    # other libraries' names, and names of other groups
    ("algorithm.learning_rate=0.1", ["did you mean algorithm.eta?"]),
    ("algorithm.n_estimators=50", ["did you mean algorithm.num_round?"]),
    ("algorithm.min_split_loss=1", ["did you mean algorithm.gamma?"]),
    ("algorithm.reg_lambda=1", ["did you mean algorithm.lambda?"]),
    ("algorithm.reg_alpha=1", ["did you mean algorithm.alpha?"]),
    ("learning_rate=0.1", ["did you mean algorithm.eta?"]),
    ("search_space.learning_rate={type: float, low: 0.1, high: 0.2}", ["did you mean search_space.eta?"]),
    ("+algorithm.foo={a: 1}", ["algorithm.foo.a = 1", "available: aft_loss_distribution, ", "num_round"]),
    ("algorithm.device=cpu", ["algorithm.device", "available: aft_loss_distribution, ", "num_round"]),
    ("study.max_depth=4", ["did you mean algorithm.max_depth?"]),
    # mappings
    ("algorithm=[xgboost]", ["algorithm  (command line)", "must be one option", "lightgbm"]),
    ("~algorithm", ["algorithm  (command line)", "must be one option"]),
    ("algorithm={gama: 1}", ["algorithm.gama = 1", "did you mean algorithm.gamma?"]),
    ("target@runner={foldr: x}", ["runner.foldr", "did you mean runner.folder?"]),
    ("study.trials=0", ["study.trials", "must be 1 or more"]),
    ("study.sampler=tpee", ["did you mean tpe?"]),
    ("study.objective=validation_mea", ["did you mean validation_mae?"]),
    ("study.objective=train_rmse", ["algorithm.eval_metric has mae only", "[mae,rmse]"]),
    ("search_space.eta.high=2", ["search_space.eta.high = 2", "[0, 1]"]),
    ("search_space.eta.low=0.9", ["low must not exceed high"]),
    ("search_space.max_depth.type=float", ["write type: int"]),
    ("search_space.eta.type=flaot", ["did you mean float?"]),
    ("search_space.seed={type: int, low: 1, high: 2}", ["cannot be tuned", "set algorithm.seed"]),
    ("search_space.eta=0.3", ["must be a mapping"]),
    ("gate.metric=mea", ["did you mean mae?"]),
    ("gate.at_most=.inf", ["gate.at_most"]),
    ("gate.confidence=2", ["confidence must lie in"]),
    ("gate.worst_class={recal: 0.5}", ["gate.worst_class.recal", "did you mean recall?"]),
    ("gate.worst_class={recall: 60}", ["gate.worst_class.recall", "must lie in [0, 1], got 60"]),
    ("gate.worst_class={recall: 0.6}", ["belongs to a label with levels", "gate.at_most or gate.at_least"]),
    ("threshold={maximize: f1}", ["1 fault", "threshold.maximize", "did you mean threshold.maximise?"]),
    ("threshold={maximise: f2}", ["1 fault", "threshold.maximise", "did you mean f1?"]),
    ("threshold={cost: {false_postive: 2}}", ["1 fault", "did you mean threshold.cost.false_positive?"]),
    ("threshold=half", ["threshold", "must be a number or a mapping"]),
    ("threshold=0.5", ["belongs to a label with two levels"]),
    ("monitoring.bins=1", ["monitoring.bins", "must lie in [2, 100]"]),
    ("monitoring.psy=0.1", ["did you mean monitoring.psi?"]),
    ("monitoring=strict", ["no such option", "available: default"]),
    ("deployment.endpoint=my_house", ["my_house"]),
    ("deployment.variants.champion.model=housing", ["must be models:/mine@<alias>"]),
    ("deployment.variants.champion.model=models:/mne@champion", ["did you mean mine?"]),
    ("deployment.variants.champion.weight=-1", ["weight must be 0 or more"]),
    ("dataset.label=prise", ["dataset.label", "did you mean 'price'?"]),
    ("dataset.columns.area.kind=numric", ["did you mean numeric?"]),
    ("dataset.split.fractions.train=0.9", ["must sum to 1"]),
    ("features.label_transform=logg", ["did you mean log?"]),
    ("host.port=99999", ["port must lie in"]),
    # interpolations
    ("name=${nope}", ["name", "refers to nope, which does not exist"]),
    ("tracking.uri=${oc.env:HOUSING_TEST_UNSET}", ["environment variable HOUSING_TEST_UNSET is not set"]),
    ("study.name=???", ["study.name", "has no value"]),
]


@pytest.mark.parametrize(("override", "told"), ON_THE_COMMAND_LINE, ids=[o for o, _ in ON_THE_COMMAND_LINE])
def test_on_the_command_line(small: Path, override: str, told: list[str]) -> None:
    message = _refusal(["search_space=walkthrough", override], small)
    assert [part for part in told if part not in message] == [], message
    assert "command line" in message


ROLE = "arn:aws:iam::123456789012:role/x"

ON_SAGEMAKER = [
    # the account
    ("runner.role=" + ROLE, ["runner.role", "did you mean runner.role_arn?"]),
    ("host.role=" + ROLE, ["host.role", "did you mean host.role_arn?"]),
    ("runner.role_arn=housing", ["runner.role_arn", "an ARN: arn:aws:iam::<account>:role/<name>", "'housing'"]),
    ("host.role_arn=arn:aws:iam::12:role/x", ["host.role_arn", "an ARN"]),
    ("runner.role_arn=arn:aws:iam::123456789012:user/x", ["runner.role_arn", "an ARN"]),
    ("runner.region=virginia", ["runner.region", "such as us-east-1", "'virginia'"]),
    ("runner.region=us-east-1a", ["runner.region", "such as us-east-1"]),
    ("runner.region=US-EAST-1", ["runner.region", "such as us-east-1"]),
    ("runner.regoin=us-east-1", ["did you mean runner.region?"]),
    ("runner.endpoint_url=localhost", ["runner.endpoint_url", "https://", "'localhost'"]),
    ("host.endpoint_url=localhost:8080", ["host.endpoint_url", "https://"]),
    ("runner.endpoint_url=ftp://here", ["runner.endpoint_url", "https://"]),
    ("runner.endpoint=https://here", ["did you mean runner.endpoint_url?"]),
    ("runner.bucket=s3://mine", ["runner.bucket", "without s3://"]),
    ("runner.bucket=My_Bucket", ["runner.bucket", "small letters"]),
    ("runner.bucket=mine/below", ["runner.bucket", "small letters"]),
    ("runner.prefix=a_b/c", ["runner.prefix", "letters, digits and inner hyphens"]),
    ("runner.vpc={subnets: [], security_groups: []}", ["runner.vpc.subnets", "1 to 16 ids such as subnet-"]),
    ("runner.vpc={subnets: [a], security_groups: [sg-1]}", ["runner.vpc.subnets", "such as subnet-"]),
    ("runner.vpc={subnets: [subnet-1], security_groups: [b]}", ["runner.vpc.security_groups", "such as sg-"]),
    ("runner.vpc={subnet: [subnet-1]}", ["did you mean runner.vpc.subnets?"]),
    # machines
    ("runner.instance=ml.m5.large", ["did you mean runner.instance_type?"]),
    ("runner.instance_typ=ml.m5.large", ["did you mean runner.instance_type?"]),
    ("runner.instance_count=0", ["runner.instance_count", "must be 1 or more"]),
    ("runner.volume_gb=0", ["runner.volume_gb", "must be 1 or more"]),
    ("runner.max_run_s=0", ["runner.max_run_s", "must be 1 or more"]),
    ("runner.max_run_s=99999999", ["runner.max_run_s", "2419200 seconds at most"]),
    ("runner.poll_s=0", ["runner.poll_s", "more than 0"]),
    ("runner.spot=true", ["runner.spot"]),
    ("runner.spot.enable=true", ["did you mean runner.spot.enabled?"]),
    ("runner.spot={enabled: true, checkpoints: false}", ["runner.spot.checkpoints", "lose_work=true"]),
    ("runner.spot={enabled: true, max_wait_s: 10}", ["runner.spot.max_wait_s", "max_run_s (3600) or more"]),
    # money
    ("budget.usd=-1", ["budget.usd", "0 or more"]),
    ("budget.eur=5", ["budget.eur", "available: usd"]),
    ("prices=awss", ["no such option", "did you mean aws?"]),
    ("prices.usd_per_hour={ml.m5.large: cheap}", ["prices.usd_per_hour"]),
    # studies
    ("study.engine=atm", ["must be one of amt, optuna", "did you mean amt?"]),
    # deployments
    ("deployment.update.strategy=bluegreen", ["deployment.update.strategy", "must be one of"]),
    ("deployment.update.strategy=canry", ["did you mean canary?"]),
    ("deployment.interface=row", ["did you mean raw?"]),
    ("deployment.capture={percent: 0}", ["deployment.capture", "must lie in [1, 100]"]),
    ("deployment.variants.champion.instances=0", ["instances must be 1 or more"]),
    ("deployment.variants.champion.serverless={memory_mb: 100}", ["memory_mb"]),
    ("deployment.variants.champion.serverless={max_concurrency: 900}", ["must lie in [1, 200]"]),
    ("deployment.variants.champion.instance_typ=x", ["did you mean deployment.variants.champion.instance_type?"]),
]


@pytest.mark.parametrize(("override", "told"), ON_SAGEMAKER, ids=[o for o, _ in ON_SAGEMAKER])
def test_on_sagemaker(small: Path, override: str, told: list[str]) -> None:
    message = _refusal(["target=sagemaker", override], small)
    assert [part for part in told if part not in message] == [], message
    assert message.startswith("1 fault ") or "vpc" in override, message


IN_THE_REHEARSAL = [
    ("rehearsal=flakey", ["no such option", "did you mean flaky?"]),
    ("rehearsal.port=99999", ["rehearsal.port", "[0, 65535]"]),
    ("rehearsal.start_s=-1", ["rehearsal.start_s", "0 or more"]),
    ("rehearsal.interrupt_at_rounds=3", ["rehearsal.interrupt_at_rounds", "must be a list"]),
    ("rehearsal.interrupt_at_rounds=[-1]", ["rehearsal.interrupt_at_rounds", "0 or more"]),
    ("rehearsal.spot_discount=1", ["rehearsal.spot_discount", "[0, 1)"]),
    ("rehearsal.speed=0", ["rehearsal.speed", "(0, 1000]"]),
    ("rehearsal.enforce=true", ["did you mean rehearsal.enforce_iam?"]),
    ("rehearsal.faults=[{operation: CreateTrainingJob, kind: lost}]", ["rehearsal.faults.0.operation", "<service>:"]),
    ("rehearsal.faults=[{operation: '*', kind: throtling}]", ["rehearsal.faults.0.kind", "did you mean throttling?"]),
    ("rehearsal.faults=[{operation: '*', kind: lost, first: 0}]", ["rehearsal.faults", "1 or more"]),
    ("rehearsal.faults=[{operation: '*', kind: slow, seconds: -1}]", ["rehearsal.faults", "0 or more"]),
]


@pytest.mark.parametrize(("override", "told"), IN_THE_REHEARSAL, ids=[o for o, _ in IN_THE_REHEARSAL])
def test_in_the_rehearsal_told_once_and_where_it_was_typed(small: Path, override: str, told: list[str]) -> None:
    message = _refusal(["target=rehearsal", override], small)
    assert [part for part in told if part not in message] == [], message
    assert message.startswith("1 fault "), message
    assert "command line" in message


EXPERIMENT = "# @package _global_\ndefaults:\n  - override /study: random\n"

IN_A_FILE = [
    ("dataset/mine.yaml", DATASET.replace("label:", "lable:"), ["dataset.lable", "mine.yaml:3", "dataset.label?"]),
    ("dataset/mine.yaml", DATASET.replace("low: 0", "lwo: 0"), ["area.lwo", "mine.yaml:6", "area.low?"]),
    ("dataset/mine.yaml", DATASET.replace("nominal", "nomnal"), ["zone.kind", "did you mean nominal?"]),
    ("dataset/mine.yaml", DATASET.replace("label: price", "label: prise"), ["label", "'price'?"]),
    ("dataset/mine.yaml", DATASET.replace('"1", "2"', "1, 2"), ["rooms.levels.0 = 1", "quotes"]),
    ("dataset/mine.yaml", DATASET.replace("0.8", '"0.8"'), ["fractions.train", "must be a number"]),
    ("dataset/mine.yaml", DATASET.replace("0.8", "0.7"), ["must sum to 1"]),
    ("dataset/mine.yaml", DATASET.replace("source: mine.csv\n", ""), ["dataset.source", "is required"]),
    ("dataset/mine.yaml", DATASET.replace("  area", "\tarea"), ["conf/dataset/mine.yaml:6", "not tabs"]),
    (
        "dataset/mine.yaml",
        DATASET.replace("label: price", "label: [price"),
        ["conf/dataset/mine.yaml", "not valid YAML"],
    ),
    ("dataset/mine.yaml", DATASET + "label: area\n", ["conf/dataset/mine.yaml:11", "'label' twice"]),
    ("dataset/mine.yaml", "- name: mine\n", ["conf/dataset/mine.yaml", "must be a mapping"]),
    ("dataset/mine.yaml", "- 1\n", ["1 fault", "conf/dataset/mine.yaml", "must be a mapping"]),
    ("dataset/mine.yaml", "price\n", ["1 fault", "conf/dataset/mine.yaml", "must be a mapping"]),
    ("dataset/mine.yaml", "", ["1 fault", "conf/dataset/mine.yaml", "is empty", "housing describe"]),
    ("dataset/mine.yaml", "# nothing yet\n---\n", ["1 fault", "conf/dataset/mine.yaml", "is empty"]),
    ("dataset/mine.yaml", DATASET + "note: !!python/name:os.system ''\n", ["mine.yaml:11", "not valid YAML", "!tags"]),
    ("algorithm/mine.yaml", "{}\n", ["1 fault", "conf/algorithm/mine.yaml", "is empty"]),
    ("tracking/mine.yaml", "", ["1 fault", "conf/tracking/mine.yaml", "is empty"]),
    ("experiment/my.yaml", "# @package _global_\n- 1\n", ["1 fault", "conf/experiment/my.yaml", "must be a mapping"]),
    ("dataset/mine.yaml", DATASET.partition("columns")[0] + "columns: [price]\n", ["dataset.columns", "a mapping"]),
    ("dataset/mine.yaml", "# @package data\n" + DATASET, ["@package data", "away from dataset"]),
    ("dataset/mine.yaml", DATASET.replace("mine.csv", "${nowhere}"), ["refers to nowhere", "mine.yaml:2"]),
    ("experiment/my.yaml", EXPERIMENT.replace("# @package _global_\n", "seed: 1\n"), ["# @package _global_"]),
    ("experiment/my.yaml", EXPERIMENT.replace("_global_", "global"), ["# @package _global_"]),
    ("experiment/my.yaml", EXPERIMENT.replace("@package", "@packge"), ["# @package _global_"]),
    ("experiment/my.yaml", EXPERIMENT.replace("random", "randm"), ["study/randm", "did you mean random?", "my.yaml"]),
    ("experiment/my.yaml", EXPERIMENT.replace("/study", "/stduy"), ["stduy", "did you mean study?", "my.yaml"]),
    ("experiment/my.yaml", EXPERIMENT + "study: {trails: 5}\n", ["study.trails", "my.yaml:4", "study.trials?"]),
    ("experiment/my.yaml", EXPERIMENT + "sed: 5\n", ["sed", "my.yaml:4", "did you mean seed?"]),
    ("experiment/my.yaml", EXPERIMENT + "algorithm: {eta: 7}\n", ["algorithm.eta = 7", "my.yaml:4"]),
    ("search_space/xgboost/my.yaml", "etta: {type: float, low: 0.1, high: 0.5}\n", ["search_space.eta?", "my.yaml:1"]),
    ("search_space/xgboost/my.yaml", "eta: {low: 0.1, high: 0.5}\n", ["needs `type`", "my.yaml:1"]),
]


@pytest.mark.parametrize(("name", "text", "told"), IN_A_FILE)
def test_in_a_file_of_ones_own(project: Path, write: Write, name: str, text: str, told: list[str]) -> None:
    write(name, text)
    group, _, option = name.removesuffix(".yaml").partition("/")
    message = _refusal(["dataset=mine", f"{group}={option}"], project)
    assert [part for part in told if part not in message] == [], message


def test_bytes_that_are_no_text(project: Path) -> None:
    (project / "dataset" / "mine.yaml").write_bytes(b"name: \xff\xfe\n")
    assert "conf/dataset/mine.yaml" in _refusal(["dataset=mine"], project)


def test_all_faults_are_told_at_once(small: Path) -> None:
    wrong = ["algorithm.maxdepth=4", "study.trails=5", "seed=x", "+typo=1", "search_space.eta.high=2"]
    message = _refusal(["search_space=walkthrough", *wrong], small)
    assert message.startswith("5 faults in the configuration")
    for key in ("algorithm.maxdepth", "study.trails", "seed", "typo", "search_space.eta.high"):
        assert f"\n{key} = " in message


def test_what_cannot_be_read_does_not_hide_what_is_wrong(small: Path) -> None:
    message = _refusal(["dataset=aims", "study.trials={9", "algorithm.maxdepth=4"], small)
    assert "did you mean ames?" in message
    assert "left open" in message
    assert "did you mean algorithm.max_depth?" in message


def test_a_value_that_cannot_be_worked_out_is_told_once(small: Path) -> None:
    # The model's and the endpoint's name are made of it.
    assert _refusal(["name=${nope}"], small).startswith("1 fault ")


def test_a_message_has_bounds(small: Path) -> None:
    message = _refusal([f"typo{i}={'x' * 1000}" for i in range(200)], small)
    assert "and 180 more" in message
    assert len(message) < 10_000


def _refusal(overrides: list[str], config_dir: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        load(overrides, config_dir)
    assert raised.value.exit_code == 3
    message = str(raised.value)
    for vendor in ("use +", "Traceback", "pydantic", "omegaconf", "DictConfig", "hydra.cc"):
        assert vendor not in message
    return message
