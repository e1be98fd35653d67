# SPDX-License-Identifier: Apache-2.0
"""Flavors: the sizes in which servers come, who may use each, and what is said of it to the scheduler."""
