# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our ipsets: their names, the lines of `ipset restore` that make them, and what `ipset save` lists of them (ipset(8))."""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.gatehouse.kong.plugins.module_utils._host.networks import (
    Networks,
    Range,
    from_ranges,
    parse_range,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import SET_PREFIX
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import FAMILIES, Ruleset

SetNames = t.Callable[[str, str], str]  # from a set's name in the ruleset and a family to the one in ipset

INET = {"ipv4": "inet", "ipv6": "inet6"}

# A set's name has at most 31 characters (IPSET_MAXNAMELEN in linux/netfilter/ipset/ip_set.h is 32, with its end);
# one is left for the mark of its other name.
_LONGEST = 30
_DIGEST = 8
OTHER = "~"  # no set of a ruleset has it in its name
# One limit for every set, as `create` takes a set that is there only if it has the same one. It reserves no memory.
MAXELEM = 1 << 20
_OPTIONS = {"family", "hashsize", "maxelem", "bucketsize", "initval"}


@dataclass
class LiveSet:
    """A set of ours in the kernel; `oddities` are parts of it that this collection does not write."""

    networks: Networks
    oddities: list[str] = field(default_factory=list)

    def holds(self, networks: Networks) -> bool:
        """Tell whether it is exactly what `rebuild` makes for these networks."""
        return self.networks == networks and not self.oddities


def set_name(name: str, family: str) -> str:
    """Return our name of a set in ipset; a name that is too long is cut, and has a digest of the whole name."""
    full = SET_PREFIX[family] + name
    if len(full) <= _LONGEST:
        return full
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{full[: _LONGEST - _DIGEST - 1]}-{digest}"


def other_name(name: str) -> str:
    """Return the other of the two names that a set has in turn: its next content is made under that name."""
    return name[:-1] if name.endswith(OTHER) else f"{name}{OTHER}"


def wanted_sets(ruleset: Ruleset, names: SetNames = set_name) -> dict[str, Networks]:
    """Return the sets of a ruleset by their names in ipset: one for each family, also if it is empty."""
    return {names(one.name, family): one.of(family) for one in ruleset.sets for family in FAMILIES}


def fill(name: str, networks: Networks) -> list[str]:
    """Return the lines that make a new set."""
    create = f"create {name} hash:net family {INET[networks.family]} maxelem {MAXELEM}"
    return [create, *(f"add {name} {text}" for text in elements(networks))]


def rebuild(name: str, networks: Networks, live: Iterable[str]) -> list[str]:
    """Return the lines that replace a set that no rule names; `live` are the loaded sets."""
    return [*destroy(name for name in (name,) if name in live), *fill(name, networks)]


def exchange(name: str) -> list[str]:
    """Return the lines that give a set the content of its other name; the set is never empty."""
    return [f"swap {other_name(name)} {name}", f"destroy {other_name(name)}"]


def destroy(names: Iterable[str]) -> list[str]:
    """Return the lines that remove sets."""
    return [f"destroy {name}" for name in names]


def parse_sets(saved: str) -> dict[str, LiveSet]:
    """Return our sets in the output of `ipset save`, by name. Third-party sets, which may be huge, are skipped."""
    found: dict[str, LiveSet] = {}
    ranges: dict[str, list[Range]] = {}
    families = {prefix: family for family, prefix in SET_PREFIX.items()}
    for line in saved.splitlines():
        command, name, *words = line.split()
        family = families.get(name[: len(SET_PREFIX["ipv4"])])
        if family and command == "create":
            found[name] = LiveSet(from_ranges(family, ()), _odd_options(words, family))
        elif family:
            _take(ranges.setdefault(name, []), found[name], words)
    for name, those in ranges.items():
        found[name].networks = from_ranges(found[name].networks.family, those)
    return found


def elements(networks: Networks) -> list[str]:
    """Return the elements for `add`. It takes no network of length 0 (ipset(8), "hash:net"): that is two halves."""
    halves = {"0.0.0.0/0": ["0.0.0.0/1", "128.0.0.0/1"], "::/0": ["::/1", "8000::/1"]}
    return [half for text in networks.fewest().texts() for half in halves.get(text, [text])]


def _odd_options(words: list[str], family: str) -> list[str]:
    kind, *options = words
    values = dict(zip(options[::2], options[1::2]))
    known = kind == "hash:net" and len(options) % 2 == 0 and {*values} <= _OPTIONS
    return [] if known and values["family"] == INET[family] else [f"it is {' '.join(words)}"]


def _take(ranges: list[Range], live: LiveSet, words: list[str]) -> None:
    try:
        (element,) = words
        ranges.append(parse_range(live.networks.family, element))
    except ValueError:
        live.oddities.append(f"its element {' '.join(words)}")
