from __future__ import annotations

from pathlib import Path

import pytest

from housing.rehearsal.responses import ApiError
from housing.rehearsal.store import Store


def test_records_are_there_again_when_the_folder_is_opened_anew(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = store.create("model", "m", {"ExecutionRoleArn": "role", "Tags": [{"Key": "a", "Value": "b"}]})
    store.update("model", "m", ExecutionRoleArn="other")

    again = Store(tmp_path).get("model", "m")

    assert again["ModelArn"] == "arn:aws:sagemaker:us-east-1:123456789012:model/m"
    assert again["ExecutionRoleArn"] == "other"
    assert again["_tags"] == {"a": "b"}
    assert again["CreationTime"] == made["CreationTime"]
    assert again["LastModifiedTime"] > made["LastModifiedTime"]


def test_half_a_file_of_a_killed_writer_is_seen_through(tmp_path: Path) -> None:
    Store(tmp_path).create("model", "m", {})
    (tmp_path / "model" / "n.tmp").write_text('{"Mod')

    assert [record["ModelName"] for record in Store(tmp_path).list("model")] == ["m"]


def test_what_is_given_out_is_a_copy(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("model", "m", {"Containers": [{"Image": "a"}]})
    store.get("model", "m")["Containers"].append({"Image": "b"})

    assert store.get("model", "m")["Containers"] == [{"Image": "a"}]


def test_a_change_that_fails_halfway_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("model", "m", {"Containers": []})

    def change() -> None:
        with store.edit("model", "m") as record:
            record["Containers"].append({"Image": "b"})
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError):
        change()
    assert Store(tmp_path).get("model", "m")["Containers"] == []


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("training-job", "ValidationException", "Requested resource not found."),
        (
            "endpoint",
            "ValidationException",
            'Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/x".',
        ),
        ("transform-job", "ResourceNotFound", "Could not find requested job with name: x"),
    ],
)
def test_what_is_missing_is_refused_in_the_words_of_aws(tmp_path: Path, kind: str, code: str, words: str) -> None:
    store = Store(tmp_path)

    for call in (store.get, store.remove, store.update):
        with pytest.raises(ApiError) as refused:
            call(kind, "x")
        assert (refused.value.code, refused.value.message) == (code, words)


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("training-job", "ResourceInUse", "Job name must be unique within an AWS account and region"),
        ("endpoint-config", "ValidationException", "Cannot create already existing endpoint configuration"),
    ],
)
def test_a_name_is_given_once(tmp_path: Path, kind: str, code: str, words: str) -> None:
    store = Store(tmp_path)
    store.create(kind, "x", {})

    with pytest.raises(ApiError) as refused:
        store.create(kind, "x", {})
    assert refused.value.code == code
    assert words in refused.value.message


def test_in_some_names_capitals_make_no_difference(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for kind in ("endpoint", "hyper-parameter-tuning-job"):
        store.create(kind, "x", {})
        with pytest.raises(ApiError, match=f"{kind}/x"):
            store.create(kind, "X", {})
    store.create("training-job", "x", {})
    assert store.create("training-job", "X", {})["TrainingJobName"] == "X"


def test_arns_lead_to_what_exists_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    own = store.create("endpoint", "x", {})["EndpointArn"]

    assert store.by_arn(own) == ("endpoint", "x")
    assert store.by_arn(own + "y") is None
    assert store.by_arn(own.replace("us-east-1", "us-west-2")) is None
    store.remove("endpoint", "x")
    assert store.by_arn(own) is None


def test_a_damaged_record_is_named_with_a_way_out(tmp_path: Path) -> None:
    Store(tmp_path).create("endpoint", "x", {})
    file = tmp_path / "endpoint" / "x.json"
    file.write_text(file.read_text(encoding="utf-8")[:20], encoding="utf-8")
    with pytest.raises(ValueError, match=r"endpoint/x\.json is damaged .*delete it, and the endpoint x is forgotten"):
        Store(tmp_path)
    file.unlink()
    assert Store(tmp_path).list("endpoint") == []
