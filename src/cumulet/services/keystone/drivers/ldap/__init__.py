# SPDX-License-Identifier: Apache-2.0
"""Users and groups in an LDAP directory: OpenLDAP, Active Directory. Needs the extra `cumulet[ldap]`."""
