# SPDX-License-Identifier: Apache-2.0
"""What objects were: versions beside the object, and the older way of an archive container."""
