# SPDX-License-Identifier: Apache-2.0
"""What the commands say to whoever mistypes, lacks a right, or has a full disk: one sentence each."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cumulet import main
from cumulet.cli import commands
from cumulet.cli.state import State
from cumulet.kernel.config import Settings
from cumulet.services.keystone.settings import KeystoneSettings


@pytest.fixture(autouse=True)
def loop_of_the_test() -> Iterator[None]:
    """Commands run loops of their own in this process."""
    yield
    asyncio.set_event_loop(None)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(commands(main._Launcher()), [str(word) for word in arguments])


def refused(*arguments: object) -> str:
    """The one sentence with which a command ends."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0].removeprefix("Error: ")


def up(place: Path, *more: object) -> str:
    """The sentence with which a simulated cloud does not start."""
    return refused("up", "--simulate", "--state", place, "--port", 0, *more)


def policy(place: Path, text: str | bytes, service: str = "nova") -> Path:
    return written(place / "policy" / f"{service}.yaml", text)


def written(file: Path, text: str | bytes) -> Path:
    file.parent.mkdir(parents=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    "command",
    ["", "up", "down", "env", "status", "trace", "doctor", "saga", "saga list", "saga show", "saga retry",
     "saga skip", "image", "image build", "openapi", "agent", "keystone rotate"],
)  # fmt: skip
def test_every_command_has_help_that_is_not_cut_off(command: str) -> None:
    result = run(*command.split(), "--help")

    assert result.exit_code == 0
    assert "..." not in result.output.partition("Commands:")[2].partition("Examples:")[0]


# -- databases ------------------------------------------------------------------------------------------


def test_a_database_that_is_down_is_named_with_the_reason(tmp_path: Path) -> None:
    said = up(tmp_path, "--database", "postgresql://u:secret@127.0.0.1:1/x")

    assert said.startswith("The database postgresql://u:***@127.0.0.1:1/x cannot be used: ")
    assert "refused" in said


def test_a_database_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"

        said = up(tmp_path, "--database", f"postgresql://u:secret@{address}/x?connect_timeout=2")

    assert said.startswith(f"The database postgresql://u:***@{address}/x?connect_timeout=2 cannot be used: ")
    assert said.endswith(f"{address} does not answer.")


@pytest.mark.parametrize("url", ["nonsense", "mysql://u@h/x", "postgresql://u@127.0.0.1:abc/x"])
def test_what_is_no_database_url_is_refused_with_the_right_form(tmp_path: Path, url: str) -> None:
    assert up(tmp_path, "--database", url).startswith(f"{url!r} is no database that Cumulet knows: write ")


def test_a_broken_database_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "cumulet.db").write_text("no database, this")

    assert up(tmp_path).endswith("control/cumulet.db cannot be used: file is not a database.")


def test_a_broken_file_of_traces_is_named(tmp_path: Path) -> None:
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "traces.db").write_text("no database, this")

    assert up(tmp_path).endswith("control/traces.db cannot be used: file is not a database.")


# -- services and policies -------------------------------------------------------------------------------


def test_an_unknown_service_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    said = up(tmp_path, "--services", "keystone,foo")

    assert said.startswith("There is no service foo; there are keystone, ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [\n", "the policy file is no YAML: line 2, column 1: "),
        ("- a\n", "the policy file should map rule names to rules, not be a list"),
        ('"os_compute_api:servers:create": "role:admin and ("\n', "'os_compute_api:servers:create'"),
        ('"os_compute_api:servers:create": 5\n', "5 is no rule"),
        (b"\xff\xfe\n", "'utf-8' codec can't decode"),
    ],
)
def test_a_broken_policy_file_is_refused_with_its_place(tmp_path: Path, text: str | bytes, why: str) -> None:
    file = policy(tmp_path, text)

    said = up(tmp_path)

    assert said.startswith(f"{file}: ")
    assert why in said


def test_a_policy_of_an_unknown_service_is_refused(tmp_path: Path) -> None:
    file = policy(tmp_path, "a: '@'\n", "novum")

    assert up(tmp_path).startswith(f"{file}: There is no service novum; ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a\n", "the settings file should map settings to values, not be a list"),
        ("lockout: 5\n", "There is no setting lockout; there are "),
        (
            "lockout_failure_attempts: many\n",
            "lockout_failure_attempts cannot be 'many': Expected `int | null`",
        ),
        ("lockout_failure_attempts: 0\n", "lockout_failure_attempts cannot be 0: Expected `int` >= 1"),
        ("password_regex: '('\n", "password_regex cannot be '(': missing )"),
        (b"\xff\xfe\n", "'utf-8' codec can't decode"),
    ],
)
def test_a_broken_settings_file_is_refused_with_what_is_wrong(
    tmp_path: Path, text: str | bytes, why: str
) -> None:
    file = written(tmp_path / "settings" / "keystone.yaml", text)

    said = up(tmp_path)

    assert said.startswith(f"{file}: {why}")


@pytest.mark.parametrize(
    ("service", "why"),
    [("novum", "There is no service novum; "), ("placement", "placement has no settings.")],
)
def test_settings_of_what_has_none_are_refused(tmp_path: Path, service: str, why: str) -> None:
    file = written(tmp_path / "settings" / f"{service}.yaml", "a: 1\n")

    assert up(tmp_path).startswith(f"{file}: {why}")


def test_a_service_has_the_settings_that_were_written(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, services={"keystone": {"lockout_duration": 60}})

    control = main.control(main.Plan(settings=settings, database=f"sqlite:///{tmp_path / 'db'}"))

    assert control.app.contract(KeystoneSettings).lockout_duration == 60
    assert control.app.contract(KeystoneSettings).token_lifetime == 3600
    control.app.db.close()


# -- ports and folders -----------------------------------------------------------------------------------


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        said = refused("up", "--simulate", "--state", tmp_path, "--port", port)

    assert said.startswith(f"Nothing can listen on 127.0.0.1:{port}: Address already in use.")


def test_a_second_start_of_a_cloud_hears_of_the_first_and_not_of_its_port(tmp_path: Path) -> None:
    place = State(tmp_path)
    place.prepare()
    with socket.socket() as taken, place.locked():
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        said = refused("up", "--simulate", "--state", tmp_path, "--port", taken.getsockname()[1])

    assert said.startswith(f"Another cloud runs in {tmp_path};")


def test_a_taken_classic_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 9696))
            taken.listen()

        said = up(tmp_path, "--classic-ports", "--services", "neutron,placement")

    assert said.startswith("Nothing can listen on 127.0.0.1:")
    assert "--classic-ports are fixed" in said


def test_a_second_cloud_in_a_folder_is_refused(tmp_path: Path) -> None:
    State(tmp_path).prepare()
    with State(tmp_path).locked():
        assert up(tmp_path).startswith(f"Another cloud runs in {tmp_path}; end it with ")


@pytest.mark.parametrize("place", ["/proc/nothing", "/dev/null/x", "/tmp/" + 300 * "x"])
def test_an_impossible_state_folder_is_refused(place: str) -> None:
    assert up(Path(place)).startswith(f"The state folder {place} cannot be used: ")


@pytest.mark.skipif(os.getuid() != 0, reason="real hosts need root")
def test_a_state_folder_too_long_for_sockets_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cumulet.cli.up.PROGRAMS", {})
    place = tmp_path / (60 * "x")

    assert "too long for the sockets" in refused("up", "--state", place, "--port", 0)
    assert not place.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="it asks for root first")
def test_missing_programs_are_named_by_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    said = refused("up", "--state", tmp_path / "state")

    assert said.startswith("Programs are missing: apt-get install qemu-system-x86 qemu-utils ")


def test_only_root_may_start_real_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)

    assert refused("up", "--state", tmp_path).startswith("Real servers need root: ")


# -- no cloud ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["env", "status", "doctor", "trace x", "saga list", "saga retry x"])
def test_without_a_cloud_a_command_says_how_to_start_one(tmp_path: Path, command: str) -> None:
    said = refused(*command.split(), "--state", tmp_path)

    assert said == f"There is no cloud in {tmp_path}; `cumulet up` starts one."


def test_down_removes_no_folder_that_is_not_a_clouds(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("dear")

    result = run("down", "--purge", "--state", tmp_path)

    assert result.exit_code == 0
    assert result.output == f"There is no cloud in {tmp_path}.\n"
    assert (tmp_path / "letters").exists()


def test_down_without_a_running_cloud_says_so(tmp_path: Path) -> None:
    State(tmp_path).prepare()
    with State(tmp_path).locked():
        pass

    assert run("down", "--state", tmp_path).output == "No cloud was running.\n"


def test_env_of_an_unknown_entry_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: {cumulet: {}}\n")

    assert (
        refused("env", "--state", tmp_path, "--cloud", "foo") == "There is no cloud foo; there are cumulet."
    )


def test_an_image_that_cannot_be_written_is_refused_before_it_is_made() -> None:
    assert refused("image", "build", "--output", "/proc/x.qcow2").startswith(
        "/proc/x.qcow2 cannot be written"
    )


def test_the_documents_of_an_unknown_service_are_refused() -> None:
    assert refused("openapi", "foo").startswith("There is no service foo; ")
