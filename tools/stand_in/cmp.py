"""All parts of the stand-in together, and how they start afresh."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.stand_in.channels import Channels
from tools.stand_in.content_items import ContentItems
from tools.stand_in.download_faults import DownloadFaults
from tools.stand_in.download_log import DownloadLog
from tools.stand_in.echoes import Echoes
from tools.stand_in.faults import Faults
from tools.stand_in.file_access import FileAccess
from tools.stand_in.limits import Limits
from tools.stand_in.multipart import Multipart
from tools.stand_in.oauth import OAuth
from tools.stand_in.planning import Planning
from tools.stand_in.previews import Previews
from tools.stand_in.report_rules import ReportJudge
from tools.stand_in.request_log import RequestLog
from tools.stand_in.sender import Sender
from tools.stand_in.settings import OrganizationSettings
from tools.stand_in.tasks import Tasks
from tools.stand_in.uploads import Uploads
from tools.stand_in.world import World


@dataclass
class Cmp:
    """The state of one stand-in, in memory; it starts with these credentials and file host."""

    client_id: str
    client_secret: str
    files_origin: str
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    sender: Sender = field(default_factory=Sender)
    planning: Planning = field(default_factory=Planning)
    tasks: Tasks = field(default_factory=Tasks)
    reports: ReportJudge = field(default_factory=ReportJudge)
    previews: Previews = field(default_factory=Previews)
    file_access: FileAccess = field(default_factory=FileAccess)
    downloads: DownloadLog = field(default_factory=DownloadLog)
    download_faults: DownloadFaults = field(default_factory=DownloadFaults)
    settings: OrganizationSettings = field(default_factory=OrganizationSettings)
    world: World = field(init=False)
    echoes: Echoes = field(init=False)
    uploads: Uploads = field(init=False)
    multipart: Multipart = field(init=False)
    channels: Channels = field(init=False)
    oauth: OAuth = field(init=False)
    content_items: ContentItems = field(init=False)
    requests: RequestLog = field(init=False)

    def __post_init__(self) -> None:
        """Give each part what it needs of the others and of what the stand-in starts with."""
        self.world = World(self.files_origin)
        self.echoes = Echoes(self.sender)
        self.uploads = Uploads(self.files_origin)
        self.multipart = Multipart(self.uploads)
        self.channels = Channels(self.tasks)
        self.oauth = OAuth(self.client_id, self.client_secret)
        self.content_items = ContentItems(self.oauth)
        self.requests = RequestLog(self.oauth.bearer)

    def reset(self) -> None:
        """Start afresh; tokens stay good, since a relay that runs holds one of them."""
        self.world.clear()
        self.planning.clear()
        self.tasks.clear()
        self.echoes.clear()
        self.reports.clear()
        self.previews.clear()
        self.uploads.clear()
        self.multipart.clear()
        self.channels.clear()
        self.content_items.clear()
        self.settings.clear()
        self.limits.clear()
        self.faults.pending.clear()
        self.sender.clear()
        self.requests.records.clear()
        self.file_access.clear()
        self.downloads.records.clear()
        self.download_faults.pending.clear()
        self.oauth.restore(self.client_id, self.client_secret)
