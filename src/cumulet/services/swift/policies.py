# SPDX-License-Identifier: Apache-2.0
"""Who may what without an access list: the roles of upstream's keystoneauth, as rules.

The target holds the `project_id` whose account is asked for.
"""

from cumulet.kernel.auth.policy import ANY_SCOPE, Rule

POLICIES: dict[str, Rule] = {
    "reseller_admin": Rule(
        "role:ResellerAdmin", ANY_SCOPE, "Do anything in every account, and set quotas of accounts."
    ),
    "system_reader": Rule("role:reader", ("system",), "Read every account."),
    "operator": Rule(
        "(role:admin or role:swiftoperator or role:member) and project_id:%(project_id)s",
        description="Do anything in the project's own account, but delete it.",
    ),
    "project_reader": Rule(
        "role:reader and project_id:%(project_id)s", description="Read the project's own account."
    ),
}
