"""The samples, the routing and the model of a job agree with each other, in both directions."""

import json

import pytest

from cmp_relay import deliveries, pointers, routing
from cmp_relay.deliveries import Receipt
from cmp_relay.jobs import PublishJob, read_library_job, read_publish_job
from tests.support import samples

EVENTS = {
    *("asset_added", "asset_removed", "asset_modified", "asset_renditions_created"),
    *("task_added", "task_removed", "task_metadata_modified", "task_custom_field_modified"),
    *("task_brief_added", "task_brief_removed", "task_brief_modified"),
    *("task_asset_added", "task_asset_removed", "task_asset_modified"),
    *("task_asset_draft_added", "task_asset_draft_removed"),
    *("content_preview_requested", "workflow_sub_step_updated"),
    *(f"workflow_sub_step_comment_{what}" for what in ("added", "modified", "removed")),
    *("campaign_added", "campaign_metadata_modified"),
    *(f"campaign_brief_{what}" for what in ("added", "modified", "removed")),
    *("work_request_added", "work_request_modified", "work_request_removed"),
    *(f"work_request_comment_{what}" for what in ("added", "modified", "removed")),
    *(f"external_sub_step_{what}" for what in ("started", "completed", "modified")),
    *(f"external_sub_step_comment_{what}" for what in ("added", "modified", "removed")),
    *("event_added", "event_modified"),
    *("asset_published", "asset_synced", "asset_unpublished"),
}
"""Every event that Optimizely's event reference or its user interface names (facts.md, 2)."""
RECEIPT = Receipt("4b8f", 1_700_000_000_000, "default", "deliveries/2023/11/14/4b8f.json")


def jobs_of(name: str) -> list[PublishJob]:
    split = deliveries.split(deliveries.read(samples.raw(name)), RECEIPT)
    assert not split.problems
    return [read_publish_job(json.dumps(job)) for job in split.jobs]


def test_there_is_a_sample_of_each_event_that_cmp_names_and_of_no_other() -> None:
    assert len(EVENTS) == 43
    assert {name.removesuffix(".old") for name in samples.names()} == EVENTS


@pytest.mark.parametrize("name", samples.names())
def test_every_sample_is_named_after_its_event_and_makes_jobs_without_problems(name: str) -> None:
    delivery = deliveries.read(samples.raw(name))

    split = deliveries.split(delivery, RECEIPT)

    assert delivery.event_name == name.removesuffix(".old")
    assert split.jobs
    assert not split.problems


@pytest.mark.parametrize("spelling", routing.SPELLINGS)
def test_every_misspelling_of_cmp_has_a_sample(spelling: str) -> None:
    spelt = {samples.sample(name)["event_name"] for name in samples.names()}

    assert spelling in spelt


@pytest.mark.parametrize("name", samples.publish_names())
def test_every_sample_splits_into_publish_jobs(name: str) -> None:
    event_name = name.removesuffix(".old")

    jobs = jobs_of(name)

    kinds = {"article", "image", "raw_file", "video"}
    assert {job.asset.type for job in jobs} - {"structured_content"} == kinds
    assert {job.event_name for job in jobs} == {event_name}
    assert [job.job_id for job in jobs] == [f"4b8f.{n}" for n in range(len(jobs))]


@pytest.mark.parametrize("name", samples.publish_names())
def test_every_job_points_at_its_own_entry_and_keeps_its_links(name: str) -> None:
    document = samples.sample(name)

    for job in jobs_of(name):
        entry = pointers.resolve(document, job.entry)
        assert (entry["id"], entry["links"]["self"]) == (job.asset.id, job.asset.href)
        links = document["data"]["publishing_event"]["links"]
        assert job.publishing_event.href == links["self"]
        assert job.publishing_event.metadata_href == links["publishing_metadata"]
        assert job.organization_id == "5d75447b7f1c1c000957d362"


@pytest.mark.parametrize("generation", ["", ".old"])
def test_there_is_a_sample_of_each_publish_event_in_both_generations(generation: str) -> None:
    assert {f"{name}{generation}" for name in routing.PUBLISH_ROUTES} <= set(samples.names())


def test_the_generations_name_the_same_assets() -> None:
    for name in routing.PUBLISH_ROUTES:
        current = {job.asset.id for job in jobs_of(name) if job.asset.type != "structured_content"}
        assert current == {job.asset.id for job in jobs_of(f"{name}.old")}


@pytest.mark.parametrize("name", samples.library_names())
def test_every_sample_of_the_library_is_one_job_with_nothing_but_ids(name: str) -> None:
    split = deliveries.split(deliveries.read(samples.raw(name)), RECEIPT)

    (job,) = [read_library_job(json.dumps(each)) for each in split.jobs]
    entry = pointers.resolve(samples.sample(name), job.entry or "")
    assert (entry["id"], entry["type"]) == (job.asset.id, job.asset.type)
    assert entry.get("links", {}).get("self") == job.asset.href
    assert entry["owner_organization_id"] == job.organization_id
    assert (job.event_name, job.asset.entry_hash) == (name, None)


def test_only_a_published_delivery_says_what_it_was_triggered_from() -> None:
    source = jobs_of("asset_published")[0].triggered_from

    assert source is not None
    assert (source.id, source.source_type) == ("62a80bcb3b162c1c47a72fcb", "task")
    assert jobs_of("asset_synced")[0].triggered_from is None
