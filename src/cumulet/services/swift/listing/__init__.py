# SPDX-License-Identifier: Apache-2.0
"""Lists of containers and objects: what is asked, how it is found without reading more, how it is written."""
