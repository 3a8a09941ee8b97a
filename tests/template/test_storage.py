"""What is stored stays: retained, encrypted, private, and nameable by no other stack."""

import pytest

from tests.template import processed

BUCKETS = processed.of_type("AWS::S3::Bucket")
SECRETS = processed.of_type("AWS::SecretsManager::Secret")
TABLES = processed.of_type("AWS::DynamoDB::Table")
STORES = [*BUCKETS, *SECRETS, *TABLES]


@pytest.mark.parametrize("store", STORES)
def test_a_store_outlives_its_stack(store: str) -> None:
    resource = processed.resources()[store]

    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("store", STORES)
def test_a_store_gets_its_name_from_cloudformation(store: str) -> None:
    # A retained store with a name of ours would keep the stack from being created again
    assert not processed.properties(store).keys() & {"BucketName", "Name", "TableName"}


def test_the_webhook_secret_is_generated_as_cmp_takes_it() -> None:
    generated = SECRETS["WebhookSecret"]["GenerateSecretString"]

    assert generated == {
        "ExcludePunctuation": True,
        "GenerateStringKey": "current",
        "PasswordLength": 32,
        "SecretStringTemplate": '{"accepted": []}',
    }


@pytest.mark.parametrize(
    "secret", ["CredentialsSecret", "AccessTokenSecret", "JiraCredentialsSecret"]
)
def test_a_deploy_cannot_overwrite_what_was_filled_in(secret: str) -> None:
    assert not SECRETS[secret].keys() & {"SecretString", "GenerateSecretString"}


def test_the_secret_of_jiras_webhook_is_generated() -> None:
    generated = SECRETS["JiraWebhookSecret"]["GenerateSecretString"]

    assert generated["GenerateStringKey"] == "current"
    assert generated["PasswordLength"] == 64


def test_the_stack_has_these_secrets() -> None:
    assert SECRETS.keys() == {
        "AccessTokenSecret",
        "CredentialsSecret",
        "JiraCredentialsSecret",
        "JiraWebhookSecret",
        "WebhookSecret",
    }


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_encrypted_and_private(bucket: str) -> None:
    (rule,) = BUCKETS[bucket]["BucketEncryption"]["ServerSideEncryptionConfiguration"]

    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in {"AES256", "aws:kms"}
    assert BUCKETS[bucket]["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    (ownership,) = BUCKETS[bucket]["OwnershipControls"]["Rules"]
    assert ownership["ObjectOwnership"] == "BucketOwnerEnforced"


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_reached_over_tls_alone(bucket: str) -> None:
    policy = processed.properties(f"{bucket}Policy")
    (statement,) = policy["PolicyDocument"]["Statement"]

    assert processed.target(policy["Bucket"]) == bucket
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert set(map(processed.target, statement["Resource"])) == {bucket, f"{bucket}/*"}


def test_what_consumers_read_can_be_brought_back() -> None:
    assert BUCKETS["AssetBucket"]["VersioningConfiguration"] == {"Status": "Enabled"}


def test_the_archive_forgets_after_the_days_of_the_parameter() -> None:
    rules = BUCKETS["ArchiveBucket"]["LifecycleConfiguration"]["Rules"]

    assert {rule["Prefix"] for rule in rules} == {"deliveries/", "tickets/"}
    for rule in rules:
        assert rule["Status"] == "Enabled"
        assert rule["ExpirationInDays"] == {"Ref": "ArchiveRetentionDays"}


def test_the_catalogue_costs_what_is_used_and_can_be_wound_back() -> None:
    table = TABLES["CatalogueTable"]

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}


def test_items_that_expire_are_removed() -> None:
    ttl = TABLES["CatalogueTable"]["TimeToLiveSpecification"]

    assert ttl == {"AttributeName": "expires_at", "Enabled": True}
