from __future__ import annotations

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, ParamValidationError

from housing.errors import CloudError
from housing.targets.sagemaker.refusals import may_pass, translated


def answered(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": "told"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "CreateTrainingJob")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (answered("ThrottlingException"), True),
        (answered("SlowDown", 503), True),
        (answered("InternalFailure", 500), True),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), True),
        (answered("ValidationException"), False),
        (answered("AccessDeniedException"), False),
        (answered("ResourceLimitExceeded"), False),
        (ParamValidationError(report="no name"), False),
    ],
    ids=lambda value: getattr(value, "response", {}).get("Error", {}).get("Code") or str(value)[:20],
)
def test_a_refusal_that_may_pass_is_told_from_one_for_good(error: ClientError | BotoCoreError, *, passes: bool) -> None:
    with pytest.raises(CloudError) as caught, translated("sagemaker"):
        raise error
    assert may_pass(caught.value) is passes
