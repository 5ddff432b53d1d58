"""Texts and values without their secrets."""

from __future__ import annotations

import json

import pytest

from housing.errors import TrackingError
from housing.secrets import MASK, masked, masked_override, masked_values, remember, remember_override, unmasked

SECRET = "pl0ver/And#bees"


@pytest.mark.parametrize(
    "text",
    [
        "tracking.uri=http://bob:{}@mlflow.example:5000/x",
        "cannot reach postgresql+psycopg://bob:{}@db/housing: timed out",
        "https://{}@mlflow.example",
        "GET http://mlflow.example/x?a=1&api_token={}&b=2",
        "algorithm.password={}",
        'runner.api_key = "{}"  (command line)',
        'answered {{"access_token": "{}", "expires": 3600}}',
        "algorithm={{name: mine, password: {}, eta: 1}}",
        '"{{\\"aws_secret_access_key\\": \\"{}\\"}}"',
        "${{oc.env:DB_PASSWORD,{}}}",
        "Authorization: Basic {}",
    ],
)
@pytest.mark.parametrize("secret", ["hunter2hunter2", "Zq3xY"])
def test_no_text_tells_what_stands_as_a_secret(text: str, secret: str) -> None:
    if "Basic" in text:
        secret += "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    shown = masked(text.format(secret))
    assert secret not in shown
    assert MASK in shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_some_secrets_are_known_by_their_shape(secret: str) -> None:
    assert masked(f"name: {secret}, seed 0") == f"name: {MASK}, seed 0"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///mlflow.db",
        "http://mlflow.example:5000/#/experiments/1@2",
        "s3://bucket/rows@2.csv",
        "algorithm.max_tokens=512 study.token=3 runner.kms_key=alias/mine",
        "token: must be text; password: is no such key",
        "607165c0a1b2c3d4e5f60718293a4b5c6d7e8f90",
        "algorithm.password=${oc.env:DB_PASSWORD}",
        "write <key>=<value>",
        "search_space.eta: {type: float, low: 0.1}",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


def test_values_are_masked_by_the_names_above_them() -> None:
    values = {"password": 12345, "tokens": {"token": "abc", "limit": 3}, "credentials": {"user": "bob"}, "keys": ["a"]}
    assert masked_values(values) == {
        "password": MASK,
        "tokens": {"token": MASK, "limit": 3},
        "credentials": {"user": MASK},
        "keys": ["a"],
    }
    assert json.loads(masked(json.dumps({"password": SECRET, "seed": 0}))) == {"password": MASK, "seed": 0}


def test_what_came_in_under_a_secrets_name_is_known_in_every_text_and_spelling() -> None:
    remember({"database": {"password": 'w1th "quotes" and/slash'}})
    remember_override("tracking.uri=http://bob:p%40rrot%2Fcage@mlflow.example")
    for text in (
        'cannot log in with w1th "quotes" and/slash',
        json.dumps(['w1th "quotes" and/slash']),
        "no user bob with p@rrot/cage",
        "no user bob with p%40rrot%2Fcage",
    ):
        assert MASK in masked(text)
        assert "cage" not in masked(text)
        assert "slash" not in masked(text)


def test_a_variable_of_the_environment_is_known_where_the_configuration_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_DB_PASSWORD", "0liveTree")
    remember({"name": "${oc.env:MY_DB_PASSWORD}"})
    assert masked("no experiment 0liveTree here") == f"no experiment {MASK} here"


def test_an_ordinary_word_is_masked_as_a_password_and_nowhere_else() -> None:
    remember({"password": "housing"})
    assert masked("next  housing promote password=housing") == f"next  housing promote password={MASK}"


def test_a_recorded_override_with_a_secret_is_not_typed_again() -> None:
    typed = ["algorithm.eta=0.1", f"algorithm.password=two words {SECRET}", "tracking.uri=http://a:b@c"]
    recorded = [masked_override(override) for override in typed]
    assert SECRET not in " ".join(recorded)
    assert unmasked(recorded) == ["algorithm.eta=0.1"]


def test_no_error_tells_one() -> None:
    assert SECRET not in str(TrackingError(f"http://bob:{SECRET}@c: refused; password={SECRET}"))
