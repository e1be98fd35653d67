# SPDX-License-Identifier: Apache-2.0
"""`python -m cumulet` is the `cumulet` command."""

from cumulet.main import main

main()
