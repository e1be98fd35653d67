# SPDX-License-Identifier: Apache-2.0
"""The words for a volume's status, and what each allows."""

from collections.abc import Sequence

from cumulet.services.cinder.attachments.model import Attachment

DELETABLE = ("available", "error", "error_restoring", "error_extending", "error_managing")
FOLLOWING = ("available", "reserved", "attaching", "in-use", "detaching")
"""Statuses that attachments decide; in any other an operation on the volume has the word."""
COPYABLE = ("available", "in-use")
"""A volume can be made from one in these."""
NOT_ON_HOST = ("creating", "deleting")
"""Statuses in which a saga alone says what the host should have of the volume."""
METADATA_LOCKED = ("maintenance", "uploading")
ALL = (
    *("attaching", "available", "awaiting-transfer", "backing-up", "creating", "deleting", "detaching"),
    *("downloading", "error", "error_backing-up", "error_deleting", "error_extending", "error_managing"),
    *("error_restoring", "extending", "in-use", "maintenance", "managing", "reserved", "restoring-backup"),
    *("retyping", "reverting", "unmanaging", "uploading"),
)


def at_rest(attachments: Sequence[Attachment]) -> str:
    """The status of a volume that nothing but these attachments has a say in."""
    words = {attachment.status for attachment in attachments}
    if "attached" in words:
        return "in-use"
    return "attaching" if "attaching" in words else "reserved" if words else "available"


def either(words: Sequence[str]) -> str:
    """Words as upstream's messages list them: a, b or c."""
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} or {words[-1]}"
