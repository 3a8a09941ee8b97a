"""A burst of new assets: how many requests to CMP each of them costs at either level."""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket, pytest.mark.long]

SENDERS = 8


# In full an asset costs a look of its own; a listing costs the less, the more assets share it.
@pytest.mark.parametrize(
    ("level", "assets", "most"), [("list", 1000, 0.02), ("full", 200, 1.05)], ids=["list", "full"]
)
def test_a_burst_of_new_assets_costs_so_many_requests(
    relay: Relay, capsys: pytest.CaptureFixture[str], level: str, assets: int, most: float
) -> None:
    ids = relay.cmp.add_assets([{"kind": "image"}] * assets)
    bodies = [relay.cmp.library_body("asset_added", asset_id) for asset_id in ids]
    relay.cmp.clear_requests()

    with relay.environment("on_library_asset", LIBRARY_DETAIL=level):
        with ThreadPoolExecutor(SENDERS) as senders:
            answers = list(
                senders.map(
                    lambda body: relay.post(json.dumps(body), secret=relay.stack.webhook_secret),
                    bodies,
                )
            )
        assert Counter(answer.status_code for answer in answers) == {202: assets}
        ended = [relay.ended(answer.json(), seconds=400) for answer in answers]

    assert Counter(job.outcome for jobs in ended for job in jobs) == {"applied": assets}
    asked = [one for one in relay.cmp.requests("/v3") if "/file-urls" not in one["path"]]
    with capsys.disabled():
        sys.stdout.write(f"\nlevel {level}: {len(asked) / assets:.3f} requests to CMP an asset\n")
    assert len(asked) / assets <= most
    table = relay.stack.boto("dynamodb")
    for asset_id in ids[:: assets // 20]:
        key = {"pk": {"S": f"ASSET#{asset_id}"}, "sk": {"S": "ASSET"}}
        item = table.get_item(TableName=relay.stack.env["CATALOGUE_TABLE"], Key=key)["Item"]
        assert item["library"]["S"] == "present"
        assert relay.document(item["details_key"]["S"])["level"] == level
