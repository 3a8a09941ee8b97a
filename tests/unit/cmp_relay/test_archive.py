import json

from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import archive
from cmp_relay.deliveries import Receipt

RECEIPT = Receipt("id", 1_700_000_000_000, "default", "deliveries/2023/11/14/id.json")


class Objects:
    """One object."""

    def put_object(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        self.written = (bucket, key, content_type)
        self.body = body


def test_deliveries_are_filed_by_their_day_in_utc() -> None:
    assert archive.key("id", 1_700_006_399_999) == "deliveries/2023/11/14/id.json"
    assert archive.key("id", 1_700_006_400_000) == "deliveries/2023/11/15/id.json"


@given(st.binary() | st.text().map(str.encode))
def test_what_was_sent_can_be_read_back_byte_for_byte(raw: bytes) -> None:
    objects = Objects()

    archived = archive.document(RECEIPT, raw, request_id="r", headers={"a": "b"})
    archive.store(objects, "archive", RECEIPT, archived)

    document = json.loads(objects.body)
    assert archive.raw_body(document) == raw
    assert document["headers"] == {"a": "b"}
    assert objects.written == ("archive", RECEIPT.archive_key, "application/json")


def test_headers_that_authenticate_are_left_out() -> None:
    headers = {"cookie": "a", "x-any": "has the secret inside", "accept": "*/*"}

    kept = archive.harmless(headers, lambda value: "secret" in value)

    assert kept == {"accept": "*/*"}
