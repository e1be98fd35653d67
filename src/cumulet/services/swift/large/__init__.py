# SPDX-License-Identifier: Apache-2.0
"""Large objects, made of others: static ones of a list, dynamic ones of all whose names begin alike."""
