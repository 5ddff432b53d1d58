"""Fixtures for anyone's tests of code that calls SageMaker, S3, IAM, CloudWatch or its logs: pytest loads them itself.

`rehearsal` is an empty account for each test, in one process for all tests of a session, on a port and in a folder of
its own. In the test, and in processes that it starts, the environment leads every AWS client there. The marker
`rehearsal` sets how it behaves: `@pytest.mark.rehearsal(fail_jobs=1)`, with the keys of conf/rehearsal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from housing.rehearsal.settings import Settings

_MISLEADING = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_S3")


@dataclass(frozen=True)
class Rehearsed:
    """Where the rehearsal answers, and who may call it: the account itself. `role_arn` is for jobs and endpoints."""

    url: str
    region: str
    access_key: str
    secret_key: str
    role_arn: str
    folder: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have in its environment for AWS's clients to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "SAGEMAKER_ROLE_ARN": self.role_arn,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, **more: Any) -> Any:
        """boto3's client of a service, such as `sagemaker`; `more` is handed to boto3."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            **more,
        )

    def reset(self, **settings: Any) -> None:
        """Empty it, and go on with these settings. Raises ValueError for one that makes no sense."""
        from housing.rehearsal import process

        process.reset(_settings(self.folder, settings))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rehearsal(**settings): how the rehearsal behaves in this test")


@pytest.fixture(scope="session")
def rehearsal_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """One rehearsal for all tests: what one leaves, the next one finds."""
    from housing.rehearsal import process

    folder = str(tmp_path_factory.mktemp("rehearsal") / "state")
    address = process.ensure(_settings(folder, {}))
    account = process.environment_of(address, folder)
    yield Rehearsed(
        address.url,
        address.region,
        account["AWS_ACCESS_KEY_ID"],
        account["AWS_SECRET_ACCESS_KEY"],
        account["SAGEMAKER_ROLE_ARN"],
        folder,
    )
    process.stop(folder)


@pytest.fixture
def rehearsal(
    request: pytest.FixtureRequest, rehearsal_session: Rehearsed, monkeypatch: pytest.MonkeyPatch
) -> Rehearsed:
    """An empty one, which AWS's clients of this test reach without being told."""
    from housing.rehearsal.errors import RehearsalError

    marker = request.node.get_closest_marker("rehearsal")
    try:
        rehearsal_session.reset(**(marker.kwargs if marker else {}))
    except (TypeError, ValueError, RehearsalError) as error:
        pytest.fail(f"@pytest.mark.rehearsal: {error}", pytrace=False)
    for name in _MISLEADING:
        monkeypatch.delenv(name, raising=False)
    for name, value in rehearsal_session.environment.items():
        monkeypatch.setenv(name, value)
    import boto3

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it remembers the keys of the test before
    return rehearsal_session


def _settings(folder: str, given: dict[str, Any]) -> Settings:
    from housing.rehearsal.settings import InjectedFault, Quotas, Settings

    made = dict(given)
    if "faults" in made:
        made["faults"] = tuple(InjectedFault(**fault) for fault in made["faults"])
    if "quotas" in made:
        made["quotas"] = Quotas(**made["quotas"])
    if "interrupt_at_rounds" in made:
        made["interrupt_at_rounds"] = tuple(made["interrupt_at_rounds"])
    for key in ("folder", "port", "region"):
        if key in made:
            raise ValueError(f"{key} is chosen once for all tests and cannot be set for one")
    return Settings(folder=folder, **made)
