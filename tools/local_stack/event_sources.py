"""The event source mappings, whose concurrency MiniStack keeps as the text of a parameter.

CloudFormation turns `MaximumConcurrency: !Ref Parameter` into a number; MiniStack does not, and its
poller then fails on every queue. On AWS this file has no counterpart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.local_stack.aws import Aws


def mend_concurrency(aws: Aws) -> None:
    """Give every mapping its maximum concurrency as a number."""
    pages = aws("lambda").get_paginator("list_event_source_mappings").paginate()
    for mapping in (each for page in pages for each in page["EventSourceMappings"]):
        limit = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        if limit is not None:  # boto3 has made a number of it either way
            aws("lambda").update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": limit}
            )
