# SPDX-License-Identifier: Apache-2.0
"""The config drive: an ISO 9660 file system with the label that cloud-init looks for."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pycdlib

LABEL = "config-2"


def write_config_drive(path: Path, content: Mapping[str, str]) -> None:
    """An ISO 9660 image with Joliet and Rock Ridge names holds the content, base64 by path."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
    try:
        plain_names = {PurePosixPath("/"): ""}
        for name, encoded in sorted(content.items()):
            file = PurePosixPath("/") / name
            plain = f"{_add_folders(iso, file.parent, plain_names)}/F{len(plain_names)}"
            plain_names[file] = plain
            body = base64.b64decode(encoded)
            source = io.BytesIO(body)
            iso.add_fp(source, len(body), f"{plain}.;1", rr_name=file.name, joliet_path=str(file))
        iso.write(str(path))
    finally:
        iso.close()


def _add_folders(iso: pycdlib.PyCdlib, folder: PurePosixPath, plain_names: dict[PurePosixPath, str]) -> str:
    """The folder is on the drive; its name in plain ISO 9660, which allows only a few characters."""
    if folder not in plain_names:
        plain = f"{_add_folders(iso, folder.parent, plain_names)}/D{len(plain_names)}"
        iso.add_directory(plain, rr_name=folder.name, joliet_path=str(folder))
        plain_names[folder] = plain
    return plain_names[folder]
