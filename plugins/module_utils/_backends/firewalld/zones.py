# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of a zone file (firewalld.zone(5)) with our rules. All other bytes are preserved.

firewalld rewrites the whole zone file when an administrator changes the zone. This removes comments and changes the form of
our rules. Therefore our rules are recognised by their ipsets, in both forms.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from xml.etree.ElementTree import canonicalize

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.objects import LAST, Rule
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import FIREWALLD_SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_suffix

_PREFIXES = "|".join(map(re.escape, FIREWALLD_SET_PREFIX.values()))
_OURS = re.compile(
    rf" {{0,2}}<rule\b(?:(?!</rule>).)*?<source\s+ipset=\"(?:{_PREFIXES})(?:(?!</rule>).)*?</rule>\n?", re.DOTALL
)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_END = re.compile(r"</zone\s*>")
_EMPTY_ELEMENT = re.compile(r"<zone\b[^<>]*/>")
# An element without content gets a start and an end tag. This comment marks it, so that the change can be undone.
_OPENED = "<!-- gatehouse.kong: this element was empty -->\n"
_COPY = re.compile(r"<!-- gatehouse\.kong: a copy of (?P<path>\S+) \((?P<digest>[0-9a-f]{64})\) -->\n\Z")


def with_rules(text: str, rules: Iterable[Rule]) -> str:
    """Return the text of a zone file with our rules added at its end. The text must not contain such rules.

    Raises ValueError if the text has no element `zone`.
    """
    lines = "".join(f"  {_render_element(rule)}\n" for rule in rules)
    plain = _COMMENT.sub(lambda match: " " * len(match[0]), text)
    ends = [*_END.finditer(plain)]
    if ends:
        return f"{text[: ends[-1].start()]}{lines}{text[ends[-1].start() :]}"
    empty = _EMPTY_ELEMENT.search(plain)
    if not empty:
        raise ValueError("it has no element <zone>")
    return f"{text[: empty.end() - 2]}>{_OPENED}{lines}</zone>{text[empty.end() :]}"


def without_rules(text: str) -> str:
    """Return the text of a zone file without our rules. All bytes equal the text before `with_rules`."""
    return _OURS.sub("", text).replace(f">{_OPENED}</zone>", "/>")


def has_rules(text: str, rules: Iterable[Rule]) -> bool:
    """Tell whether these rules are exactly our rules in a text, in our form or in firewalld's form."""
    present, wanted = _OURS.findall(text), map(_render_element, rules)
    return {canonicalize(rule, strip_text=True) for rule in present} == {canonicalize(rule) for rule in wanted}


def as_copy(text: str, path: str) -> str:
    """Return the text of firewalld's own zone file `path`, marked as a copy by its last line."""
    end = "" if text.endswith("\n") else "\n"
    return f"{text}{end}<!-- gatehouse.kong: a copy of {path} ({_compute_digest(text)}) -->\n"


def restore_original(text: str) -> str | None:
    """Return the administrator's text of a zone file, or None if it is only our copy of firewalld's own file."""
    plain = without_rules(text)
    copy = _COPY.search(plain)
    if not copy:
        return plain
    before = plain[: copy.start()]
    is_copy = copy["digest"] in (_compute_digest(before), _compute_digest(remove_suffix(before, "\n")))
    return None if is_copy else before


def _compute_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _render_element(rule: Rule) -> str:
    to = f'<destination address="{rule.address}"/>' if rule.address else ""
    return (
        f'<rule priority="{LAST}" family="{rule.family}"><source ipset="{rule.ipset}"/>{to}'
        f'<port port="{rule.port}" protocol="{rule.protocol}"/><accept/></rule>'
    )
