"""Refusals and failures of AWS in one line: the call, its error code, AWS's message and the way out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from housing.errors import CloudError, HousingError

MISSING = frozenset({"ResourceNotFound", "ResourceNotFoundException", "NoSuchKey", "NoSuchBucket", "NotFound", "404"})
"""Codes of errors about something that does not exist."""

_BUSY = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "SlowDown"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation"})
_UNKNOWN_CALLER = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_NEEDED = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
_ACTIONS = {"HeadObject": "GetObject", "HeadBucket": "ListBucket", "ListObjectsV2": "ListBucket"}
"""Operations whose IAM action has another name."""


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Turn botocore's errors in calls of `service` (`sagemaker`, `s3`) into CloudError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refusal(service, error) from error
    except HousingError:
        raise
    except BotoCoreError as error:
        raise _failure(service, error) from error


def code(error: Any) -> str:
    """AWS's error code of a ClientError; empty for any other error."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def may_pass(refused: CloudError) -> bool:
    """Whether the same call may succeed later: there was no answer, or AWS was busy or failed."""
    from botocore import exceptions as known

    cause = refused.__cause__
    if isinstance(cause, known.ClientError):
        return code(cause) in _BUSY or cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    return isinstance(cause, known.ConnectionError | known.HTTPClientError)


def message(error: Any) -> str:
    """AWS's message in a ClientError, on one line."""
    return " ".join(str(error.response.get("Error", {}).get("Message", "")).split())


def _refusal(service: str, error: Any) -> CloudError:
    call = f"{service}:{error.operation_name}"
    found = code(error)
    way_out = _way_out(service, error, found)
    return CloudError(f"{call} was refused, {found}: {message(error).rstrip('.')}{way_out and f'; {way_out}'}")


def _way_out(service: str, error: Any, found: str) -> str:
    if found in _DENIED:
        # A call may need other actions than its own, such as iam:PassRole: AWS says which one is missing.
        named = _NEEDED.search(message(error))
        action = named[1] if named else f"{service}:{_ACTIONS.get(error.operation_name, error.operation_name)}"
        other = ", or the bucket belongs to another account" if service == "s3" else ""
        return f"whoever signs this call needs {action}{other}; `housing iam` prints all that is needed"
    if found in _UNKNOWN_CALLER:
        return "AWS does not know these credentials, or they have expired: sign in again, or check AWS_PROFILE"
    if found in ("ResourceLimitExceeded", "LimitExceededException"):
        return "ask for a larger quota under Service Quotas, wait for other jobs, or choose another instance_type"
    if found in _BUSY:
        attempts = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
        return f"AWS was too busy {attempts} times in a row; the same command continues where this one has ended"
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return "AWS itself has failed; the same command continues where this one has ended"
    return ""


def _failure(service: str, error: Exception) -> CloudError:
    from botocore import exceptions as known

    reason = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError):
        return CloudError(
            f"{service}: no AWS credentials; sign in (aws sso login, aws configure), set AWS_PROFILE, or rehearse "
            "without an account: target=rehearsal"
        )
    if isinstance(error, known.ParamValidationError):
        return CloudError(f"{service}: the request is not valid: {reason}")
    if isinstance(error, known.ConnectionError | known.HTTPClientError):
        return CloudError(
            f"{service}: no answer: {reason}; check the network, region and endpoint_url; the same command goes on "
            "where this one has ended"
        )
    return CloudError(f"{service}: {reason}")
