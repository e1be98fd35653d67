# SPDX-License-Identifier: Apache-2.0
"""OS-EP-FILTER: projects whose catalog shows some endpoints only, named one by one or by what they are."""
