"""The template sets exactly the variables that a function reads: none is missing or idle."""

from dataclasses import fields

import pytest

from cmp_relay.settings import (
    ApiSettings,
    DetailSettings,
    EntrySettings,
    FileSettings,
    JiraSettings,
    LibrarySettings,
    LookupSettings,
    OtherEventSettings,
    PublicationSettings,
    ReceiverSettings,
    ReconcileSettings,
    RecordSettings,
    RefreshSettings,
    ReportSettings,
    StoreSettings,
    TicketQueueSettings,
    TicketReceiverSettings,
    UploadSettings,
    WorkerSettings,
)
from tests.support import environment
from tests.template import processed, snapshot

# What lambda and the libraries read: AWS's endpoint and what Powertools is to do
SHARED = {
    "AWS_ENDPOINT_URL",
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_SERVICE_NAME",
}
READ = {
    "OnAssetFileFunction": (
        WorkerSettings,
        StoreSettings,
        FileSettings,
        PublicationSettings,
        ApiSettings,
    ),
    "OnAssetPublishedFunction": (
        WorkerSettings,
        StoreSettings,
        RecordSettings,
        EntrySettings,
        LookupSettings,
        DetailSettings,
        ApiSettings,
    ),
    "OnAssetSyncedFunction": (
        WorkerSettings,
        StoreSettings,
        RecordSettings,
        EntrySettings,
        LookupSettings,
        DetailSettings,
        ApiSettings,
    ),
    "OnAssetUnpublishedFunction": (WorkerSettings, StoreSettings, RecordSettings),
    "OnExternalWorkFunction": (
        WorkerSettings,
        LookupSettings,
        TicketQueueSettings,
        ApiSettings,
    ),
    "OnLibraryAssetFunction": (
        WorkerSettings,
        StoreSettings,
        RecordSettings,
        LookupSettings,
        DetailSettings,
        LibrarySettings,
        ApiSettings,
    ),
    "OnOtherEventFunction": (WorkerSettings, EntrySettings, OtherEventSettings, ApiSettings),
    "OnTicketFunction": (WorkerSettings, JiraSettings),
    "ReceiveTicketFunction": (TicketReceiverSettings,),
    "ReceiveWebhookFunction": (ReceiverSettings,),
    "ReconcileLibraryFunction": (ReconcileSettings, DetailSettings, ApiSettings),
    "RefreshTokenFunction": (RefreshSettings,),
    "RunCommandFunction": (
        WorkerSettings,
        StoreSettings,
        UploadSettings,
        ReportSettings,
        ApiSettings,
    ),
}


def test_the_table_names_every_function() -> None:
    assert READ.keys() == processed.functions().keys()


def test_what_all_functions_share_is_read_by_libraries() -> None:
    settings = snapshot.source()["Globals"]["Function"]

    assert settings["Environment"]["Variables"].keys() == SHARED


@pytest.mark.parametrize("function", READ)
def test_a_functions_variables_are_the_fields_of_its_settings(function: str) -> None:
    variables = processed.functions()[function]["Environment"]["Variables"].keys()
    names = [field.name.upper() for kind in READ[function] for field in fields(kind)]

    assert variables - SHARED == set(names)
    assert len(names) == len(set(names))


def test_tests_give_every_variable_and_no_other() -> None:
    names = {field.name.upper() for kinds in READ.values() for k in kinds for field in fields(k)}

    assert environment.FUNCTIONS.keys() == names
