"""One stand-in CMP for the tests of its behaviour, emptied before each."""

from collections.abc import Iterator

import httpx
import pytest

from tools.stand_in.client import StandIn
from tools.stand_in.process import running

CLIENT = {"client_id": "local", "client_secret": "local"}


@pytest.fixture(scope="package")
def server() -> Iterator[StandIn]:
    with running(**CLIENT) as started:
        yield started


@pytest.fixture
def stand_in(server: StandIn) -> StandIn:
    server.reset()
    return server


@pytest.fixture
def open_api(stand_in: StandIn) -> Iterator[httpx.Client]:
    form = {**CLIENT, "grant_type": "client_credentials"}
    token = httpx.post(f"{stand_in.base_url}/o/oauth2/v1/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{stand_in.base_url}/v3", headers=headers) as client:
        yield client
