# SPDX-License-Identifier: Apache-2.0
"""What hosts are told of networks, groups, ports and routers."""
