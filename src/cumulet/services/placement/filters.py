# SPDX-License-Identifier: Apache-2.0
"""What queries say of providers: `resources`, `required`, `member_of`, and upstream's words for mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cumulet.kernel.auth.context import Context
from cumulet.kernel.errors import BadRequest
from cumulet.kernel.http.messages import Query
from cumulet.kernel.ids import is_uuid

_INVALID = "Invalid query string parameters: "
_RESOURCES_FORM = (
    "Badly formed resources parameter. Expected resources query string parameter in form: "
    "?resources=VCPU:2,MEMORY_MB:1024. Got: {}."
)


@dataclass
class Wishes:
    """What is asked of a provider.

    Each inner set of `required` and of `member_of` is a choice of which one will do.
    """

    resources: dict[str, int] = field(default_factory=dict)
    required: list[set[str]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    member_of: list[set[str]] = field(default_factory=list)
    forbidden_aggregates: set[str] = field(default_factory=set)
    in_tree: str | None = None

    def likes(self, traits: set[str], aggregates: set[str]) -> bool:
        """Whether a provider with these suits, whatever it has left."""
        return (
            traits.isdisjoint(self.forbidden)
            and aggregates.isdisjoint(self.forbidden_aggregates)
            and meets(traits, self.required)
            and meets(aggregates, self.member_of)
        )

    @property
    def traits(self) -> list[str]:
        """Every trait that is named."""
        return sorted(self.forbidden.union(*self.required))


def meets(names: set[str], choices: Sequence[set[str]]) -> bool:
    """Whether the names hold one of each choice."""
    return not any(names.isdisjoint(choice) for choice in choices)


def resources(text: str) -> dict[str, int]:
    """`VCPU:2,MEMORY_MB:1024` as amounts by class. Raises BadRequest."""
    if not text.strip():
        raise BadRequest(_RESOURCES_FORM.format("empty string"))
    found = {}
    for part in text.split(","):
        name, colon, amount = part.partition(":")
        if not colon or ":" in amount:
            raise BadRequest(_RESOURCES_FORM.format(part))
        found[name] = _amount(name, amount)
    return found


def _amount(name: str, text: str) -> int:
    try:
        amount = int(text)
    except ValueError:
        raise BadRequest(
            f"Requested resource {name} expected positive integer amount. Got: {text}."
        ) from None
    if amount < 1:
        raise BadRequest(f"Requested resource {name} requires amount >= 1. Got: {amount}.")
    return amount


def required(ctx: Context, query: Query, suffix: str = "") -> tuple[list[set[str]], set[str]]:
    """The choices of traits that are required, and those that are forbidden.

    Only from 1.39 on may the key be repeated; before, its last value counts.
    """
    values = query.all(f"required{suffix}")
    wanted: list[set[str]] = []
    forbidden: set[str] = set()
    for value in values if ctx.at("1.39") else values[-1:]:
        some, none = traits(value, forbidding=ctx.at("1.22"), choosing=ctx.at("1.39"))
        wanted += some
        forbidden |= none
    return wanted, forbidden


def traits(text: str, *, forbidding: bool, choosing: bool) -> tuple[list[set[str]], set[str]]:
    """`A,!B` or `in:A,B` as choices of required traits and forbidden traits. Raises BadRequest."""
    if text.startswith("in:"):
        return [_choice(text, choosing)], set()
    names = [name.strip() for name in text.split(",")]
    forbidden = {name.lstrip("!") for name in names if name.startswith("!")}
    form = "HW_CPU_X86_VMX,!CUSTOM_MAGIC" if forbidding else "HW_CPU_X86_VMX,CUSTOM_MAGIC"
    expected = f"{_INVALID}Expected 'required' parameter value of the form: {form}. "
    if not all([*names, *forbidden]):
        raise BadRequest(f"{expected}Got an empty trait in: {text}")
    if forbidden and not forbidding:
        raise BadRequest(f"{expected}Got: {text}")
    return [{name} for name in names if not name.startswith("!")], forbidden


def _choice(text: str, known: bool) -> set[str]:
    form = "The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC'"
    if not known:
        raise BadRequest(f"{_INVALID}{form} only supported since microversion 1.39. Got: {text}")
    names = {name.strip() for name in text[3:].split(",")}
    if not all(names):
        raise BadRequest(
            f"{_INVALID}Expected 'required' parameter value of the form: in:HW_CPU_X86_VMX,CUSTOM_MAGIC. "
            f"Got an empty trait in: {text}"
        )
    if any(name.startswith("!") for name in names):
        raise BadRequest(f"{_INVALID}{form} does not support forbidden traits. Got: {text}")
    return names


def member_of(ctx: Context, query: Query, suffix: str = "") -> tuple[list[set[str]], set[str]]:
    """The choices of aggregates that are required, and those that are forbidden. Raises BadRequest."""
    values = query.all(f"member_of{suffix}")
    if len(values) > 1 and not ctx.at("1.24"):
        raise BadRequest(f"Multiple member_of{suffix} parameters are not supported")
    wanted: list[set[str]] = []
    forbidden: set[str] = set()
    for value in values:
        names, refused = _aggregates(value)
        if not refused:
            wanted.append(names)
        elif ctx.at("1.32"):
            forbidden |= names
        else:
            raise BadRequest(
                f"Forbidden member_of{suffix} parameters are not supported in the specified microversion"
            )
    return wanted, forbidden


def _aggregates(text: str) -> tuple[set[str], bool]:
    """The aggregates of one value, and whether they are forbidden."""
    refused = text.startswith("!")
    rest = text[1:] if refused else text
    if "," in text and not rest.startswith("in:"):
        raise BadRequest(
            "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the "
            f"valid microversion. Got: {text}"
        )
    names = set(rest[3:].split(",")) if rest.startswith("in:") else {rest}
    for name in sorted(names):
        if not is_uuid(name):
            raise BadRequest(
                f"{_INVALID}Expected 'member_of' parameter to contain valid UUID(s). Got: {name}"
            )
    return names, refused


def in_tree(text: str) -> str:
    """The provider whose tree is meant. Raises BadRequest."""
    if not is_uuid(text.strip()):
        raise BadRequest(f"{_INVALID}Expected 'in_tree' parameter to be a format of uuid. Got: {text}")
    return text.strip()
