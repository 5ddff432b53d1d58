"""The commands, as `--help` describes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """`argument` is what it takes besides overrides, in brackets when optional, with `...` when it may be repeated."""

    name: str
    summary: str
    about: str
    examples: tuple[tuple[str, str], ...]
    argument: str = ""
    composes: bool = True


COMMANDS = {
    command.name: command
    for command in (
        Command(
            "run",
            "everything below in order, from data to predictions",
            "Trains, tunes, promotes and deploys, then predicts a few rows through the endpoint.",
            (
                ("housing run", "the defaults of conf/config.yaml"),
                ("housing run experiment=walkthrough", "the walkthrough from end to end"),
                ("housing run --config-dir conf dataset=mine", "your own data, described in conf/dataset/mine.yaml"),
            ),
        ),
        Command(
            "train",
            "one training job, one MLflow run",
            "Reads and checks the dataset, splits, encodes, fits the algorithm and records everything about it.",
            (
                ("housing train", ""),
                ("housing train algorithm.eta=0.1 algorithm.max_depth=4", "other hyperparameters"),
                ("housing train -m algorithm.eta=0.1,0.3,0.5", "three jobs under one parent run"),
            ),
        ),
        Command(
            "tune",
            "a study: many trials, the best hyperparameters",
            "Searches the search space for the best objective. An interrupted study can be continued.",
            (
                ("housing tune", "five trials, the first at the configured point"),
                ("housing tune search_space=narrow study=tpe study.trials=50", ""),
                ("housing tune study.resume=tune-tpe-3f2a", "continue where it stopped; study.trials=80 extends it"),
                ("housing tune -m dataset=ames,mine --config-dir conf", "one study for each dataset"),
            ),
        ),
        Command(
            "benchmark",
            "procedures compared by nested, repeated folds",
            "Each outer part of the rows is scored once, by a model that was tuned and fitted on the others; every\n"
            "job is a run. Finished outer parts are not done again: the table comes from the record. Who competes,\n"
            "on what, by which folds: conf/benchmark/.",
            (
                ("housing benchmark", "the configuration as it is, on its own table"),
                ("housing benchmark benchmark=ames", "the walkthrough, the defaults, and more"),
                ("housing benchmark benchmark=suite benchmark.seeds=[0]", "a dozen tables, other libraries"),
            ),
        ),
        Command(
            "attach",
            "complete runs whose jobs have outlived their command",
            "Waits for jobs that an earlier command left running (a terminal that was closed, a kill, Ctrl-C) and\n"
            "completes RUN, or every such run; jobs that no run knows are recorded, too. Nothing is trained twice.",
            (
                ("housing attach", "all of them"),
                ("housing attach 3f2a target=rehearsal", "this one"),
            ),
            argument="[RUN]",
        ),
        Command(
            "compare",
            "runs side by side: what differs, and which is better",
            "Shows what differs between runs in configuration, metrics and origin. Runs go by id, an id's beginning,\n"
            "name, or a name's first word; a study stands for its best trials, `housing run` for each of its jobs.\n"
            "With --sets each stands for all of its runs, and so does a filter or the name of an MLflow experiment:\n"
            "best, mean, whether one set is better or chance explains it, which parameters differ.",
            (
                ("housing compare", "the best trials of the latest study"),
                ("housing compare t03 t07", "two trials, as the leaderboard calls them"),
                ("housing compare tune-walkthrough-3f2a --top 3", "the best three trials of a study"),
                ("housing compare 3f2a 91bc --html comparison.html", "a page, with learning curves"),
                ("housing compare --sets tune-a tune-b", "all trials of a study against all of another"),
                ("housing compare \"params.booster = 'dart'\" tune-b", "what MLflow's filter finds against a study"),
            ),
            argument="[RUN|STUDY ...]",
        ),
        Command(
            "runs",
            "the record as a table: list, filter, export, delete, restore",
            "Lists runs, newest first: the named ones, or those that a filter in MLflow's language finds. --delete\n"
            "marks them as deleted, with what lies below them; --restore brings them back.",
            (
                ("housing runs", "the newest of the experiment"),
                ("housing runs --filter 'metrics.validation_mae < 20000'", ""),
                ("housing runs --export runs.parquet", "parameters, metrics, tags and times; .csv and .json, too"),
                ("housing runs t03 3f2a --delete", "two of them"),
                ("housing runs 3f2a --restore", "bring one back"),
            ),
            argument="[RUN ...]",
        ),
        Command(
            "ui",
            "the record in the browser",
            "Serves MLflow's user interface on this machine and prints where the latest study, or STUDY, is shown;\n"
            "Ctrl-C ends it.",
            (("housing ui", ""), ("housing ui tune-walkthrough-3f2a --port 5000", "this study, at this port")),
            argument="[STUDY]",
        ),
        Command(
            "promote",
            "final fit, gate, registry alias",
            "Fits the candidate on train and validation together, scores the test part once, and moves the alias when\n"
            "the gate lets it pass. A refused candidate changes nothing; the exit code is 4.",
            (
                ("housing promote", "the best run of the latest study"),
                ("housing promote candidate=<run id>", "this run"),
                ("housing promote gate.at_most=20000", "with an absolute limit"),
            ),
        ),
        Command(
            "plan",
            "what deploy would change; changes nothing",
            "Shows the difference between the wanted deployment and the endpoint as it is.",
            (
                ("housing plan deployment=ab_test", ""),
                ("housing plan --detailed-exitcode", "exit code 2 when something would change"),
            ),
        ),
        Command(
            "deploy",
            "make the endpoint what the deployment says",
            "Applies the plan: variants, weights, instances, autoscaling. Doing it twice changes nothing.",
            (
                ("housing deploy", "the champion alone"),
                ("housing deploy deployment=ab_test deployment.variants.challenger.weight=0.2", ""),
            ),
        ),
        Command(
            "predict",
            "raw rows in, predictions out",
            "Sends the rows of a file or folder through the endpoint, in batches. A label column is ignored. With\n"
            "--output the file may be larger than memory; answers are kept in OUTPUT.partial until all are there.",
            (
                ("housing predict rows.csv", ""),
                ("housing predict rows.csv > predictions.csv", "CSV into a pipe"),
                ("housing predict rows.csv --output predictions.csv", "of any size; continues after an interruption"),
                ("housing predict rows.csv --interval 0.9", "with 90 % ranges (needs intervals.coverage)"),
                ("housing predict rows.csv --explain 5", "with the five columns that moved each row most"),
                (
                    "housing predict --batch s3://bucket/rows.csv target=sagemaker",
                    "also a file here, by a job of its own",
                ),
            ),
            argument="FILE",
        ),
        Command(
            "status",
            "endpoints, variants, instances, traffic",
            "Shows what is served, by which model versions, and how it fares.",
            (
                ("housing status", "every endpoint"),
                ("housing status housing-endpoint --json", "for a script"),
                ("housing status --html endpoints.html", "a page: versions, traffic, budgets, lineage"),
            ),
            argument="[ENDPOINT]",
        ),
        Command(
            "monitor",
            "what an endpoint saw, compared with training",
            "Compares the rows that every variant captured (deployment.capture) with those that its model was trained\n"
            "on, column by column, and the variants with each other: failures, latency and, where a file gives the\n"
            "actual labels, errors. Recorded as a run with a report. What counts as drift: conf/monitoring/.",
            (
                ("housing monitor", "the configured endpoint"),
                ("housing monitor housing-endpoint --labels sold.csv", "the actual labels of rows sent before, by id"),
                ("housing monitor monitoring.psi=0.1", "warn sooner"),
                ("housing monitor --detailed-exitcode", "exit code 2 on drift, a clear difference or wrong shares"),
                ("housing monitor --every 60 --until 18:00 --html monitor.html", "one line per minute, and a page"),
                ("housing monitor --every 60 --detailed-exitcode monitoring.p99_ms=50", "ends when there is a finding"),
            ),
            argument="[ENDPOINT]",
        ),
        Command(
            "lineage",
            "from an endpoint back to data and code",
            "Follows endpoint, variant, version, run, configuration, data and commit; says where a link is broken.",
            (("housing lineage housing-endpoint", ""),),
            argument="ENDPOINT",
        ),
        Command(
            "iam",
            "the AWS permissions that are needed, and no more",
            "Prints the IAM policy of whoever runs these commands, or of the role of the jobs and endpoints\n"
            "(WHOSE: caller or role). It grants only what some call needs.",
            (
                ("housing iam target=sagemaker > policy.json", "for whoever trains, deploys and predicts"),
                ("housing iam role target=sagemaker", "for jobs and endpoints"),
            ),
            argument="[WHOSE]",
        ),
        Command(
            "destroy",
            "remove the endpoint",
            "Ends the endpoint. Runs and registered models stay.",
            (("housing destroy", ""), ("housing destroy deployment.endpoint=other", "another endpoint")),
        ),
        Command(
            "rehearsal",
            "a SageMaker on this machine",
            "Starts a SageMaker without an account and prints what any AWS client needs to reach it; it stays until\n"
            "it is stopped. `target=rehearsal` finds it, and starts one by itself where there is none.\n"
            'eval "$(housing rehearsal start)" makes the AWS clients of a shell use it.',
            (
                ("housing rehearsal start --port 4566", ""),
                ("housing rehearsal start rehearsal=flaky", "one in which things go wrong"),
                ("housing rehearsal status", "where it answers, its jobs and endpoints"),
                ("housing rehearsal stop", "end it; its state stays in its folder"),
            ),
            argument="start|status|stop",
        ),
        Command(
            "new",
            "a project to start from",
            "Makes a folder with configuration, a README, a workflow for continuous integration and a .gitignore, for\n"
            "your own file or for an example.",
            (
                ("housing new shop --data homes.csv --label price", "then: cd shop"),
                ("housing new shop", "an example to change"),
            ),
            argument="PROJECT",
            composes=False,
        ),
        Command(
            "prepare",
            "read and check a large dataset once, for all later commands",
            "CSV and the like become a Parquet file in ~/.cache/housing/tables; Parquet and Arrow files are checked\n"
            "where they are. Every later command uses the result, until one of the files changes.",
            (
                ("housing prepare dataset=mine --config-dir conf", ""),
                ("housing prepare dataset=mine --config-dir conf && housing train dataset=mine --config-dir conf", ""),
            ),
        ),
        Command(
            "describe",
            "a dataset description for your own data",
            "Prints a conf/dataset/*.yaml: kinds of columns guessed, ranges and levels filled in, the guesses marked.",
            (
                ("housing describe homes.csv --label price > conf/dataset/homes.yaml", ""),
                ("housing describe 2023.csv 2024.csv --label price", "several files, one below the other"),
                ("housing describe shop.db --table sales --label price", "a database; also postgresql://host/shop"),
            ),
            argument="FILE ...",
            composes=False,
        ),
        Command(
            "completion",
            "shell completion of commands, options and keys",
            "Prints a script that lets a shell complete commands, flags, options of groups and keys.",
            (
                ("housing completion bash > ~/.local/share/bash-completion/completions/housing", ""),
                ("housing completion zsh > ~/.zfunc/_housing", "a folder of $fpath"),
                ("housing completion fish > ~/.config/fish/completions/housing.fish", ""),
            ),
            argument="bash|zsh|fish",
            composes=False,
        ),
    )
}
