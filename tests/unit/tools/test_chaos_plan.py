"""The plan of a chaos run: repeatable, complete, and unambiguous about what is true in the end."""

from dataclasses import replace

import pytest

from tools.chaos import injections, lives, plan, troubles, truth
from tools.chaos.plan import Act, Asset, Life

SEEDS = (1, 2, 3)
ASSET = Asset("a", "image")


def act(event_name: plan.EventName, event: str | None = None, **changes: object) -> Act:
    return replace(Act(0.0, event_name, (0.0,), event), **changes)  # type: ignore[arg-type]


def expected(*acts: Act, **changes: object) -> truth.Expected:
    life = replace(Life("story", (ASSET,), acts), **changes)  # type: ignore[arg-type]
    return truth.of(life, acts)[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_makes_the_same_plan_and_another_one_another(seed: int) -> None:
    first, again = (lives.draw(seed, assets=60, deliveries=300) for _ in range(2))

    assert first == again
    assert first != lives.draw(seed + 1, assets=60, deliveries=300)
    assert troubles.draw(seed, [ASSET], [ASSET]) == troubles.draw(seed, [ASSET], [ASSET])
    assert troubles.draw(seed, [ASSET], [ASSET]) != troubles.draw(seed + 1, [ASSET], [ASSET])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_has_the_assets_the_deliveries_and_every_story(seed: int) -> None:
    drawn = lives.draw(seed, assets=60, deliveries=300)

    assert sum(len(life.assets) for life in drawn) == 60
    assert len({asset.id for life in drawn for asset in life.assets}) == 60
    assert 300 <= sum(life.deliveries for life in drawn) <= 320
    assert {life.story for life in drawn} == {*lives.STORIES, "poisoned"}
    assert any(len(one.offsets) > 1 for life in drawn for one in life.acts), "duplicates"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_has_private_and_large_files_and_changes_of_files_and_labels(seed: int) -> None:
    drawn = lives.draw(seed, assets=60, deliveries=300)

    stories = [life for life in drawn if life.story in lives.DOWNLOADED]
    assets = [asset for life in stories for asset in life.assets]
    assert any(one.is_private for one in assets)
    assert len([one for one in assets if one.is_a_file and not one.is_private]) > 3
    assert [one.kind for one in assets if one.size] == ["video"]
    acts = [act for life in drawn for act in life.acts]
    assert {act.uploads for act in acts if act.changes} == {True, False}
    assert {act.labelled for act in acts} == {True, False, None}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_of_trouble_happens_at_least_once(seed: int) -> None:
    drawn = troubles.draw(seed, [ASSET], [ASSET])

    assert [one.at for one in drawn] == sorted(one.at for one in drawn)
    assert {type(one) for one in drawn} == set(plan.Trouble.__args__)
    cmp_faults = [one for one in drawn if isinstance(one, plan.CmpFault)]
    assert {one.retry_after is None for one in cmp_faults if one.status == 429} == {True, False}
    assert {one.kind for one in cmp_faults} >= {"status", "timeout", "malformed", "redirect"}
    services = {one.fault.service for one in drawn if isinstance(one, plan.AwsTrouble)}
    assert services >= {"sqs", "dynamodb", "s3", "s3 files", "secretsmanager", "events"}
    file_faults = {one.kind for one in drawn if isinstance(one, plan.FileFault)}
    assert file_faults == {"status", "truncated", "slow", "length", "type", "redirect"}
    assert len(injections.promised(drawn)) > 45
    moments = {one.fault.moment for one in drawn if isinstance(one, plan.AwsTrouble)}
    assert moments == {"before", "after"}


def test_an_asset_is_published_as_long_as_one_publication_is_open() -> None:
    published = act("asset_published", "1")
    synced = act("asset_synced", "1", changes=True)

    assert expected(published, synced).open_events == {"1"}
    assert expected(published, act("asset_unpublished", "1")).published is False
    other = act("asset_published", "2", channel="print")
    assert expected(published, other, act("asset_unpublished", "1")).open_events == {"2"}


def test_an_unpublish_with_an_id_of_its_own_ends_all_of_its_channel() -> None:
    web = {"channel": "website"}
    acts = [act("asset_published", "1", **web), act("asset_published", "2", channel="print")]

    ended = expected(*acts, act("asset_unpublished", "end", **web))

    assert ended.open_events == {"2"}


def test_details_are_current_only_if_the_last_change_was_announced_for_good() -> None:
    changed = act("asset_synced", "1", changes=True)
    withdrawn = act("asset_unpublished", "1")

    assert expected(act("asset_published", "1"), changed).is_current is True
    assert expected(act("asset_published", "1"), changed, withdrawn).is_current is False
    assert expected(changed, withdrawn, act("asset_modified")).is_current is True


def test_an_asset_is_where_it_was_moved_last() -> None:
    removed = act("asset_removed", place="deleted")

    assert expected(act("asset_added"), removed).in_library is False
    assert expected(removed, act("asset_added", place="library")).in_library is True
