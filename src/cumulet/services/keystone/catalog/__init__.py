# SPDX-License-Identifier: Apache-2.0
"""Where every service of the cloud answers: services, their endpoints, and the regions these are in."""
