# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Translations of iptables, and a warning about a kernel without IPv6."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset


def find_translations(saved: Mapping[str, str]) -> tuple[Translation, ...]:
    """Return the translations of the table nat in the output of iptables-save, by family."""
    with_nat = {family: text for family, text in saved.items() if "*nat\n" in text}
    if not with_nat:
        return ()
    from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.translations import parse_saved_translations  # noqa: PLC0415

    return tuple(
        translation
        for family, text in with_nat.items()
        for translation in parse_saved_translations(text, FAMILY[family].iptables)
    )


def without_ipv6(want: Ruleset, file: str) -> tuple[Conflict, ...]:
    """Return a warning if the ruleset has IPv6 sources or addresses, and the kernel has no IPv6."""
    sources = {source_set.name for source_set in want.sets if source_set.ipv6.members}
    entries = [entry for entry in want.allow if entry.service.families == ("ipv6",) or sources & {*entry.set_names}]
    ports = tuple(f"IPv6 to {entry.service}" for entry in entries)
    reason = f"it runs without IPv6, so no ip6tables rules are loaded; {file} has them for a boot with IPv6"
    advice = "If IPv6 is disabled on purpose, ignore this warning"
    return (Conflict(certain=False, where="the kernel", reason=reason, ports=ports, advice=advice),) if ports else ()
