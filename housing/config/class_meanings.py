"""Meanings of keys of single classes, by `<Class>.<key>`; they take precedence over comments, docstrings and names."""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS_IN: Mapping[str, str] = {
    "Alarm.above": "the threshold: a number of errors, or microseconds of a latency",
    "Alarm.metric": "SageMaker's metric that is watched; errors are counted, latencies are in microseconds",
    "Alarm.period_s": "length of one period, in seconds",
    "Alarm.periods": "how many periods in a row must be above the threshold",
    "Alarm.statistic": "how the values of one period become one: their average, sum or maximum, and so on",
    "Asynchronous.concurrent_per_instance": "how many queued requests an instance works on at once",
    "Autoscaling.invocations_per_instance_per_minute": (
        "the load that each instance should have: more instances when it is higher, fewer when it is lower"
    ),
    "Benchmark.entrants": "who competes: a name, and the overrides that make it",
    "Benchmark.folds": "into how many outer parts the rows are divided; each part is scored once",
    "Benchmark.name": "name of the benchmark, as the record has it",
    "Benchmark.parallel": "how many outer parts are worked on at once, each in a process of its own",
    "Benchmark.seeds": "one division of the rows into outer parts for each seed",
    "Benchmark.tables": "the tables that are competed on, by name; without any, the configured dataset",
    "BenchmarkTable.overrides": "what `housing describe` cannot know of the table",
    "BenchmarkTable.source": (
        "a file of an installed package, such as `ISLP/data/Auto.csv`, or any path that ends in `.csv`"
    ),
    "ByColumn.column": "the column whose values claim rows for a part",
    "ByColumn.test": "values of rows for the test part",
    "ByColumn.train": "values of rows for the training part",
    "ByColumn.validation": "values of rows for the validation part",
    "ByTime.column": "the column of dates or times, or of numbers that grow with time",
    "ByTime.gap": "rows less than this before a judged part are in no part: days for dates, else the column's unit",
    "ByTime.test_from": "where the test part begins; null: by the split's fractions",
    "ByTime.validation_from": "where the validation part begins; null: by the split's fractions",
    "Capture.percent": "percentage of the requests that are kept with their answers",
    "Categorical.choices": "the values; their order means nothing",
    "ColumnFeatures.date": (
        "what dates in this column become: year, month, day_of_week, day_of_year, hour, days, month_cycle and so on"
    ),
    "ColumnFeatures.hash_buckets": "how many columns its levels are hashed into",
    "ColumnFeatures.min_rows": "levels of fewer training rows than this count as one",
    "ColumnFeatures.nominal": "how its levels become numbers",
    "Condition.is_in": "the values of that hyperparameter for which this one exists",
    "Dataset.duplicates": (
        "rows that equal an earlier one in every column that is not ignored: kept, refused (an error) or dropped"
    ),
    "Dataset.event": (
        "for survival: the column that says whether the event was seen (1 or true) or not until then (0 or false)"
    ),
    "Dataset.group": "for ranking: the column whose rows of one value are put in order together, such as the query",
    "Dataset.label_missing": "rows without a label: refused (an error) or dropped",
    "Dataset.missing_values": "texts that mean an empty cell; an empty cell always does",
    "Dataset.name": "name of the dataset; experiment, registered model and endpoint are called after it",
    "Dataset.positive": "of two levels, the one that the task is about; null: the second",
    "Dataset.quantiles": "for quantile: the quantiles that are predicted, lowest first",
    "Dataset.source": (
        "a file, a folder of files or a pattern such as `sales/*.csv`, relative to the working folder; "
        "`package:<file>` for shipped data"
    ),
    "Dataset.storage": (
        "where the table is while it is worked on: in memory, or on disk, read in batches; auto: on disk where it "
        "would take more than half of the free memory"
    ),
    "Dataset.task": (
        "the question that is asked of the label; null: regression for a number, binary for two levels, "
        "multiclass for more"
    ),
    "Dataset.weight": "the column of how much each row counts, in fits and in metrics; null: all alike",
    "Dataset.where": "the rows that are kept, such as `price > 0 and city != 'x'`; null: all",
    "Date.format": "how a date is written, as Python's strptime has it, such as `%d.%m.%Y`; null: ISO 8601",
    "Deployment.asynchronous": "requests are files in S3 that wait in a queue; null: they are answered at once",
    "Deployment.interface": "what clients send: raw rows, or encoded ones as SageMaker's built-in container takes them",
    "Derived.columns": "the columns that it is computed from",
    "Derived.edges": "for bin: the edges, lowest first; the value is how many of them are reached",
    "Derived.operation": "what is computed: a sum, a difference, log, bin, a comparison and so on",
    "Derived.value": "for less, greater and equal: what the column is compared with; null: with a second column",
    "Entrant.needs": "a module without which this entrant is left out",
    "Entrant.overrides": "the overrides that make `housing run` this entrant",
    "Entrant.search": "false: one fit of the configured point to all training rows, nothing chosen",
    "Features.columns": "options of single columns, by name",
    "Features.date": "what dates become; null: year, month, day_of_week, day_of_year, and hour where there are hours",
    "Features.high_cardinality": (
        "how columns of more than 50 learnt levels become numbers, where nominal is one_hot; null: target, or"
        " count for a task without a mean"
    ),
    "Features.min_rows": (
        "levels of fewer training rows than this count as one level, as do levels that were never seen"
    ),
    "Features.name": "name of this set of features, as the record has it",
    "Features.nominal": "how levels without an order become numbers: one_hot, target, count, hash or ordinal",
    "Float.high": "the highest value",
    "Float.log": "whether small values are as likely as large ones on a logarithmic scale",
    "Float.low": "the lowest value",
    "Float.step": "distance between the values; null: any value between low and high",
    "Fractions.test": "share of the rows that judge the final model, once",
    "Fractions.train": "share of the rows that models are fitted to",
    "Fractions.validation": "share of the rows that trials are judged by",
    "Gate.against_champion": (
        "what the improvement over the champion must show: better, clearly_better (the whole interval), "
        "not_clearly_worse, or nothing"
    ),
    "Gate.alias": "the alias that the version gets when it passes",
    "Gate.at_least": "the metric must be no lower than this; null: no limit",
    "Gate.at_most": "the metric must be no higher than this, in its unit; null: no limit",
    "Gate.beats": (
        "`naive`: the candidate must beat the best answer that ignores every column, such as the median; "
        "null: it need not"
    ),
    "Gate.confidence": "confidence level of the bootstrap interval of the improvement",
    "Gate.margin": "how much better than the champion it must be, in the metric's unit",
    "Gate.metric": "the metric of the test part that decides; null: the task's first, such as mae or log_loss",
    "Gate.resamples": "how often the rows are resampled for that interval",
    "Gate.worst_class": "what the worst level must reach, such as `{recall: 0.6}`; precision and f1, too",
    "Hyperparameter.about": "one line for people",
    "Hyperparameter.choices": "the values that are allowed; empty: any",
    "Hyperparameter.default": "the library's own default; null: it decides",
    "Hyperparameter.kind": "type of the value: int, float, text or bool",
    "Hyperparameter.many": "whether it takes a list of choices",
    "Identifier.unique": "whether every row must have another value",
    "Image.arguments": "arguments in place of the image's own",
    "Image.directions": "minimize or maximize, for each metric that housing does not know",
    "Image.entry_point": "a command in place of the image's own",
    "Image.image": "address of the image in ECR",
    "Image.metrics": (
        "by name, the regular expression that finds a metric's value, in its first group, in a line of the log"
    ),
    "InjectedFault.first": "the first call that goes wrong, counted from 1",
    "InjectedFault.kind": (
        "what goes wrong: throttling or server_error as AWS answers them, capacity (no machines), slow, or "
        "lost (done, but unanswered)"
    ),
    "InjectedFault.operation": "the calls that it is about: `sagemaker:CreateTrainingJob`, `s3:*` or `*`",
    "InjectedFault.seconds": "for slow: after how many seconds it answers",
    "InjectedFault.times": "how many calls in a row go wrong",
    "Int.log": "whether small values are as likely as large ones on a logarithmic scale",
    "Int.low": "the lowest value",
    "Int.step": "distance between the values",
    "IntervalRule.by": "the column within each of whose levels the coverage should hold; null: over all rows",
    "IntervalRule.coverage": "the share of rows whose truth the range should hold, such as 0.9; null: no ranges",
    "IntervalRule.scaled": "wider ranges where larger errors are expected",
    "Monitoring.bins": "quantile bins of a numeric column",
    "Monitoring.chance": "how often a look may find some column drifted where nothing has",
    "Monitoring.missing_share": "by how much the share of empty cells may exceed that of training",
    "Monitoring.out_of_range_share": "the share of rows that may hold a number outside the range of training",
    "Monitoring.p99_ms": "99 of 100 calls must be answered within so many milliseconds; null: no limit",
    "Monitoring.psi": (
        "population stability index from which a column has drifted; 0.1 is often called a small shift, 0.25 "
        "a large one"
    ),
    "Monitoring.ratio_chance": "how often requests that were shared as declared may seem shared otherwise",
    "Monitoring.server_error_share": "the share of calls that may be answered with 5xx; null: no limit",
    "Monitoring.unseen_share": "the share of rows that may hold a level that training never had",
    "Nominal.levels": "every level; null: those of the training rows are learnt",
    "Numeric.high": "the highest value allowed; null: any",
    "Numeric.low": "the lowest value allowed; null: any",
    "Ordinal.levels": "every level, from the lowest on",
    "Outer.fold": "which of the folds is the test part, from 0",
    "Outer.folds": "into how many folds the rows are divided",
    "Outer.seed": "deals the rows into the folds",
    "Prices.date": "the day on which these prices were published",
    "Prices.source": "where they were published",
    "Published.source": "where the figures were published",
    "Rehearsal.enforce_iam": "whether calls are held to the policies of who signs them",
    "Rehearsal.fail_jobs": "how many of the next training jobs fail in their container",
    "Rehearsal.folder": "where its state is kept, relative to the working folder",
    "Rehearsal.idle_s": (
        "a rehearsal that a command has started ends after so many seconds without calls, jobs and endpoints"
    ),
    "Rehearsal.interrupt_at_rounds": "rounds at which spot jobs are interrupted, each once",
    "Rehearsal.port": "the port that it listens on; 0: the system chooses one",
    "Rehearsal.seconds_per_round": (
        "how long a round of the built-in algorithm takes at least, in seconds; it counts for limits and bills"
    ),
    "Rehearsal.seed": (
        "draws which variant answers a request: the same requests to a new endpoint are shared alike each time"
    ),
    "Rehearsal.speed": "how many of AWS's seconds pass in one of ours: starts of machines, waits, alarms, autoscaling",
    "Rehearsal.start_s": "how long a machine takes to start, in seconds",
    "Script.directions": "minimize or maximize, for each metric that housing does not know",
    "Script.entry_point": "the script's file in its folder",
    "Script.framework": "the framework whose SageMaker image runs the script, such as sklearn",
    "Script.metrics": (
        "by name, the regular expression that finds a metric's value, in its first group, in a printed line; "
        "empty: the task's own"
    ),
    "Script.requirements": "a file in the folder with what SageMaker's image lacks; here it must be installed already",
    "Script.rounds": "the hyperparameter that says how many times metrics are printed",
    "Script.source_dir": "folder of the script, relative to the working folder; `package:<folder>` for a shipped one",
    "Script.timeout_s": "the longest that a process on this machine may take, in seconds; null: no limit",
    "Serverless.max_concurrency": "how many requests are answered at once at most",
    "Split.by_column": "rows that a column's values claim for a part, before all else",
    "Split.by_group": "the column whose rows of one value are never divided",
    "Split.by_time": "parts in the order of time, the test part last",
    "Split.fractions": "the share of rows in each part",
    "Split.key": "the column that names rows: each is then in the same part whatever the order of the file",
    "Split.outer": "one fold of all rows is the test part, as in `housing benchmark`",
    "Split.seed": "deals the rows into parts",
    "Split.stratify": (
        "true: each level of the label has its share of every part; a column's name: each of its values has; "
        "null: true for a label with levels"
    ),
    "Spot.checkpoints": "whether an interrupted job continues where it was",
    "Spot.lose_work": "accepts that an interrupted job without checkpoints starts over",
    "Spot.max_wait_s": (
        "the longest a job may take with its waits for spare machines, in seconds after its start; training counts, too"
    ),
    "Study.blend": "the best trials that may answer together, each by a weight, at most so many; null: the best alone",
    "Study.blend_samples": "above 1: a blend's weights are the mean of choices on so many random draws of the rows",
    "Study.configured_first": (
        "whether the first trial is the configured point, so that the best is never worse than that"
    ),
    "Study.engine": "who searches: Optuna here, or amt, SageMaker's automatic model tuning",
    "Study.reference": "a cheap linear model is listed at the end of the leaderboard, beside the naive predictor",
    "Study.repeats": "above 1: a trial is the mean over so many seeds, with an interval, and ties are reported",
    "Study.folds": "above 1: a trial is the mean over so many folds of the training rows",
    "Study.name": "name of this kind of study; one in the record is called `tune-<name>-<4 characters>`",
    "Study.objective": (
        "what is optimised, `<channel>_<metric>`, or a list of several; a channel alone: the task's first metric on it"
    ),
    "Study.parallel": "how many trials run at once",
    "Study.patience": "no trial starts after so many in a row without a better one; null: no limit",
    "Study.prune_after": "rounds (or folds) before the pruner first looks at a trial",
    "Study.prune_every": "rounds (or folds) between two looks of the pruner",
    "Study.pruner": "who ends hopeless trials early",
    "Study.reproducible": "the same trials every time, for which a quick trial may wait for a slow one",
    "Study.resume": (
        "a study of the record to continue: its name, its run's id or the beginning of it; null: a new one"
    ),
    "Study.reuse": "take the result of a finished run that did the same, instead of training again",
    "Study.sampler": "who proposes trials",
    "Study.start_from": (
        "points to try next, or the name of an earlier study whose best point is; with engine amt, earlier "
        "studies to learn from"
    ),
    "Study.startup_trials": "trials at random before a sampler that learns begins to",
    "Study.time_limit_s": "no trial starts after so many seconds; null: no limit",
    "Study.trials": "how many trials the study has",
    "Tracking.model": "name of the registered model",
    "Tracking.uri": (
        "address of the record: a database such as `sqlite:///mlflow.db`, a server, or the ARN of a managed one"
    ),
    "Tracking.wait_s": (
        "how long, in seconds, the end of a command waits for a tracking server that does not answer; results"
        " wait on disk"
    ),
    "Update.alarms": (
        "alarms that are made with the endpoint; when one rings during an update, the old variants come back"
    ),
    "Update.bake_s": "how long the new variants are watched, in seconds, before the old ones go",
    "Update.existing_alarms": "names of alarms of yours that do the same",
    "Update.step_percent": "percentage of the traffic that a canary, or each linear step, takes",
    "Update.strategy": "how new variants take over: all at once, after a canary, or in linear steps",
    "Update.wait_s": "how long each step is watched, in seconds",
    "Variant.autoscaling": "how many instances there are, by load; null: a fixed number",
    "Variant.model": "the version it serves: `models:/<name>@<alias>` or `models:/<name>/<version>`",
    "Variant.serverless": "no instances: machines exist while they answer",
    "Variant.shadow": (
        "true: it gets a copy of the requests, and its answers are not returned; its weight, beside that of the "
        "variant it shadows, is the share that is copied"
    ),
    "Vpc.security_groups": "ids of the security groups",
    "Vpc.subnets": "ids of the subnets",
    "config.budget": "what a command may spend on training",
    "config.intervals": "of a promoted model: the range that each prediction is given",
    "config.search_space": "by hyperparameter, the values that a study tries",
    "config.threshold": (
        "of two levels, the probability from which the positive one is chosen: a number, `{maximise: f1}`, or "
        "`{cost: {false_positive: 1, false_negative: 5}}`; null: 0.5"
    ),
    "target.address": "address of a running cluster, such as 10.0.0.5:6379; null: one is started on this machine",
    "target.bucket": "the S3 bucket of data and models; null: `sagemaker-<region>-<account>`",
    "target.cpus": "how many processors a cluster on this machine may use; null: all",
    "target.image_version": "version of SageMaker's XGBoost image",
    "target.model_package_group": "group of SageMaker's model registry where what is promoted is registered, too",
    "target.poll_s": "how often a running job is looked at, in seconds",
    "target.port": "the port that it listens on; 0: the system chooses one",
    "target.prefix": "begins the names and the paths of what is made",
    "target.processes": "so many answer small requests to compiled models of one endpoint",
    "target.role_arn": "the IAM role that jobs and endpoints take",
    "target.spot": "spare machines, at a lower price, that may be taken away",
    "target.tags": "tags on everything that is made, beside our own",
    "target.threads_per_job": "threads of one job; with 1 the same job gives the same bytes, more suit large tables",
    "target.vpc": "subnets and security groups that jobs and endpoints run in",
}
