# SPDX-License-Identifier: Apache-2.0
"""What Nova answers in the name of Glance, Neutron and Cinder until 2.35, and what is gone for good."""
