"""What tests and tools say to a running stand-in about tasks, as people in CMP do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tools.stand_in.planning import ResourceKind
    from tools.stand_in.records import DeliveryRecord, ExternalStep

StepAction = Literal["start", "complete", "skip", "modify"]


@dataclass(frozen=True)
class TaskClient:
    """Works on tasks; `send` takes method, path and body of a request to the admin side."""

    send: Callable[[str, str, object], httpx.Response]

    def add(self, external_system: str = "Jira", **options: object) -> ExternalStep:
        """Create a task that waits for an external step; options as in `orders.NewTask`."""
        order = {"external_system": external_system, **options}
        return cast("ExternalStep", self.send("POST", "/tasks", order).json())

    def add_resource(self, kind: ResourceKind, **fields: object) -> dict[str, Any]:
        """Create what is around tasks, as the Open API shows it; see `orders.NewResource`."""
        order = {"kind": kind, **fields}
        return cast("dict[str, Any]", self.send("POST", "/resources", order).json())

    def set_rules(self, **rules: object) -> None:
        """Say how CMP reacts to the app's own changes; rules as in `echoes.WorkflowRules`."""
        self.send("PUT", "/workflow-rules", rules)

    def show(self, sub_step_id: str) -> dict[str, Any]:
        """Show a sub-step as the Open API does, with its `external_work` and `comments`."""
        path = f"/sub-steps/{sub_step_id}"
        return cast("dict[str, Any]", self.send("GET", path, None).json())

    def act(self, what: StepAction, sub_step_id: str, **options: object) -> list[DeliveryRecord]:
        """Do something to a sub-step and tell of it; options as in `orders.StepOrder`."""
        return cast("list[DeliveryRecord]", self._act(what, sub_step_id, options)["deliveries"])

    def body(self, what: StepAction, sub_step_id: str, **options: object) -> dict[str, Any]:
        """Do something to a sub-step and build the delivery's body without sending it."""
        options["send"] = False
        return cast("dict[str, Any]", self._act(what, sub_step_id, options)["body"])

    def comment(self, sub_step_id: str, value: str, **options: object) -> dict[str, Any]:
        """Comment; answer `comment` and `deliveries`; options as in `orders.CommentOrder`."""
        return self._discuss("POST", sub_step_id, "", {"value": value, **options})

    def change_comment(
        self, sub_step_id: str, comment_id: str, value: str, **options: object
    ) -> dict[str, Any]:
        """Change a comment; answer as for a new one."""
        order = {"value": value, **options}
        return self._discuss("PATCH", sub_step_id, f"/{comment_id}", order)

    def remove_comment(
        self, sub_step_id: str, comment_id: str, **options: object
    ) -> dict[str, Any]:
        """Remove a comment; answer as for a new one."""
        return self._discuss("DELETE", sub_step_id, f"/{comment_id}", options)

    def _act(
        self, what: StepAction, sub_step_id: str, options: dict[str, object]
    ) -> dict[str, Any]:
        answer = self.send("POST", f"/sub-steps/{sub_step_id}", {"what": what, **options})
        return cast("dict[str, Any]", answer.json())

    def _discuss(
        self, method: str, sub_step_id: str, comment: str, order: dict[str, object]
    ) -> dict[str, Any]:
        path = f"/sub-steps/{sub_step_id}/comments{comment}"
        return cast("dict[str, Any]", self.send(method, path, order).json())
