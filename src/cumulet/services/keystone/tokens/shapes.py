# SPDX-License-Identifier: Apache-2.0
"""How tokens look in answers."""

from cumulet.kernel.resource.shapes import array, keys, maybe

NAMED = keys(id=str, name=str)
IN_DOMAIN = keys(id=str, name=str, domain=NAMED)
ENDPOINT = keys(id=str, interface=str, region_id=str | None, region=str | None, url=str)
CATALOG = array(keys(id=str, type=str, name=str, endpoints=array(ENDPOINT)))
ASSERTED = keys(groups=array(keys(id=str)), identity_provider=keys(id=str), protocol=keys(id=str))
USER = keys(
    {"OS-FEDERATION": maybe(ASSERTED)},
    id=str,
    name=str,
    domain=NAMED,
    password_expires_at=maybe(str | None),
)
TRUST = keys(id=str, impersonation=bool, trustor_user=keys(id=str), trustee_user=keys(id=str))
TOKEN = keys(
    token=keys(
        {"OS-TRUST:trust": maybe(TRUST), "OS-OAUTH1": maybe(keys(access_token_id=str, consumer_id=str))},
        methods=list[str],
        user=USER,
        audit_ids=list[str],
        issued_at=str,
        expires_at=str,
        project=maybe(IN_DOMAIN),
        is_domain=maybe(bool),
        domain=maybe(NAMED),
        system=maybe(keys(all=bool)),
        roles=maybe(array(NAMED)),
        catalog=maybe(CATALOG),
        oauth2_credential=maybe(keys({"x5t#S256": str})),
        service_providers=maybe(array(keys(id=str, auth_url=str, sp_url=str))),
        application_credential=maybe(
            keys(id=str, name=str, restricted=bool, access_rules=maybe(array(dict[str, str])))
        ),
    )
)
"""A token; the place and roles of its scope, and the catalog, stand there if it has one."""
