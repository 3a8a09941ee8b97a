"""Each role holds exactly what its function's code uses, read on the processed template."""

import pytest

from tests.template import processed
from tests.template.processed import Grant

ROLES = processed.of_type("AWS::IAM::Role")
READING = {"dynamodb:GetItem", "dynamodb:BatchGetItem"}


def _every_function(name: str) -> set[Grant]:
    """What Lambda itself needs to write the log and the trace; X-Ray takes no resource."""
    return {
        Grant("logs:CreateLogStream", f"{name}LogGroup"),
        Grant("logs:PutLogEvents", f"{name}LogGroup"),
        Grant("xray:PutTelemetryRecords", "*"),
        Grant("xray:PutTraceSegments", "*"),
    }


def _queue_worker(name: str) -> set[Grant]:
    queue = name.removeprefix("On").removeprefix("Run")
    return _every_function(name) | {
        Grant("sqs:ReceiveMessage", f"{queue}Queue"),  # the event source mapping
        Grant("sqs:DeleteMessage", f"{queue}Queue"),  # the event source mapping
        Grant("sqs:GetQueueAttributes", f"{queue}Queue"),  # the event source mapping
        Grant("sqs:ChangeMessageVisibility", f"{queue}Queue"),  # worker._come_back
        Grant("sqs:SendMessage", f"{queue}DeadLetterQueue"),  # dead_letters.send
        Grant("dynamodb:UpdateItem", "CatalogueTable"),  # leases, outcomes, catalogue.confirm
        Grant("dynamodb:DeleteItem", "CatalogueTable"),  # leases.release
        Grant("events:PutEvents", "EventBus"),  # bus.put
    }


def _worker(name: str) -> set[Grant]:
    return _queue_worker(name) | {
        Grant("dynamodb:Query", "CatalogueTable"),  # catalogue.read
        Grant("dynamodb:PutItem", "CatalogueTable"),  # catalogue.write, in a transaction
    }


def _record_worker(name: str) -> set[Grant]:
    return _worker(name) | {
        Grant("sqs:SendMessage", "AssetFileQueue"),  # file_queue.ask
    }


def _library_worker(name: str) -> set[Grant]:
    return _record_worker(name) | {
        Grant("dynamodb:GetItem", "CatalogueTable"),  # budget_table.read
        Grant("s3:PutObject", "AssetBucket/assets/*"),  # documents.put
        Grant("s3:GetObject", "AssetBucket/assets/*"),  # documents.put: If-Match and HeadObject
        Grant("s3:ListBucket", "AssetBucket"),  # documents.put: 404, not 403, if it is gone
        Grant("secretsmanager:GetSecretValue", "AccessTokenSecret"),  # tokens.TokenSecret.read
        Grant("lambda:InvokeFunction", "RefreshTokenFunction"),  # tokens.TokenSource
    }


def _detail_worker(name: str) -> set[Grant]:
    return _library_worker(name) | {
        Grant("s3:GetObject", "ArchiveBucket/deliveries/*"),  # delivered.entry
        Grant("s3:ListBucket", "ArchiveBucket"),  # delivered.entry: 404, not 403, if it is gone
    }


EXPECTED = {
    "ReceiveWebhookFunction": _every_function("ReceiveWebhook")
    | {
        Grant("secretsmanager:GetSecretValue", "WebhookSecret"),  # aws.secret
        Grant("s3:PutObject", "ArchiveBucket/deliveries/*"),  # archive.store
        Grant("sqs:SendMessage", "AssetPublishedQueue"),  # outbox.send
        Grant("sqs:SendMessage", "AssetSyncedQueue"),  # outbox.send
        Grant("sqs:SendMessage", "AssetUnpublishedQueue"),  # outbox.send
        Grant("sqs:SendMessage", "ExternalWorkQueue"),  # outbox.send
        Grant("sqs:SendMessage", "LibraryAssetQueue"),  # outbox.send
        Grant("sqs:SendMessage", "OtherEventQueue"),  # outbox.send
        Grant("sqs:SendMessage", "QuarantineQueue"),  # quarantine.put
        Grant("dynamodb:PutItem", "CatalogueTable"),  # quarantine.put
    },
    "OnAssetFileFunction": _worker("OnAssetFile")
    | {
        Grant("sqs:SendMessage", "CommandQueue"),  # command_queue.put
        Grant("dynamodb:GetItem", "CatalogueTable"),  # files.read, budget_table.read
        Grant("s3:GetObject", "AssetBucket/*"),  # documents.get, file_store.copy
        Grant("s3:PutObject", "AssetBucket/*"),  # file_store.receive
        Grant("s3:DeleteObject", "AssetBucket/*"),  # file_store.delete
        Grant("s3:AbortMultipartUpload", "AssetBucket/*"),  # file_store.discard
        Grant("s3:ListMultipartUploadParts", "AssetBucket/*"),  # file_store.resume
        Grant("s3:ListBucket", "AssetBucket"),  # documents.get: 404, not 403, if it is gone
        Grant("secretsmanager:GetSecretValue", "AccessTokenSecret"),  # tokens.TokenSecret.read
        Grant("lambda:InvokeFunction", "RefreshTokenFunction"),  # tokens.TokenSource
    },
    "OnAssetPublishedFunction": _detail_worker("OnAssetPublished"),
    "OnAssetSyncedFunction": _detail_worker("OnAssetSynced"),
    "OnAssetUnpublishedFunction": _record_worker("OnAssetUnpublished"),
    "OnExternalWorkFunction": _queue_worker("OnExternalWork")
    | {
        Grant("sqs:SendMessage", "TicketQueue"),  # ticket_queue.offer
        Grant("dynamodb:GetItem", "CatalogueTable"),  # steps.read, echoes, budget_table.read
        Grant("dynamodb:PutItem", "CatalogueTable"),  # steps.write
        Grant("secretsmanager:GetSecretValue", "AccessTokenSecret"),  # tokens.TokenSecret.read
        Grant("lambda:InvokeFunction", "RefreshTokenFunction"),  # tokens.TokenSource
    },
    "OnLibraryAssetFunction": _library_worker("OnLibraryAsset")
    | {Grant("dynamodb:BatchWriteItem", "CatalogueTable")},  # row_table.put
    "OnOtherEventFunction": _queue_worker("OnOtherEvent")
    | {
        Grant("dynamodb:GetItem", "CatalogueTable"),  # budget_table.read
        Grant("s3:GetObject", "ArchiveBucket/deliveries/*"),  # delivered.data
        Grant("s3:ListBucket", "ArchiveBucket"),  # delivered.data: 404, not 403, if it is gone
        Grant("secretsmanager:GetSecretValue", "AccessTokenSecret"),  # tokens.TokenSecret.read
        Grant("lambda:InvokeFunction", "RefreshTokenFunction"),  # tokens.TokenSource
    },
    "OnTicketFunction": (_queue_worker("OnTicket") - {Grant("events:PutEvents", "EventBus")})
    | {
        Grant("dynamodb:GetItem", "CatalogueTable"),  # ticket_table.read
        Grant("dynamodb:PutItem", "CatalogueTable"),  # ticket_table.write
        Grant("secretsmanager:GetSecretValue", "JiraCredentialsSecret"),  # jira_credentials
        Grant("sqs:SendMessage", "CommandQueue"),  # command_queue.put
    },
    "ReceiveTicketFunction": _every_function("ReceiveTicket")
    | {
        Grant("secretsmanager:GetSecretValue", "JiraWebhookSecret"),  # aws.secret
        Grant("s3:PutObject", "ArchiveBucket/tickets/*"),  # archive.store
        Grant("sqs:SendMessage", "TicketQueue"),  # outbox.send
        Grant("sqs:SendMessage", "QuarantineQueue"),  # quarantine.put
        Grant("dynamodb:PutItem", "CatalogueTable"),  # quarantine.put
    },
    "ReconcileLibraryFunction": _every_function("ReconcileLibrary")
    | {
        Grant("dynamodb:GetItem", "CatalogueTable"),  # checkpoints.read, budget_table.read
        Grant("dynamodb:BatchWriteItem", "CatalogueTable"),  # row_table.put
        Grant("dynamodb:BatchGetItem", "CatalogueTable"),  # reconcile_table.known
        Grant("dynamodb:Query", "CatalogueTable/index/listing"),  # reconcile_table.listed
        Grant("dynamodb:PutItem", "CatalogueTable"),  # checkpoints.write
        Grant("dynamodb:UpdateItem", "CatalogueTable"),  # leases, budget_table, told
        Grant("dynamodb:DeleteItem", "CatalogueTable"),  # leases.release
        Grant("sqs:SendMessage", "LibraryAssetQueue"),  # library_queue.send
        Grant("sqs:SendMessage", "ReconcileLibraryDeadLetterQueue"),  # Lambda, when it gives up
        Grant("s3:GetObject", "AssetBucket/reconcile/*"),  # sightings.all
        Grant("s3:PutObject", "AssetBucket/reconcile/*"),  # sightings.note
        Grant("s3:DeleteObject", "AssetBucket/reconcile/*"),  # sightings.forget
        Grant("s3:ListBucket", "AssetBucket"),  # sightings.all
        Grant("secretsmanager:GetSecretValue", "AccessTokenSecret"),  # tokens.TokenSecret.read
        Grant("lambda:InvokeFunction", "RefreshTokenFunction"),  # tokens.TokenSource
    },
    "RefreshTokenFunction": _every_function("RefreshToken")
    | {
        Grant("secretsmanager:GetSecretValue", "CredentialsSecret"),  # credentials.read
        Grant("secretsmanager:PutSecretValue", "CredentialsSecret"),  # credentials.rotate
        Grant("secretsmanager:GetSecretValue", "AccessTokenSecret"),  # tokens.TokenSecret.read
        Grant("secretsmanager:PutSecretValue", "AccessTokenSecret"),  # tokens.TokenSecret.write
        Grant("dynamodb:UpdateItem", "CatalogueTable"),  # leases.acquire
        Grant("dynamodb:DeleteItem", "CatalogueTable"),  # leases.release
        Grant("sqs:SendMessage", "RefreshTokenDeadLetterQueue"),  # Lambda, when it gives up
    },
    "RunCommandFunction": _worker("RunCommand")
    | {
        Grant("dynamodb:GetItem", "CatalogueTable"),  # budget_table.read, echoes
        Grant("s3:GetObject", "AssetBucket/incoming/*"),  # uploads.send
        Grant("s3:ListBucket", "AssetBucket"),  # uploads.size: 404, not 403, if it is not there
        Grant("secretsmanager:GetSecretValue", "AccessTokenSecret"),  # tokens.TokenSecret.read
        Grant("lambda:InvokeFunction", "RefreshTokenFunction"),  # tokens.TokenSource
    },
}


def test_the_table_below_names_every_function() -> None:
    assert EXPECTED.keys() == processed.functions().keys()


@pytest.mark.parametrize("function", EXPECTED)
def test_a_role_holds_exactly_what_its_function_uses(function: str) -> None:
    granted = processed.grants(processed.role_of(function))

    assert granted == EXPECTED[function]


@pytest.mark.parametrize("name", ["ReconcileLibrary", "RefreshToken"])
def test_the_scheduler_may_invoke_one_function_and_keep_its_failures(name: str) -> None:
    assert processed.grants(f"{name}ScheduleRole") == {
        Grant("lambda:InvokeFunction", f"{name}Function"),
        Grant("sqs:SendMessage", f"{name}DeadLetterQueue"),
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_no_policies_of_others(role: str) -> None:
    assert not ROLES[role].keys() & {"ManagedPolicyArns", "PermissionsBoundary"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_its_actions_and_resources(role: str) -> None:
    for action, resource in processed.grants(role):
        assert "*" not in action
        assert resource != "*" or action.startswith("xray:")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_and_leaves_nothing_to_exceptions(role: str) -> None:
    for statement in processed.statements(role):
        assert statement["Effect"] == "Allow"
        assert not statement.keys() & {"NotAction", "NotResource"}


def test_only_refresh_token_reads_the_credentials_or_writes_a_token() -> None:
    guarded = {
        Grant("secretsmanager:GetSecretValue", "CredentialsSecret"),
        Grant("secretsmanager:PutSecretValue", "CredentialsSecret"),
        Grant("secretsmanager:PutSecretValue", "AccessTokenSecret"),
    }

    assert [role for role in ROLES if processed.grants(role) & guarded] == ["RefreshTokenRole"]


def test_who_is_no_worker_writes_no_items_but_its_own() -> None:
    keys = {
        role: [
            operator["dynamodb:LeadingKeys"]
            for statement in processed.statements(role)
            if "CatalogueTable" in map(processed.target, processed.listed(statement["Resource"]))
            and not READING.issuperset(processed.listed(statement["Action"]))
            for operator in statement["Condition"].values()
        ]
        for role in (
            "ReceiveTicketRole",
            "ReceiveWebhookRole",
            "ReconcileLibraryRole",
            "RefreshTokenRole",
        )
    }

    assert keys == {
        "ReceiveTicketRole": ["QUARANTINE#*"],
        "ReceiveWebhookRole": ["QUARANTINE#*"],
        "ReconcileLibraryRole": [
            "ROW#*",
            "RECONCILE",
            ["BUDGET", "EXPIRY#*", "LEASE#reconcile"],
            "LEASE#reconcile",
        ],
        "RefreshTokenRole": ["LEASE#refresh_token"],
    }
