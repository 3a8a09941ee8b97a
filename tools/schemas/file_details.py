"""The detail of the event of an asset's files."""

from typing import Annotated

from pydantic import Field

from tools.schemas.parts import Asset, Count, Detail, Moment, Name, Organization, Part, Place


class MirroredAsset(Asset):
    """The asset that the files are of."""

    type: Name = Field(description="article, image, video, raw_file, or a kind that CMP adds.")
    library: str | None = Field(
        description="present, archived or removed; null if nothing is known of the library."
    )
    published: bool = Field(description="Whether the asset has an open publication.")


class MirroredFile(Part):
    """A file of the asset."""

    slot: Name = Field(
        description="Which file of the asset: file, or image- and 16 hex digits for an image of an "
        "article."
    )
    version: Name = Field(
        description="Changes whenever the content does; only to be compared with that of the same "
        "slot."
    )
    mime_type: Name = Field(description="The MIME type that the object is served as.")
    size: Annotated[int, Field(ge=0)] = Field(description="Length in bytes.")
    checksum: Name = Field(
        description="SHA-256 as base64, of the file, or with - and their number of the digests of "
        "its parts, as S3 computes it."
    )
    object: Place = Field(description="The file in the asset bucket.")
    copied_to: Place | None = Field(
        alias="copy", description="Its copy by FolderRules; null if no rule wants one."
    )


class AssetFilesChanged(Detail):
    """The files of an asset are others, or are somewhere else; all of them are listed."""

    sequence: Count = Field(
        description="Grows with every change of the asset's files, apart from the sequence of "
        "other detail types: drop what is not higher than what you have applied of "
        "AssetFilesChanged for asset.id."
    )
    received_at: Moment = Field(
        description="When the files were asked for, right after the asset had changed."
    )
    asset: MirroredAsset
    organization: Organization
    details: Place | None = Field(
        description="The object with all that CMP tells of the asset; null if there is none."
    )
    files: list[MirroredFile] | None = Field(
        description="Every file of the asset that is mirrored, by slot: an empty list once all are "
        "withdrawn, null if the list would make the event larger than 100 KB (the catalogue's item "
        "FILES has it)."
    )
