# SPDX-License-Identifier: Apache-2.0
"""Ansible's collection openstack.cloud: a play makes a world, finds nothing to change, and removes it."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

PLAY = Path(__file__).with_name("play.yaml")
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")


class Ansible(unittest.TestCase):
    def play(self, tag: str) -> str:
        """What is said of a play that ran without a failure."""
        own = Path.home() / ".ansible"
        environ = {**os.environ, "ANSIBLE_HOME": str(own), "ANSIBLE_REMOTE_TMP": str(own / "tmp")}
        command = [str(ANSIBLE), "--inventory", "localhost,", "--tags", tag, str(PLAY)]
        ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout[-4000:] + ran.stderr[-1000:])
        return ran.stdout

    def test_a_play_makes_a_world_once_and_removes_it(self) -> None:
        self.assertNotIn("changed=0 ", self.play("make"))
        self.assertIn("changed=0 ", self.play("make"))
        self.assertNotIn("changed=0 ", self.play("remove"))
        self.assertIn("changed=0 ", self.play("remove"))
