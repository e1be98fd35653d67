# SPDX-License-Identifier: Apache-2.0
"""rclone: a folder is kept alike in a container, by Swift's interface and by that of S3."""

import os
import secrets
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import openstack

from .keys import s3_of

CHUNKS = ("--swift-chunk-size", "5M", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M")


class Rclone(unittest.TestCase):
    def setUp(self) -> None:
        if not shutil.which("rclone"):
            self.fail("There is no rclone; install Debian's package of that name.")
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.name = f"rclone-{secrets.token_hex(4)}"

    def rclone(self, *words: str, **remote: str) -> str:
        """What a command says, which has this one remote, `r:`."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environ |= {f"RCLONE_CONFIG_R_{name.upper()}": value for name, value in remote.items()}
        command = ["rclone", "--config", "", *words]
        ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(ran.returncode, 0, ran.stderr[-2000:])
        return ran.stdout

    def keeps_alike(self, **remote: str) -> None:
        files = {"a": b"hello", "deep/er/b c": b"x" * 1000, "large": secrets.token_bytes(12 * 2**20)}
        for name, content in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(content)
        here, there = str(self.folder), f"r:{self.name}/copy"
        self.rclone("sync", here, there, *CHUNKS, **remote)
        self.rclone("check", here, there, **remote)
        self.assertEqual(
            sorted(self.rclone("lsf", "-R", "--files-only", there, **remote).split("\n"))[1:], sorted(files)
        )
        self.rclone("moveto", f"{there}/large", f"{there}/larger", **remote)
        self.assertEqual(self.rclone("cat", f"{there}/a", **remote), "hello")
        (self.folder / "large").rename(self.folder / "larger")
        (self.folder / "a").unlink()
        self.rclone("sync", here, there, *CHUNKS, **remote)
        self.rclone("check", here, there, **remote)
        self.assertIn(self.name, self.rclone("lsd", "r:", **remote))
        self.rclone("purge", f"r:{self.name}", **remote)
        self.assertNotIn(f"{self.name}\n", self.rclone("lsf", "r:", **remote))

    def test_by_swift(self) -> None:
        config = openstack.config.OpenStackConfig().get_one(cloud="devstack")
        auth = config.config["auth"]
        self.keeps_alike(
            type="swift", auth=f"{auth['auth_url'].removesuffix('/v3')}/v3", auth_version="3",
            user=auth["username"], key=auth["password"], domain="Default",
            tenant=auth["project_name"], tenant_domain="Default",
        )  # fmt: skip

    def test_by_s3(self) -> None:
        s3 = s3_of(self)
        self.keeps_alike(
            type="s3", provider="Other", endpoint=s3.endpoint,
            access_key_id=s3.access, secret_access_key=s3.secret,
        )  # fmt: skip
