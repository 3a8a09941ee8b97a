"""The rotation of the webhook's secret: when the old one may go, and what a command may write."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from cmp_relay import times
from cmp_relay.errors import ForbiddenError, UnavailableError
from cmp_relay.verification import Secrets, verify
from cmp_relay_cli import cmp, moments, rotation, rotation_commands, webhook_secret
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.output import Output
from cmp_relay_cli.registration import Registered
from cmp_relay_cli.rotation import DAY, RETRY_DAYS, Evidence
from cmp_relay_cli.session import Session
from cmp_relay_cli.stack import Choice, Stack
from tests.support.killer import Killer, ProcessKilled

URL = "https://api.example/webhooks/cmp"
OLD = "the-old-one-of-before"
NOW = 1_763_726_400_000


def registered(secret: str | None) -> Registered:
    return Registered("relay", "default", frozenset(), secret)


QUIET = Evidence(
    since=NOW - 4 * DAY,
    old=["accepted-1"],
    shown={"current": NOW - 60_000},
    webhooks=[registered("current")],
)


def left(evidence: Evidence, days: float = RETRY_DAYS) -> list[str]:
    return [*rotation.obstacles(evidence, NOW, days)]


class TestTheVerdict:
    def test_the_old_one_may_go_after_three_days_without_it(self) -> None:
        assert left(QUIET) == []

    @pytest.mark.parametrize(
        ("changed", "why"),
        [
            ({"webhooks": [registered("accepted-1")]}, "relay still sends accepted-1"),
            ({"webhooks": [registered("current"), registered(None)]}, "none of ours"),
            ({"shown": {"accepted-1": NOW - 2 * DAY, "current": NOW}}, "still showed accepted-1"),
            ({"since": NOW - 2 * DAY}, "may be retried until 2025-11-22"),
            ({"webhooks": None, "failure": "unavailable"}, "(unavailable)"),
            ({"unmeasured": {"accepted-1": "InternalError"}}, "still show accepted-1 (InternalE"),
            (
                {"webhooks": [], "shown": {}, "unmeasured": {"current": "Forbidden"}},
                "show the new secret (Forbidden)",
            ),
            ({"webhooks": [], "shown": {}}, "has shown the new secret"),
            ({"webhooks": None, "shown": {}}, "has shown the new secret"),
        ],
    )
    def test_it_is_needed_still_and_the_reason_is_named(
        self, changed: dict[str, Any], why: str
    ) -> None:
        (reason,) = left(replace(QUIET, **changed))

        assert why in reason

    def test_silence_is_no_proof_but_a_registered_webhook_with_the_new_one_is(self) -> None:
        silent = replace(QUIET, shown={})

        assert left(silent) == []
        assert len(left(replace(silent, webhooks=[]))) == 1

    def test_deliveries_are_proof_where_cmp_does_not_show_its_settings(self) -> None:
        assert left(replace(QUIET, webhooks=None)) == []

    def test_who_knows_a_channel_that_publishes_seldom_can_wait_longer(self) -> None:
        weekly = replace(QUIET, since=NOW - 20 * DAY, shown={"accepted-1": NOW - 7 * DAY})

        assert left(weekly) == []
        assert "still showed accepted-1" in left(weekly, 14)[0]

    @given(
        ages=st.dictionaries(st.sampled_from(["accepted-1", "accepted-2"]), st.integers(0, 9 * DAY))
    )
    def test_none_may_go_while_any_of_them_was_shown_within_the_time(
        self, ages: dict[str, int]
    ) -> None:
        shown = {"current": NOW, **{name: NOW - age for name, age in ages.items()}}
        evidence = replace(QUIET, old=["accepted-1", "accepted-2"], shown=shown)

        fresh = [name for name, age in ages.items() if age < RETRY_DAYS * DAY]

        assert len(left(evidence)) == len(fresh)


def test_a_new_secret_is_as_cmp_takes_it() -> None:
    made = {rotation.generate() for _ in range(100)}

    assert len(made) == 100
    assert all(len(each) == 32 and each.isalnum() and each.isascii() for each in made)


class OwnSession(Session):
    """A session whose stack is there already."""

    def __init__(self, stack: Stack, *, as_json: bool) -> None:
        super().__init__(Choice(), Output(as_json))
        self._stack = stack

    def stack(self) -> Stack:
        return self._stack


class World:
    """A stack in moto whose webhook has a secret, and what CMP's settings say."""

    def __init__(self, stack: Stack) -> None:
        content = json.dumps({"current": OLD, "accepted": [""], "note": "kept"})
        made = stack.secrets.create_secret(Name="webhook", SecretString=content)
        outputs = {**stack.outputs, "WebhookSecretArn": made["ARN"], "WebhookUrl": URL}
        self.stack = replace(stack, outputs=outputs)
        self.answer: Callable[[], dict[str, Any]] = lambda: self.sending(OLD)

    def sending(self, secret: str) -> dict[str, Any]:
        webhook = {"name": "relay", "callback_url": URL, "secret": secret, "event_names": []}
        return {"resources": {"webhooks": [webhook]}}

    @contextmanager
    def connected(self, _: Stack) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(settings=SimpleNamespace(get=self.answer))

    def content(self) -> Any:  # noqa: ANN401 - any JSON
        return webhook_secret.read(self.stack).content

    def store(self, content: object) -> None:
        self.stack.secrets.put_secret_value(
            SecretId=self.stack.outputs["WebhookSecretArn"], SecretString=json.dumps(content)
        )

    def versions(self) -> int:
        answer = self.stack.secrets.list_secret_version_ids(
            SecretId=self.stack.outputs["WebhookSecretArn"], IncludeDeprecated=True
        )
        return len(answer["Versions"])

    def shown(self, name: str, at: int) -> None:
        self.stack.cloudwatch.put_metric_data(
            Namespace="CmpRelay",
            MetricData=[
                {
                    "MetricName": "SecretMatched",
                    "Dimensions": [
                        {"Name": "service", "Value": self.stack.name},
                        {"Name": "secret", "Value": name},
                    ],
                    "Timestamp": times.moment(at),
                    "Value": 1,
                }
            ],
        )

    def run(self, *words: str, as_json: bool = True) -> Result:
        session = OwnSession(self.stack, as_json=as_json)
        return CliRunner().invoke(rotation_commands.app, [*words], obj=session)

    def json(self, *words: str) -> Any:  # noqa: ANN401 - any JSON
        ended = self.run(*words)
        assert ended.exit_code == 0, ended.exception
        return json.loads(ended.stdout)

    def complaint(self, *words: str) -> str:
        ended = self.run(*words)
        assert isinstance(ended.exception, OperatorError), ended.output
        return str(ended.exception)


@pytest.fixture
def world(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(stack)
    monkeypatch.setattr(cmp, "connected", made.connected)
    return made


def days_later(monkeypatch: pytest.MonkeyPatch, days: float) -> int:
    later = moments.now() + int(days * DAY)
    monkeypatch.setattr(moments, "now", lambda: later)
    return later


def test_the_receiver_takes_both_once_a_rotation_has_begun(world: World) -> None:
    begun = world.json("start", "--show", "--yes")

    new = begun["secret"]
    secrets = Secrets.of(json.dumps(dict(world.content())))
    assert [verify([each], secrets) for each in (new, OLD)] == ["current", "accepted-1"]
    assert world.content() == {"current": new, "accepted": [OLD], "note": "kept"}
    assert begun["accepted"] == ["current", "accepted-1"]
    assert "three days after CMP and its channels got the new one" in begun["next"][-1]


def test_the_secret_is_told_only_to_who_asks_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    begun = world.run("start", "--yes", as_json=False)
    state = world.run("status")
    shown = world.run("status", as_json=False)

    assert begun.exit_code == state.exit_code == shown.exit_code == 0
    assert sum(slept) > 60
    told = begun.output + state.output + shown.output
    assert world.content()["current"] not in told
    assert OLD not in told
    assert "aws secretsmanager get-secret-value --secret-id arn:" in begun.output


def test_the_command_that_shows_it_asks_where_and_as_who_we_do(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "config"
    file.write_text('[profile "our own"]\nregion = eu-west-1\n')
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    own = replace(world.stack, session=boto3.Session(profile_name="our own"))
    local = replace(world.stack, endpoint="http://127.0.0.1:4566")

    plain, named, at_home = (webhook_secret.command(each) for each in (world.stack, own, local))

    arn = world.stack.outputs["WebhookSecretArn"]
    words = ("aws", "secretsmanager", "get-secret-value", "--secret-id", arn)
    assert plain == f"{' '.join(words)} --query SecretString --output text --region eu-west-1"
    assert named == plain.replace(" --region", " --profile 'our own' --region")
    assert at_home == f"{plain} --endpoint-url http://127.0.0.1:4566"


def test_a_person_is_shown_the_secret_who_has_to_paste_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)

    begun = world.run("start", "--yes", "--show", as_json=False)

    assert f"new secret: {world.content()['current']}" in begun.output


def test_a_dry_run_and_a_question_without_an_answer_write_nothing(world: World) -> None:
    assert world.json("start", "--dry-run") == {"dry_run": True, "accepted": ["current"]}
    assert "Nothing was changed" in world.run("start", "--dry-run", as_json=False).output
    asked = world.run("start")

    assert isinstance(asked.exception, UsageError)
    assert world.versions() == 1


def test_no_second_rotation_begins_while_one_is_under_way(world: World) -> None:
    world.json("start", "--yes")
    content = world.content()

    assert "under way since 20" in world.complaint("start", "--yes")
    assert world.content() == content


def test_the_old_one_goes_once_nobody_shows_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = world.json("start", "--show", "--yes")["secret"]
    assert "relay still sends accepted-1" in world.complaint("finish", "--yes")
    world.answer = lambda: world.sending(new)
    assert "may be retried until" in world.complaint("finish", "--yes")

    later = days_later(monkeypatch, 4)
    world.shown("accepted-1", later - DAY)
    assert "still showed accepted-1" in world.complaint("finish", "--yes")
    days_later(monkeypatch, 3)
    state = world.run("status", as_json=False)
    dry = world.json("finish", "--dry-run")
    shown = world.run("finish", "--dry-run", as_json=False)
    assert world.content()["accepted"] == [OLD]
    assert world.run("finish", "--yes", as_json=False).exit_code == 0

    assert "finish` may drop" in state.output
    assert (dry["dropped"], dry["forced"]) == ([], False)
    assert "Nothing was changed" in shown.output
    assert world.content() == {"current": new, "accepted": [], "note": "kept"}
    assert "no rotation is under way" in world.complaint("finish", "--yes")


def test_a_webhook_that_sends_the_secret_in_its_url_lets_a_rotation_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = world.json("start", "--show", "--yes")["secret"]
    row = {"name": "relay", "callback_url": f"{URL}?key={new}", "secret": "", "event_names": []}
    world.answer = lambda: {"resources": {"webhooks": [row]}}
    days_later(monkeypatch, 4)

    assert "none of ours" in world.complaint("finish", "--yes")
    parameters = {**world.stack.parameters, "AllowUrlSecret": "true"}
    world.stack = replace(world.stack, parameters=parameters)

    assert world.json("finish", "--yes")["dropped"] == ["accepted-1"]


def test_the_state_names_who_shows_what_and_since_when(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, idle = world.json("status"), world.run("status", as_json=False).output
    world.json("start", "--yes")
    later = days_later(monkeypatch, 1)
    world.shown("accepted-1", later - DAY // 2)
    world.shown("current", later - DAY // 4)

    state = world.json("status")
    shown = world.run("status", as_json=False).output

    assert "none under way" in idle
    assert (before["under_way"], before["safe_to_finish"]) == (False, False)
    assert before["webhooks"] == [{"name": "relay", "channel": "default", "secret": "current"}]
    assert state["accepted"] == ["current", "accepted-1"]
    assert state["webhooks"] == [{"name": "relay", "channel": "default", "secret": "accepted-1"}]
    last = {name: times.read(at) or 0 for name, at in state["deliveries"].items()}
    assert 0 <= last["accepted-1"] - (later - DAY // 2) <= 300_000
    assert 0 <= last["current"] - (later - DAY // 4) <= 300_000
    assert (state["under_way"], state["safe_to_finish"]) == (True, False)
    assert len(state["obstacles"]) == 3
    assert "accepted-1" in shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(30, False), (600, False), (1300, True)], ids=["read", "moved", "known"]
)
def test_what_was_called_current_before_all_receivers_knew_is_no_proof(
    world: World, seconds: int, shown: bool
) -> None:
    world.json("start", "--yes")
    world.answer = lambda: {"resources": {"webhooks": []}}
    stored = webhook_secret.read(world.stack)
    world.shown("current", stored.written_at + seconds * 1000)

    evidence = rotation.examine(world.stack, stored, stored.written_at + DAY)

    assert ("current" in evidence.shown) is shown


def test_that_cloudwatch_does_not_tell_is_not_taken_for_silence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = world.json("start", "--show", "--yes")["secret"]
    world.answer = lambda: world.sending(new)
    days_later(monkeypatch, 4)
    lost = {"Timestamps": [], "Values": [], "StatusCode": "InternalError"}
    results = [{"Id": f"m{number}", "Label": "secret", **lost} for number in range(2)]
    with Stubber(world.stack.cloudwatch) as stub:
        for _ in range(3):
            stub.add_response("get_metric_data", {"MetricDataResults": results})

        told = world.complaint("finish", "--yes")
        state, shown = world.json("status"), world.run("status", as_json=False).output

    assert "does not tell whether deliveries still show accepted-1 (InternalError)" in told
    assert world.content()["accepted"] == [OLD]
    assert (state["unmeasured"], state["safe_to_finish"]) == (["accepted-1", "current"], False)
    assert shown.count("not known") == 2
    assert "by none" not in shown


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"resources": {}},
        {"resources": {"webhooks_v2": [{"callback_url": URL, "secret": OLD}]}},
        {"resources": {"webhooks": {"relay": {"callback_url": URL, "secret": OLD}}}},
        {"resources": {"webhooks": [{"url": URL, "secret": OLD}]}},
    ],
)
def test_settings_of_another_shape_are_not_taken_for_no_webhooks(
    world: World, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    world.json("start", "--yes")
    later = days_later(monkeypatch, 4)
    world.shown("current", later - DAY)
    world.answer = lambda: settings

    told = world.complaint("finish", "--yes")

    assert "(settings of a shape that we do not know)" in told
    assert world.content()["accepted"] == [OLD]


def test_deliveries_alone_tell_where_cmp_has_no_webhook_but_channels(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.json("start", "--yes")
    later = days_later(monkeypatch, 4)
    world.shown("current", later - DAY)
    world.answer = lambda: {"resources": {"webhooks": []}}

    assert world.json("finish", "--yes")["dropped"] == ["accepted-1"]


def test_without_the_right_to_see_settings_deliveries_tell(world: World) -> None:
    def forbidden() -> dict[str, Any]:
        raise ForbiddenError("GET /settings: 403")

    world.answer = forbidden
    world.json("start", "--yes")

    state = world.json("status")

    assert state["webhooks"] is None
    assert not any("CMP does not show" in each for each in state["obstacles"])
    assert "only deliveries tell" in world.run("status", as_json=False).output


def test_a_leaked_secret_goes_at_once_though_cmp_does_not_answer(world: World) -> None:
    def silent() -> dict[str, Any]:
        raise UnavailableError("GET /settings: 503")

    world.json("start", "--yes")
    world.answer = silent

    assert "does not show which secret" in world.complaint("finish", "--yes")
    asked = world.run("finish", "--force")
    assert "refused, and lost" in str(asked.exception)
    assert world.content()["accepted"] == [OLD]
    done = world.json("finish", "--force", "--yes")

    assert (done["dropped"], done["forced"]) == (["accepted-1"], True)
    assert world.content()["accepted"] == []


def test_what_somebody_else_writes_meanwhile_is_not_overwritten(world: World) -> None:
    before = webhook_secret.read(world.stack)
    theirs = {"current": "theirs", "accepted": [OLD]}
    world.store(theirs)

    with pytest.raises(OperatorError, match="somebody else"):
        rotation.begin(world.stack, before)

    assert world.content() == theirs


def test_receivers_know_the_secret_so_long_after_it_became_current(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.stack.secrets.update_secret_version_stage

    def late(**words: Any) -> Any:  # noqa: ANN401 - as boto takes and returns them
        days_later(monkeypatch, 0.01)
        return real(**words)

    monkeypatch.setattr(world.stack.secrets, "update_secret_version_stage", late)

    begun = world.json("start", "--yes")

    known_from = times.read(begun["known_from"])
    assert known_from == moments.now() + rotation.SPREAD_SECONDS * 1000


class Lost:
    """Moves the label, and loses the answer as these failures do."""

    def __init__(self, world: World, *failures: Exception) -> None:
        self.stack, self.failures = world.stack, failures
        self.real = world.stack.secrets.update_secret_version_stage

    def __call__(self, **words: Any) -> None:  # noqa: ANN401 - as boto takes them
        self.real(**words)
        for failure in self.failures:
            raise failure
        self.real(**words)


@pytest.mark.parametrize(
    "failures",
    [
        (),
        (ReadTimeoutError(endpoint_url="https://secrets.example"),),
        (ClientError({"Error": {"Code": "InternalServiceError"}}, "UpdateSecretVersionStage"),),
    ],
    ids=["retried", "timed out", "failed"],
)
def test_an_answer_that_was_lost_is_no_failure(
    world: World, monkeypatch: pytest.MonkeyPatch, failures: tuple[Exception, ...]
) -> None:
    lost = Lost(world, *failures)
    monkeypatch.setattr(world.stack.secrets, "update_secret_version_stage", lost)

    after = rotation.begin(world.stack, webhook_secret.read(world.stack))

    assert world.content() == after.content
    assert world.content()["accepted"] == [OLD]
    assert after.version == webhook_secret.read(world.stack).version


def test_that_nobody_knows_whether_it_was_changed_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, real = Lost(world), world.stack.secrets.get_secret_value
    reads = iter([real])
    monkeypatch.setattr(world.stack.secrets, "update_secret_version_stage", lost)

    def once(**words: Any) -> Any:  # noqa: ANN401 - as boto takes and returns them
        for read in reads:
            return read(**words)
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetSecretValue")

    with monkeypatch.context() as patch:
        patch.setattr(world.stack.secrets, "get_secret_value", once)
        told = world.complaint("start", "--yes")

    assert "not known whether the secret was changed" in told
    assert "`cmp-relay rotate-secret status`" in told
    assert world.json("status")["under_way"]


def test_a_rotation_that_has_begun_is_told_without_reading_the_secret_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [webhook_secret.read(world.stack)]
    with monkeypatch.context() as patch:
        patch.setattr(webhook_secret, "read", lambda _: left.pop())

        begun = world.json("start", "--show", "--yes")

    assert begun["secret"] == world.content()["current"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_it_is_killed_the_old_one_is_accepted_and_repeating_ends_it(
    world: World, after: bool
) -> None:
    killer = Killer()
    killer.watch(world.stack.secrets)
    for call in range(100):
        killer.kill_at(call, after=after)
        try:
            rotation.begin(world.stack, webhook_secret.read(world.stack))
            was_killed = False
        except ProcessKilled:
            was_killed = True
        killer.spare()

        assert OLD in webhook_secret.read(world.stack).values
        if not was_killed:
            break
    assert not was_killed
    assert call >= 3


def test_who_may_not_move_the_label_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:  # noqa: ANN401 - as boto takes them
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "UpdateSecretVersionStage")

    monkeypatch.setattr(world.stack.secrets, "update_secret_version_stage", refuse)

    with pytest.raises(ClientError, match="UpdateSecretVersionStage"):
        rotation.begin(world.stack, webhook_secret.read(world.stack))

    assert world.content()["current"] == OLD


def test_the_only_secret_is_never_dropped(world: World) -> None:
    world.store({"current": "", "accepted": [OLD]})

    assert "no rotation is under way" in world.complaint("finish", "--force", "--yes")
    state = world.json("status")
    assert (state["accepted"], state["under_way"]) == (["accepted-1"], False)
    assert world.content()["accepted"] == [OLD]

    begun = world.json("start", "--show", "--yes")

    assert world.content() == {"current": begun["secret"], "accepted": [OLD]}
    assert world.json("status")["under_way"]


def test_a_secret_that_nobody_can_read_is_left_alone(world: World) -> None:
    world.store([OLD])

    told = world.complaint("start", "--yes")

    assert "cannot be read" in told
    assert OLD not in told


def test_the_group_alone_explains_itself() -> None:
    ended = CliRunner().invoke(rotation_commands.app, [])

    assert "without losing a delivery" in ended.output
    assert {"start", "status", "finish"} <= set(ended.output.split())
