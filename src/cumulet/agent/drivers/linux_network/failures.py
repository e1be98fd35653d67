# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in the kernel or in a program, said in one sentence."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from pyroute2.netlink.exceptions import NetlinkError

from cumulet.agent.driver import DriverError
from cumulet.agent.drivers.linux_network.nft import RejectedProgram


@contextmanager
def explained(subject: str) -> Iterator[None]:
    """What the kernel or a program refuses becomes one sentence about the subject."""
    try:
        yield
    except NetlinkError as error:
        raise DriverError(f"{subject} could not be made true: {error.args[1]}.", retry=True) from error
    except RejectedProgram as error:
        raise DriverError(f"{subject} could not be made true: {error}.") from error
    except subprocess.CalledProcessError as error:
        words = (error.stderr or "").strip() or f"it ended with status {error.returncode}"
        raise DriverError(
            f"{subject} could not be made true: {error.cmd[0]}: {words}.", retry=True
        ) from error
    except ValueError as error:
        raise DriverError(f"{subject} asks for what cannot be: {error}.") from error
    except (OSError, LookupError) as error:
        raise DriverError(f"{subject} could not be made true: {error}.", retry=True) from error
