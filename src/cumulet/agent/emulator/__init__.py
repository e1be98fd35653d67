# SPDX-License-Identifier: Apache-2.0
"""What QEMU's programs need, whoever starts them: a place, a user, a monitor session, disk images."""
