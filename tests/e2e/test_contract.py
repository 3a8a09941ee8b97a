"""What the bus carried while all other tests ran is what docs/events says."""

import pytest

from tests.e2e.relay import Relay
from tools.schemas import events
from tools.schemas.events import ContractError

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def test_every_event_of_the_run_keeps_its_schema(running_relay: Relay) -> None:
    broken = []
    for event in running_relay.every_event():
        assert event["source"] == "cmp-relay"
        try:
            events.check(event["detail-type"], event["detail"])
        except ContractError as error:
            broken.append(str(error))

    assert not broken, "\n".join(broken)


def test_the_run_has_seen_every_detail_type(
    running_relay: Relay, request: pytest.FixtureRequest, *, is_whole_run: bool
) -> None:
    if not is_whole_run or request.session.testsfailed:
        pytest.skip("not all tests have run to their end")

    seen = {event["detail-type"] for event in running_relay.every_event()}
    missing = sorted(events.DETAILS.keys() - seen)

    assert not missing, f"the bus carried no {', '.join(missing)}"
