# SPDX-License-Identifier: Apache-2.0
"""Where volumes are kept, as an operator sees it: services, pools, availability zones."""
