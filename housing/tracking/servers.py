"""Checks what `tracking.uri` names, and whether it answers, before anything is trained."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from housing.errors import ConfigError, TrackingError
from housing.secrets import masked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from requests import Response

_MANAGED = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:mlflow-(tracking-server|app)/[\w-]+")
MANAGED_FORMS = (
    "one looks like arn:aws:sagemaker:<region>:<account>:mlflow-tracking-server/<name>, or for a serverless app "
    "arn:aws:sagemaker:<region>:<account>:mlflow-app/<id>"
)
"""The forms of a managed MLflow's ARN, for messages."""

_DATABASES = ("postgresql", "mysql", "mssql")
_KNOWN = ("sqlite", "http", "https", "arn", "databricks", "databricks-uc", "uc", *_DATABASES)
_FORMS = "sqlite:///mlflow.db, http://host:5000, postgresql://user@host/name or the ARN of a managed MLflow"
_REACHABLE_WITHIN_S = 10
_EXPERIMENTS = "/api/2.0/mlflow/experiments/search"
_UNAUTHORIZED, _FORBIDDEN, _FAILS = 401, 403, 500
_MESSAGE_LIMIT = 400
_PACKAGES = {
    "psycopg": "'psycopg[binary]'",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "cymysql": "cymysql",
}
"""The package to install for a database driver, if it is not named like its module."""


def check_address(uri: str) -> None:
    """Raises ConfigError for what cannot be the address of a record. Calls nothing."""
    scheme, colon, _ = uri.partition(":")
    kind = scheme.partition("+")[0]
    if kind in ("databricks", "databricks-uc", "uc"):
        return
    if not colon or kind in ("", "file"):
        where = "a folder; MLflow no longer keeps records in folders" if uri else "empty"
        raise ConfigError(f"tracking.uri = {uri!r}: {where}; it must be one of {_FORMS}")
    if kind not in _KNOWN:
        raise ConfigError(f"tracking.uri = {uri!r}: MLflow has no records at {scheme}:; it must be one of {_FORMS}")
    if kind in ("http", "https") and not _has_host(uri):
        raise ConfigError(f"tracking.uri = {uri!r}: names no host and port; it must be one of {_FORMS}")
    if kind in _DATABASES:
        _check_driver(uri)


def check_answers_http(uri: str) -> None:
    """Raises TrackingError if nothing listens, or it fails, wants other credentials, or is no MLflow.

    It asks with the user's credentials, once: MLflow itself would try for half a minute.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    once = {"max_retries": 0, "timeout": _REACHABLE_WITHIN_S, "raise_on_status": False}
    try:
        answer = http_request(get_default_host_creds(uri), _EXPERIMENTS, "POST", json={"max_results": 1}, **once)
    except MlflowException as e:
        why = type(e.__cause__ or e.__context__ or e).__name__
        raise TrackingError(f"{uri}: no tracking server answers ({why}); start it or change tracking.uri") from e
    status = answer.status_code
    if status in (_UNAUTHORIZED, _FORBIDDEN):
        raise TrackingError(
            f"{uri}: the tracking server refuses access (HTTP {status}); set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, to credentials that it knows"
        )
    if status >= _FAILS:
        raise TrackingError(f"{uri}: the tracking server fails (HTTP {status}); look at its log, or try again later")
    if not _is_json_object(answer):
        raise TrackingError(
            f"{uri}: what answers there is no MLflow tracking server (HTTP {status}, "
            f"{answer.headers.get('Content-Type', 'no content type')}); is tracking.uri its address, with the path "
            "that it is served under?"
        )


def _is_json_object(answer: Response) -> bool:
    try:
        return isinstance(answer.json(), dict)
    except ValueError:
        return False


def check_answers_sql(uri: str) -> None:
    """Raises TrackingError if the database refuses a connection. MLflow itself would try for many minutes."""
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
        with engine.connect():
            return
    except SQLAlchemyError as e:
        shown = sqlalchemy.make_url(uri).render_as_string(hide_password=True)
        text = masked(" ".join(str(getattr(e, "orig", None) or e).split()))
        raise TrackingError(f"{shown}: the database does not answer: {text[:_MESSAGE_LIMIT]}") from e


def sign_for(arn: str) -> None:
    """Make the plug-in for SageMaker's managed MLflow sign requests to this server."""
    import mlflow

    if not is_managed(arn):
        raise TrackingError(f"tracking.uri: {arn} is not a managed MLflow; {MANAGED_FORMS}")
    if find_spec("sagemaker_mlflow") is None:
        raise TrackingError(f"{arn}: a managed MLflow needs a plug-in of AWS: pip install 'housing[sagemaker]'")
    # It always signs for the process's tracking URI, whichever client calls.
    mlflow.set_tracking_uri(arn)


def check_answers_managed(client: MlflowClient, arn: str) -> None:
    """Raises TrackingError if the managed MLflow does not answer."""
    try:
        client.search_experiments(max_results=1)
    except Exception as e:  # of MLflow, of the plug-in, or of boto3
        text = masked(" ".join(str(e).split()))
        raise TrackingError(
            f"{arn}: the managed MLflow does not answer: {text[:_MESSAGE_LIMIT]}; check tracking.uri, the AWS "
            "credentials, and that they are allowed what `housing iam` prints"
        ) from e


def is_managed(uri: str) -> bool:
    """Whether a tracking URI is the ARN of SageMaker's managed MLflow."""
    return _MANAGED.fullmatch(uri) is not None


def is_database(uri: str) -> bool:
    """Whether MLflow would write directly to a database server."""
    return uri.partition(":")[0].partition("+")[0] in _DATABASES


def _has_host(uri: str) -> bool:
    try:
        split = urlsplit(uri)
        _ = split.port
    except ValueError:
        return False
    return bool(split.hostname)


def _check_driver(uri: str) -> None:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        make_url(uri).get_dialect().import_dbapi()
    except ModuleNotFoundError as e:
        driver = e.name or "the driver"
        shown = make_url(uri).render_as_string(hide_password=True)
        raise ConfigError(
            f"tracking.uri = {shown}: needs the database driver {driver}, which is not installed here: "
            f"pip install {_PACKAGES.get(driver, driver.lower())}"
        ) from e
    except (NoSuchModuleError, ArgumentError) as e:
        raise ConfigError(
            f"tracking.uri: {masked(' '.join(str(e).split()))[:_MESSAGE_LIMIT]}; it must be one of {_FORMS}"
        ) from e
