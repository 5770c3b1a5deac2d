# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our ipsets: their names, the lines of `ipset restore` that create them, and their lines of `ipset save` (ipset(8))."""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import (
    Networks,
    Range,
    from_ranges,
    parse_range,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset

SetNames = t.Callable[[str, str], str]  # returns the name in ipset for a set of the ruleset and a family


# A name has at most 31 characters (IPSET_MAXNAMELEN in linux/netfilter/ipset/ip_set.h is 32, with the terminating 0).
# The mark of the other name needs one more character.
_LONGEST = 30
_DIGEST = 8
OTHER = "~"  # not allowed in names of a ruleset
# All sets have the same limit, because `create` accepts an existing set only with an equal limit. It reserves no memory.
MAXELEM = 1 << 20
_OPTIONS = {"family", "hashsize", "maxelem", "bucketsize", "initval"}


@dataclass
class LiveSet:
    """A managed set in the kernel. `oddities` describes parts of it that this collection does not write."""

    networks: Networks
    oddities: list[str] = field(default_factory=list)

    def holds(self, networks: Networks) -> bool:
        """Tell whether the set equals the set that `rebuild` creates for these networks."""
        return self.networks == networks and not self.oddities


def set_name(name: str, family: str) -> str:
    """Return the name of a set in ipset. A long name is shortened and gets a digest of the whole name."""
    full = SET_PREFIX[family] + name
    if len(full) <= _LONGEST:
        return full
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{full[: _LONGEST - _DIGEST - 1]}-{digest}"


def swap_name(name: str) -> str:
    """Return the other of a set's two names, under which its next content is loaded."""
    return name[:-1] if name.endswith(OTHER) else f"{name}{OTHER}"


def list_wanted_sets(ruleset: Ruleset, names: SetNames = set_name) -> dict[str, Networks]:
    """Return the sets of a ruleset by their names in ipset: one set for each family, even if it is empty."""
    return {
        names(source_set.name, family): source_set.select_family(family)
        for source_set in ruleset.sets
        for family in FAMILIES
    }


def fill(name: str, networks: Networks) -> list[str]:
    """Return the lines that create a set with its elements."""
    create = f"create {name} hash:net family {FAMILY[networks.family].inet} maxelem {MAXELEM}"
    return [create, *(f"add {name} {text}" for text in list_elements(networks))]


def rebuild(name: str, networks: Networks, live: Iterable[str]) -> list[str]:
    """Return the lines that replace a set that no rule uses; `live` are the names of the loaded sets."""
    return [*destroy(name for name in (name,) if name in live), *fill(name, networks)]


def swap_contents(name: str) -> list[str]:
    """Return the lines that give a set the content of the set with its other name. The set is never empty."""
    return [f"swap {swap_name(name)} {name}", f"destroy {swap_name(name)}"]


def destroy(names: Iterable[str]) -> list[str]:
    """Return the lines that remove sets."""
    return [f"destroy {name}" for name in names]


def parse_sets(saved: str) -> dict[str, LiveSet]:
    """Return our sets in the output of `ipset save`, by name. Third-party sets are skipped: they can be huge."""
    found: dict[str, LiveSet] = {}
    ranges: dict[str, list[Range]] = {}
    families = {prefix: family for family, prefix in SET_PREFIX.items()}
    for line in saved.splitlines():
        command, name, *words = line.split()
        family = families.get(name[: len(SET_PREFIX["ipv4"])])
        if family and command == "create":
            found[name] = LiveSet(from_ranges(family, ()), _find_odd_options(words, family))
        elif family:
            _add_element(ranges.setdefault(name, []), found[name], words)
    for name, elements_of_set in ranges.items():
        found[name].networks = from_ranges(found[name].networks.family, elements_of_set)
    return found


def list_elements(networks: Networks) -> list[str]:
    """Return the elements for `add`. A network of length 0 is two halves, because ipset rejects it (ipset(8), "hash:net")."""
    halves = {"0.0.0.0/0": ["0.0.0.0/1", "128.0.0.0/1"], "::/0": ["::/1", "8000::/1"]}
    return [half for text in networks.minimise().format() for half in halves.get(text, [text])]


def _find_odd_options(words: list[str], family: str) -> list[str]:
    kind, *options = words
    values = dict(zip(options[::2], options[1::2]))
    known = kind == "hash:net" and len(options) % 2 == 0 and {*values} <= _OPTIONS
    return [] if known and values["family"] == FAMILY[family].inet else [f"it is {' '.join(words)}"]


def _add_element(ranges: list[Range], live: LiveSet, words: list[str]) -> None:
    try:
        (element,) = words
        ranges.append(parse_range(live.networks.family, element))
    except ValueError:
        live.oddities.append(f"its element {' '.join(words)}")
