# SPDX-License-Identifier: Apache-2.0
"""Nova runs servers: it finds a host for each with Placement, builds what the server needs with Glance,
Neutron and Cinder, and drives it through its life."""
