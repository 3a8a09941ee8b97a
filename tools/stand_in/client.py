"""What tests and tools say to a running stand-in's admin side."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import httpx

from tools.stand_in.client_api_client import ClientApiClient
from tools.stand_in.publishing_client import PublishingClient
from tools.stand_in.task_client import TaskClient

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from tools.stand_in.deliveries import LibraryEventName
    from tools.stand_in.records import (
        DeliveryRecord,
        DownloadRecord,
        RequestRecord,
        Sent,
        UploadRecord,
    )

Announcement = Literal["publish", "sync", "unpublish"]
PATIENCE = httpx.Timeout(10.0, read=300.0)  # a send answers when its last retry has ended


class StandIn:
    """A stand-in at a base URL; every method raises httpx.HTTPStatusError if it is refused."""

    def __init__(self, base_url: str) -> None:
        """Open the connection pool."""
        self.base_url = base_url.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self.base_url}/_admin", timeout=PATIENCE, trust_env=False
        )

    def __enter__(self) -> StandIn:
        """Use it as a context manager."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def add_asset(self, kind: str, **fields: object) -> dict[str, Any]:
        """Create an asset, or replace the one with the same id; answer what the library shows."""
        return self._json("POST", "/assets", {"kind": kind, **fields})

    def add_assets(self, assets: Sequence[dict[str, Any]]) -> list[str]:
        """Create many assets at once, each with its `kind` and fields; answer their ids."""
        return cast("list[str]", self._json("POST", "/assets/bulk", {"assets": assets})["ids"])

    def add_folder(self, name: str, **options: object) -> dict[str, Any]:
        """Create a folder of the library; options as in `orders.NewFolder`."""
        return self._json("POST", "/folders", {"name": name, **options})

    def change_asset(self, asset_id: str, **fields: object) -> dict[str, Any]:
        """Change fields of an asset; `modified_at` moves on unless given."""
        return self._json("PATCH", f"/assets/{asset_id}", fields)

    def move_asset(
        self, asset_id: str, place: Literal["library", "task", "deleted", "forbidden"]
    ) -> dict[str, Any]:
        """Let an asset live elsewhere; answer its id, place and task_id."""
        return self._json("PUT", f"/assets/{asset_id}/place", {"place": place})

    @cached_property
    def publishing(self) -> PublishingClient:
        """Return what is said about reports of publications and previews."""
        return PublishingClient(self._send)

    @cached_property
    def tasks(self) -> TaskClient:
        """Return what is said about tasks."""
        return TaskClient(self._send)

    @cached_property
    def programs(self) -> ClientApiClient:
        """Return what is said about what programs ask of CMP."""
        return ClientApiClient(self._send)

    def set_renditions(self, asset_id: str, *names: str) -> list[dict[str, Any]]:
        """Let an asset have renditions of these names and no others; answer what CMP tells."""
        order = [{"name": name} for name in names]
        return self._list("PUT", f"/assets/{asset_id}/renditions", order)

    def set_custom_fields(self, asset_id: str, *fields: dict[str, Any]) -> None:
        """Let an asset have these custom fields and no others."""
        self._list("PUT", f"/assets/{asset_id}/fields", list(fields))

    @cached_property
    def files_origin(self) -> str:
        """Tell the origin of the file host."""
        return str(self._send("GET", "/origins").json()["files"])

    def set_file_rules(self, **rules: object) -> None:
        """Say who may have private files; rules as in `file_access.FileRules`."""
        self._send("PUT", "/file-rules", rules)

    def set_upload_rules(self, **rules: object) -> None:
        """Say how uploads go; rules as in `uploads.UploadRules`."""
        self._send("PUT", "/upload-rules", rules)

    def uploads(self) -> list[UploadRecord]:
        """List what was sent to the storage of uploads, in the order of arrival."""
        return cast("list[UploadRecord]", self._send("GET", "/uploads").json())

    def downloads(self, asset_id: str | None = None) -> list[DownloadRecord]:
        """List the requests to the file host, or those for an asset's files, as they arrived."""
        records = cast("list[DownloadRecord]", self._send("GET", "/downloads").json())
        return [one for one in records if asset_id in (None, one["asset_id"])]

    def clear_downloads(self) -> None:
        """Empty the log of downloads."""
        self._send("DELETE", "/downloads")

    def add_download_fault(self, kind: str, **options: object) -> None:
        """Let downloads go wrong; options as in `download_faults.DownloadFault`."""
        self._send("POST", "/download-faults", {"kind": kind, **options})

    def download_faults(self) -> list[dict[str, Any]]:
        """List the faults of downloads still to come."""
        return cast("list[dict[str, Any]]", self._send("GET", "/download-faults").json())

    def clear_download_faults(self) -> None:
        """Call all faults of downloads off."""
        self._send("DELETE", "/download-faults")

    def register_webhook(self, url: str, secret: str | None = None, **options: object) -> None:
        """Say where deliveries go; options as in `webhook.Webhook`."""
        self._send("PUT", "/webhook", {"url": url, "secret": secret, **options})

    def publish(self, asset_ids: Sequence[str], **options: object) -> Sent:
        """Publish assets together; options as in `orders.PublishOrder`."""
        return self._announce("publish", asset_ids, options)

    def sync(self, asset_ids: Sequence[str], **options: object) -> Sent:
        """Sync assets together."""
        return self._announce("sync", asset_ids, options)

    def unpublish(self, asset_ids: Sequence[str], **options: object) -> Sent:
        """Unpublish assets together."""
        return self._announce("unpublish", asset_ids, options)

    def body(
        self, announcement: Announcement, asset_ids: Sequence[str], **options: object
    ) -> dict[str, Any]:
        """Build a delivery's body without sending it."""
        order = {"asset_ids": list(asset_ids), "send": False, **options}
        return cast("dict[str, Any]", self._json("POST", f"/{announcement}", order)["body"])

    def announce_library(
        self, event_name: LibraryEventName, asset_id: str, **options: object
    ) -> list[DeliveryRecord]:
        """Tell what became of an asset in the library; options as in `orders.LibraryOrder`."""
        order = {"event_name": event_name, "asset_id": asset_id, **options}
        answer = self._json("POST", "/library-events", order)
        return cast("list[DeliveryRecord]", answer["deliveries"])

    def library_body(
        self, event_name: LibraryEventName, asset_id: str, **options: object
    ) -> dict[str, Any]:
        """Build a library delivery's body without sending it."""
        order = {"event_name": event_name, "asset_id": asset_id, "send": False, **options}
        return cast("dict[str, Any]", self._json("POST", "/library-events", order)["body"])

    def deliver(self, **order: object) -> list[DeliveryRecord]:
        """Send anything: `body`, `bodies` or `raw`, and options as in `sender.Manner`."""
        answer = self._json("POST", "/deliveries", order)
        return cast("list[DeliveryRecord]", answer["deliveries"])

    def deliveries(self) -> list[DeliveryRecord]:
        """List the deliveries that ended, in that order."""
        return cast("list[DeliveryRecord]", self._send("GET", "/deliveries").json())

    def clear_deliveries(self) -> None:
        """Empty the log of deliveries."""
        self._send("DELETE", "/deliveries")

    def requests(self, path: str = "/") -> list[RequestRecord]:
        """List the requests received whose path begins so, in the order of arrival."""
        records = cast("list[RequestRecord]", self._send("GET", "/requests").json())
        return [one for one in records if one["path"].startswith(path)]

    def clear_requests(self) -> None:
        """Empty the log of requests."""
        self._send("DELETE", "/requests")

    def add_fault(self, kind: str, **options: object) -> None:
        """Let the next requests go wrong; options as in `faults.Fault`."""
        self._send("POST", "/faults", {"kind": kind, **options})

    def faults(self) -> list[dict[str, Any]]:
        """List the faults still to come."""
        return cast("list[dict[str, Any]]", self._send("GET", "/faults").json())

    def clear_faults(self) -> None:
        """Call all faults off."""
        self._send("DELETE", "/faults")

    def set_limits(self, **rules: object) -> None:
        """Put limits in force: per_second, per_minute, retry_after."""
        self._send("PUT", "/limits", rules)

    def set_oauth(self, **rules: object) -> None:
        """Change how tokens are issued; rules as in `oauth.OAuthRules`."""
        self._send("PUT", "/oauth", rules)

    def expire_tokens(self) -> None:
        """Let every access token be expired."""
        self._send("POST", "/oauth/expire")

    def new_refresh_token(self) -> str:
        """Issue a refresh token."""
        return str(self._json("POST", "/oauth/refresh-token", {})["refresh_token"])

    def reset(self) -> None:
        """Start afresh; tokens that were issued stay good, and the webhook is forgotten."""
        self._send("POST", "/reset")

    def _announce(
        self, announcement: Announcement, asset_ids: Sequence[str], options: dict[str, object]
    ) -> Sent:
        order = {"asset_ids": list(asset_ids), **options}
        return cast("Sent", self._json("POST", f"/{announcement}", order))

    def _json(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return cast("dict[str, Any]", self._send(method, path, body).json())

    def _list(self, method: str, path: str, body: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._send(method, path, body).json())

    def _send(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self._http.request(method, path, json=body).raise_for_status()
