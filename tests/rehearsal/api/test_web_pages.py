"""A web page reaches loopback under a name of its own, and says where it comes from: it is refused."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from tests.rehearsal.conftest import Served, signed_headers

_LISTING = "SageMaker.ListModels"


def _listed(rehearsal: Served, host: str, **more: str) -> int:
    """The status of a call that is signed by the account, for this host."""
    headers = signed_headers("POST", f"http://{host}/", service="sagemaker", body=b"{}", X_Amz_Target=_LISTING)
    connection = http.client.HTTPConnection(urlsplit(rehearsal.url).netloc, timeout=60)
    connection.request("POST", "/", b"{}", headers | {"Host": host} | more)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "a@localhost", "[::2]"])
def test_a_name_that_is_not_loopback_s_is_refused(rehearsal: Served, host: str) -> None:
    assert _listed(rehearsal, host) == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.0.0.53"])
def test_loopback_s_own_names_are_answered(rehearsal: Served, host: str) -> None:
    assert _listed(rehearsal, f"{host}:{rehearsal.open.port}") == 200


def test_only_a_page_of_its_own_might_call(rehearsal: Served) -> None:
    host = urlsplit(rehearsal.url).netloc

    assert _listed(rehearsal, host, Origin=rehearsal.url) == 200
    for origin in ("http://evil.example", "https://localhost", "http://127.0.0.1:1", "null", ""):
        assert _listed(rehearsal, host, Origin=origin) == 403


def test_it_is_refused_before_its_body_is_read(rehearsal: Served) -> None:
    connection = http.client.HTTPConnection(urlsplit(rehearsal.url).netloc, timeout=60)
    connection.putrequest("PUT", "/bucket/key", skip_host=True)
    connection.putheader("Host", "evil.example")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()

    answer = connection.getresponse()

    assert answer.status == 403
    assert b"not to 'evil.example'" in answer.read()
    connection.close()
