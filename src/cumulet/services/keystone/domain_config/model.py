# SPDX-License-Identifier: Apache-2.0
"""The options of domains as rows, and a domain's configuration as its driver gets it."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cumulet.kernel.db import Row, Tx, column
from cumulet.kernel.http.messages import MOST
from cumulet.services.keystone.credentials.model import seal, unseal
from cumulet.services.keystone.domain_config.options import SENSITIVE
from cumulet.services.keystone.tokens.authority import Authority

Config = dict[str, dict[str, Any]]
"""Options by group and name."""


class DomainOption(Row, table="keystone_domain_options"):
    """One option of a domain. Its value is JSON; that of a sensitive one is encrypted."""

    id: str = column(primary=True)
    domain_id: str = column(index=True)
    group: str
    option: str
    value: str

    @property
    def sensitive(self) -> bool:
        return self.option in SENSITIVE.get(self.group, ())


def option_id(domain_id: str, group: str, option: str) -> str:
    return f"{domain_id}/{group}/{option}"


def options_of(tx: Tx, domain_id: str, group: str = "", option: str = "") -> list[DomainOption]:
    """The options that a domain has, sensitive ones too, in the order of their names."""
    c = DomainOption.c
    where = [c.domain_id == domain_id]
    where += [c.group == group] if group else []
    where += [c.option == option] if option else []
    return tx.all(DomainOption, *where, order_by=[c.id])


def store(tx: Tx, domain_id: str, group: str, option: str, value: Any) -> None:
    """The option has this value."""
    text = msgspec.json.encode(value).decode()
    if option in SENSITIVE[group]:
        text = seal(tx.app.contract(Authority), text)
    id = option_id(domain_id, group, option)
    row = tx.get(DomainOption, id)
    if row is not None:
        tx.update(row, value=text)
    else:
        new = DomainOption(id=id, domain_id=domain_id, group=group, option=option, value=text)
        tx.insert(new, retry=True)


def value_of(tx: Tx, row: DomainOption) -> Any:
    text = unseal(tx.app.contract(Authority), row.value) if row.sensitive else row.value
    return msgspec.json.decode(text)


def as_config(tx: Tx, rows: Iterable[DomainOption]) -> Config:
    found: Config = {}
    for row in rows:
        found.setdefault(row.group, {})[row.option] = value_of(tx, row)
    return found


def substituted(tx: Tx, domain_id: str) -> Config:
    """A domain's configuration as its driver gets it: with what is sensitive, put where it is referred to.

    `%(password)s` in any text stands for the option `password`.
    """
    rows = options_of(tx, domain_id)
    secrets = {row.option: value_of(tx, row) for row in rows if row.sensitive}
    config = as_config(tx, rows)
    for row in rows:
        value = config[row.group][row.option]
        if isinstance(value, str) and not row.sensitive:
            config[row.group][row.option] = _filled(tx, row, value, secrets)
    return config


def _filled(tx: Tx, row: DomainOption, text: str, secrets: Mapping[str, Any]) -> str:
    try:
        return text % secrets
    except KeyError:
        why = "nothing has the name that it refers to"
    except (ValueError, TypeError):
        why = "it is no reference that can be read"
    tx.app.log.warning("a domain's option is used as it stands: " + why, option=row.id)
    return text


def limit_of(tx: Tx, domain_id: str) -> int | None:
    """How many users or groups of a domain a list shows that asks for no number, if the domain says."""
    row = tx.get(DomainOption, option_id(domain_id, "identity", "list_limit"))
    text = str(value_of(tx, row)) if row is not None else ""
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) <= MOST else None


def forget_config(tx: Tx, domain_id: str, group: str = "", option: str = "") -> None:
    """The domain has none of these options."""
    for row in options_of(tx, domain_id, group, option):
        tx.delete(row)
