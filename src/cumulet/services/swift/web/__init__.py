# SPDX-License-Identifier: Apache-2.0
"""What browsers need: containers as web sites, and answers that pages of other sites may read."""
