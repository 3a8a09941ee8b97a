"""Parameters explain themselves, take their defaults and refuse what would not work."""

import re

import pytest

from cmp_relay import folder_rules
from cmp_relay.origins import FileOrigins
from tests.template import processed

PARAMETERS = processed.parameters()
PATTERNS = [name for name, each in PARAMETERS.items() if "AllowedPattern" in each]

REFUSED = {
    "CmpApiOrigins": [
        "",
        "http://api.cmp.optimizely.com",
        "https://api.cmp.optimizely.com/",
        "https://api.cmp.optimizely.com/v3",
        "https://api.cmp.optimizely.com,",
        "https://api.cmp.optimizely.com, https://api.welcomesoftware.com",
        "https://user@api.cmp.optimizely.com",
        "https://*.optimizely.com",
        "https://api.cmp.optimizely.com?key=1",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "javascript:alert(1)",
        "api.cmp.optimizely.com",
    ],
    "CmpApiBase": [
        "",
        "http://api.cmp.optimizely.com/v3",
        "https://api.cmp.optimizely.com/v3?key=1",
        "https://api.cmp.optimizely.com/v3#top",
        "https://api.cmp.optimizely.com@example.com/v3",
        "https:///v3",
        "http://localhost@example.com/v3",
        "javascript:alert(1)",
    ],
    "CmpTokenUrl": [
        "",
        "http://accounts.cmp.optimizely.com/o/oauth2/v1/token",
        "https://accounts.cmp.optimizely.com",
        "https://accounts.cmp.optimizely.com/o/oauth2/v1/token?key=1",
        "https://accounts.cmp.optimizely.com@example.com/token",
        "https:///token",
        "http://localhost.example.com/token",
        "javascript:alert(1)",
    ],
    "CmpScope": ['read"', "back\\slash", "line\nbreak", "ü"],
    "AlarmTopicArn": [
        "alarms",
        "arn:aws:sqs:eu-west-1:123456789012:alarms",
        "arn:aws:sns:eu-west-1:1234:alarms",
        "arn:aws:sns:eu-west-1:123456789012:",
    ],
    "EnrichEvents": ["", "task,", "task, event", "task_*", "task;event"],
    "FileOrigins": [
        "",
        "http://images.cmp.optimizely.com",
        "https://images.cmp.optimizely.com/",
        "https://images.cmp.optimizely.com/path",
        "https://images.cmp.optimizely.com,",
        "https://images.cmp.optimizely.com, https://files.cmp.optimizely.com",
        "https://user@images.cmp.optimizely.com",
        "https://images.cmp.optimizely.com?key=1",
        "https://*",
        "https://*images.cmp.optimizely.com",
        "https://images.*.optimizely.com",
        "https://*.*.optimizely.com",
        "http://*.127.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "*.files.cmp.optimizely.com",
        "javascript:alert(1)",
    ],
    "FolderRules": [
        "kind=image",
        "website/images/",
        "kind=image website/images/",
        "kind=image => website/images/",
        "kind=image - > website/images/",
        "kind=image -> website/images/\nkind=video -> website/videos/",
    ],
    "ImageRepositoryBucket": [
        "ab",
        "Images",
        "my_images",
        "-images",
        "images-",
        "images/website",
        "s3://images",
        "arn:aws:s3:::images",
        "https://images.s3.amazonaws.com",
        "a" * 64,
    ],
    "PublicBaseUrl": [
        "http://files.example.com",
        "https://files.example.com/",
        "https://files.example.com/a/",
        "https://files.example.com?a=b",
        "https://files.example.com/a#b",
        "https://user@files.example.com",
        "javascript:alert(1)",
    ],
    "JiraBaseUrl": [
        "http://your-site.atlassian.net",
        "https://user@your-site.atlassian.net",
        "https://your-site.atlassian.net/a@b",
        "https://your-site.atlassian.net?a=b",
        "https://your-site.atlassian.net/#a",
        "your-site.atlassian.net",
        "javascript:alert(1)",
    ],
    "JiraProject": ["cmp", "1CMP", "CMP-1", "C", "CMP 1"],
    "JiraIssueType": ["", " Task", "Task ", "a" * 61],
    "JiraExternalSystem": ["", " Jira", "a" * 101],
    "JiraRejectedStatuses": [",", "Rejected,", "Rejected,,Declined", " Rejected", "a\nb"],
    "AwsEndpointUrl": ["localhost:4566", "http://localhost:4566/", "http://user@localhost"],
}
REFUSED["UploadOrigins"] = REFUSED["FileOrigins"]
ACCEPTED = {
    "CmpApiOrigins": [
        "http://127.0.0.1:8080",
        "http://localhost:8080,https://cmp.example.com:8443",
    ],
    "CmpApiBase": ["http://127.0.0.1:8080/v3", "https://cmp.example.com:8443/v3"],
    "CmpTokenUrl": ["http://127.0.0.1:8080/o/oauth2/v1/token", "http://localhost/token"],
    "CmpScope": ["read write", "openid"],
    "AlarmTopicArn": [
        "arn:aws:sns:eu-west-1:123456789012:alarms",
        "arn:aws-cn:sns:cn-north-1:123456789012:a",
    ],
    "EnrichEvents": ["none", "task_added,workflow_sub_step", "Milestone2"],
    "FileOrigins": [
        "https://*.files.example.com",
        "https://files.example.com:8443,https://*.files.example.com:8443",
        "http://127.0.0.1:8080",
        "http://localhost:8080,https://images.cmp.optimizely.com",
    ],
    "FolderRules": [
        "-> all/",
        'kind=image label="Review/Approved" when=published -> website/images/',
        "kind=video label=Rights/Web -> web/videos/; kind=video -> internal/videos/",
        "label='Größe; XL' -> large/",
    ],
    "ImageRepositoryBucket": ["images", "my.images-2", "a" * 63],
    "PublicBaseUrl": ["https://files.example.com", "https://files.example.com:8443/cmp/a"],
    "JiraBaseUrl": [
        "https://your-site.atlassian.net",
        "https://api.atlassian.com/ex/jira/11223344-a1b2-3b33-c444-def123456789",
        "http://127.0.0.1:8080",
    ],
    "JiraProject": ["CMP", "A1", "MY_PROJECT"],
    "JiraIssueType": ["Task", "Legal review", "T"],
    "JiraExternalSystem": ["Jira", "Legal review (Jira)"],
    "JiraRejectedStatuses": ["", "Rejected", "Won't Do, Duplicate", "Abgelehnt,Zurückgezogen"],
    "AwsEndpointUrl": ["http://localhost:4566", "http://127.0.0.1:4566"],
}
ACCEPTED["UploadOrigins"] = ACCEPTED["FileOrigins"]


def _pairs(values: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, each in values.items() for value in each]


def _takes(name: str, value: str) -> bool:
    return re.fullmatch(PARAMETERS[name]["AllowedPattern"], value) is not None


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_explains_itself(name: str) -> None:
    assert PARAMETERS[name]["Description"].endswith((".", ")"))


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_validated(name: str) -> None:
    assert PARAMETERS[name].keys() & {"AllowedPattern", "AllowedValues", "MinValue"}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_default_is_taken(name: str) -> None:
    parameter = PARAMETERS[name]
    default = parameter["Default"]

    assert default in parameter.get("AllowedValues", [default])
    assert parameter.get("MinValue", default) <= default <= parameter.get("MaxValue", default)
    assert "AllowedPattern" not in parameter or _takes(name, default)


def test_every_pattern_is_tried() -> None:
    assert set(PATTERNS) == REFUSED.keys() == ACCEPTED.keys()


@pytest.mark.parametrize(("name", "value"), _pairs(REFUSED))
def test_a_pattern_refuses_what_would_not_work(name: str, value: str) -> None:
    assert not _takes(name, value)


@pytest.mark.parametrize(("name", "value"), _pairs(ACCEPTED))
def test_a_pattern_takes_what_works(name: str, value: str) -> None:
    assert _takes(name, value)


def test_what_the_pattern_of_file_origins_takes_can_be_read() -> None:
    for value in [PARAMETERS["FileOrigins"]["Default"], *ACCEPTED["FileOrigins"]]:
        assert isinstance(FileOrigins.parse(value.split(",")), FileOrigins), value


def test_what_the_pattern_of_folder_rules_takes_can_be_read() -> None:
    for value in ACCEPTED["FolderRules"]:
        assert folder_rules.parse(value), value


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_that_refuses_says_what_it_wants(name: str) -> None:
    assert PARAMETERS[name]["ConstraintDescription"]


def test_the_archive_outlives_every_dead_letter() -> None:
    assert PARAMETERS["ArchiveRetentionDays"]["MinValue"] >= 18


def test_every_parameter_is_asked_for_in_a_group() -> None:
    groups = processed.interface()["ParameterGroups"]

    asked = [name for group in groups for name in group["Parameters"]]
    assert sorted(asked) == sorted(PARAMETERS)
