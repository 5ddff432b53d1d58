"""Fixtures for tests of any code that calls SageMaker, S3, IAM, CloudWatch or its logs; pytest loads them itself.

`rehearsal` is an empty account for each test, in one process for all tests of a session, with its own port and folder.
In the test, and in processes that it starts, the environment directs every AWS client to it. The marker `rehearsal`
sets how it behaves: `@pytest.mark.rehearsal(fail_jobs=1)`, with the keys of conf/rehearsal.
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
    """The rehearsal's address, and the keys of its account. `role_arn` is for jobs and endpoints."""

    url: str
    region: str
    access_key: str
    secret_key: str
    role_arn: str
    folder: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a process's AWS clients reach it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "SAGEMAKER_ROLE_ARN": self.role_arn,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, **more: Any) -> Any:
        """boto3's client of a service, such as `sagemaker`; `more` is passed to boto3."""
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
        """Empty it, and use these settings from now on. Raises ValueError for an invalid one."""
        from housing.rehearsal import process

        process.reset(_settings(self.folder, settings))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rehearsal(**settings): how the rehearsal behaves in this test")


@pytest.fixture(scope="session")
def rehearsal_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """One rehearsal for all tests, which is not emptied between them."""
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
    """An empty rehearsal, which the test's AWS clients use without configuration."""
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

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the keys of the test before
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
