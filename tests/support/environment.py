"""The environment that tests run in: names without meaning, and no way to a real account."""

import os

REGION = "eu-west-1"
ACCOUNT = "123456789012"


def queue_url(name: str) -> str:
    """Return the URL that moto gives the queue of this name."""
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"


AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": "",
    "AWS_REGION": REGION,
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "POWERTOOLS_METRICS_NAMESPACE": "CmpRelay",
    "POWERTOOLS_SERVICE_NAME": "tests",
}

FUNCTIONS = {
    "API_REQUESTS_PER_MINUTE": "100",
    "API_REQUESTS_PER_MONTH": "200000",
    "API_REQUESTS_PER_SECOND": "10",
    "BULK_SHARE": "70",
    "RETRY_SECONDS": "20",
    "ALLOW_URL_SECRET": "false",
    "ARCHIVE_BUCKET": "archive",
    "ASSET_BUCKET": "assets",
    "ASSET_FILE_QUEUE_URL": queue_url("asset-file"),
    "ASSET_PUBLISHED_QUEUE_URL": queue_url("asset-published"),
    "ASSET_SYNCED_QUEUE_URL": queue_url("asset-synced"),
    "ASSET_UNPUBLISHED_QUEUE_URL": queue_url("asset-unpublished"),
    "CATALOGUE_TABLE": "catalogue",
    "CMP_API_BASE": "https://api.cmp.optimizely.com/v3",
    "CMP_API_ORIGINS": "https://api.cmp.optimizely.com,https://api.welcomesoftware.com",
    "CMP_GRANT_TYPE": "client_credentials",
    "CMP_SCOPE": "",
    "CMP_TOKEN_URL": "https://accounts.cmp.optimizely.com/o/oauth2/v1/token",
    "CREDENTIALS_SECRET_ARN": "credentials",
    "DEAD_LETTER_QUEUE_URL": queue_url("dead-letter"),
    "DETAIL_CUSTOM_FIELDS": "false",
    "DETAIL_RENDITIONS": "false",
    "ENRICH_EVENTS": "task,campaign,work_request,event,workflow",
    "EVENT_BUS": "bus",
    "FILE_ORIGINS": "https://images1.cmp.optimizely.com,https://*.files.cmp.optimizely.com",
    "FOLDER_RULES": "",
    "FULL_RECONCILE_DAYS": "7",
    "GONE_RECHECK_SECONDS": "60",
    "IMAGE_REPOSITORY_BUCKET": "assets",
    "COMMAND_QUEUE_URL": queue_url("command"),
    "JIRA_BASE_URL": "https://jira.example.com",
    "JIRA_CREDENTIALS_SECRET_ARN": "jira-credentials",
    "JIRA_EXTERNAL_SYSTEM": "Jira",
    "JIRA_ISSUE_TYPE": "Task",
    "JIRA_PROJECT": "CMP",
    "JIRA_REJECTED_STATUSES": "Rejected,Won't Do",
    "JIRA_WEBHOOK_SECRET_ARN": "jira-webhook",
    "TICKET_QUEUE_URL": queue_url("ticket"),
    "KEEP_WITHDRAWN": "false",
    "LIBRARY_DETAIL": "full",
    "EXTERNAL_WORK_QUEUE_URL": queue_url("external-work"),
    "LIBRARY_ASSET_QUEUE_URL": queue_url("library-asset"),
    "MAX_FILE_MEGABYTES": "5000",
    "MAX_REMOVAL_SHARE": "5",
    "MAX_REPORT_ITEMS": "100",
    "OTHER_EVENT_QUEUE_URL": queue_url("other-event"),
    "PUBLIC_BASE_URL": "",
    "QUARANTINE_QUEUE_URL": queue_url("quarantine"),
    "QUEUE_URL": queue_url("work"),
    "RECONCILE_HOURS": "24",
    "RECONCILE_SHARE": "25",
    "REFRESH_TOKEN_FUNCTION": "refresh-token",
    "REPORT_PUBLICATIONS": "false",
    "TOKEN_SECRET_ARN": "token",
    "UPLOAD_ORIGINS": "https://*.s3-accelerate.amazonaws.com",
    "WEBHOOK_SECRET_ARN": "webhook",
}


def prepare() -> None:
    """Replace whatever account the shell may hold by names that lead nowhere."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "POWERTOOLS_"))]:
        del os.environ[name]
    os.environ.update(AWS)
    os.environ.update(FUNCTIONS)
