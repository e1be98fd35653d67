# SPDX-License-Identifier: Apache-2.0
"""Everyday clients at work: what many people's programs do first, each from nothing and back to nothing."""
