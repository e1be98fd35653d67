# SPDX-License-Identifier: Apache-2.0
"""Runs suites that others wrote against a cloud of its own, and keeps the score.

`suites` says which there are, `ground` and `tempest_conf` prepare a cloud for them, `worker` runs tests in
the suites' own Python and `pool` gives it work, `known` says what is known to fail, `records` what was found.
"""
