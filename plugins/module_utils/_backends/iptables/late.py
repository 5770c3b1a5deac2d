# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part for iptables: a rule that accepts packets with our mark, before the host drops packets by default.

The rule names no port and no set, so a file that another program saved can be loaded without our sets. Without the early
part, which sets the mark, the rule accepts no packet.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_boot import (
    PLUGINS,
    UNIT_PARTS,
    make_plugins,
    make_unit,
    render_script,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_place import (
    Filter,
    Place,
    find_misplaced,
    find_places,
    parse_filter,
    without_effect,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_saved import (
    find_unloadable,
    select_files_to_clean,
    without_early,
    without_ours,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import compare_parts, install, uninstall
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILIES, FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.own_files import compare_files, write_files
from ansible_collections.gatehouse.kong.plugins.module_utils._host.third_party_files import clean_file
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import (
    Conflict,
    Translation,
    warn_of_exempt_rule,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_conflicts import (
    find_translations,
    without_ipv6,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import (
    find_program,
    list_families,
    read_variant,
    refuse_mixture,
    require_programs,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_walk import find_conflicts
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot

# Other programs can change the rules between reading and loading.
_ATTEMPTS = 3
_LIMIT_EXAMPLE = "-m hashlimit --hashlimit-above 10/sec ... -j DROP"


class IptablesLate:
    """The accept rule in the table filter of iptables and ip6tables, in the nft or the legacy variant."""

    name = "iptables"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._saved: dict[str, str] = {}
        self._tables: dict[str, Filter] = {}

    def require(self) -> None:
        """Check programs, privileges, systemd and a writable /etc, and that only one variant has rules. Raises HostError."""
        require_programs(self._host, self._variant)
        self._host.require_net_admin()
        self._host.require_systemd()
        self._host.require_writable("/etc")
        refuse_mixture(self._host, self._variant)

    def read(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        """Return a line for each accept rule that is missing, repeated or in a wrong place.

        Third-party rules before the accept rule are not a difference: fail2ban and Docker add such rules.
        """
        self._saved = {family: self._host.run(f"{self._choose_program(family)}-save") for family in self._families}
        self._tables = {family: parse_filter(text) for family, text in self._saved.items()}
        return self._find_misplaced(ruleset)

    def compare_persisted(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return the differences in the boot script, its unit, the hooks of other programs, and their saved files.

        A saved file may contain the accept rule, but no chain or set of the early part. Without a ruleset, it may contain
        none of our rules.
        """
        clean = without_ours if want is None else without_early
        files = (f"{file}: has rules of gatehouse.kong" for file in select_files_to_clean(self._host, clean))
        if want is None:
            unit = compare_parts(self._host, UNIT_PARTS, None)
            return (*unit, *compare_files(self._host, dict.fromkeys(PLUGINS), 0o755), *files)
        unit = compare_parts(self._host, make_unit(self._host), self._render_script(self._find_places(want)))
        return (*unit, *compare_files(self._host, make_plugins(self._host), 0o755), *files)

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return the conflicts with iptables rules, rules that have no effect, and files that cannot be loaded."""
        found: list[Conflict] = []
        for family, table in self._tables.items():
            places = find_places(table, want, family)
            found += find_conflicts(
                self._saved[family], want, family, [(place.chain, place.position) for place in places]
            )
            void = without_effect(table, places, want, family)
            where = f"table filter of {FAMILY[family].iptables}"
            found += [warn_of_exempt_rule(where, *rule, services, _LIMIT_EXAMPLE) for rule, services in void.items()]
        found += [] if "ipv6" in self._families else without_ipv6(want, UNIT_PARTS.file)
        return (*found, *find_unloadable(self._host, self._programs))

    def find_translations(self) -> tuple[Translation, ...]:
        """Return the translations of the table nat."""
        return find_translations(self._saved)

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:
        """Run `iptables-restore --test` in check mode on the rules that `apply` would load."""
        if check_mode:
            self._load(want, "--test")

    def snapshot(self, ruleset: Ruleset | None) -> Snapshot:  # noqa: ARG002
        """Return the files of the unit and the hooks, and a script that restores the current accept rules.

        Files of other programs are not included, because these programs can have saved other rules in the meantime.
        """
        found = {
            family: [_make_place(table, *place) for place in table.late_rules] for family, table in self._tables.items()
        }
        files = (*UNIT_PARTS.paths, *PLUGINS)
        return Snapshot(files, ((("sh",), self._render_script(found)),))

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Load the accept rules if they differ, in one transaction for each family, and read them again.

        Raises HostError if other programs change the rules during each attempt.
        """
        wrong = self._find_misplaced(want)
        attempts = 0
        while wrong:
            if attempts == _ATTEMPTS:
                raise HostError(
                    f"{wrong[0]}: other programs change the iptables rules at the same time. Run the task again"
                )
            self._load(want)
            wrong = self.read(want)
            attempts += 1
        return ()

    def persist(self, want: Ruleset | None) -> None:
        """Write the boot script, its unit and the hooks, or remove them and the accept rule from saved files."""
        clean = without_ours if want is None else without_early
        for file in select_files_to_clean(self._host, clean):
            clean_file(self._host, file, clean)
        if want is None:
            uninstall(self._host, UNIT_PARTS)
            self._host.remove(PLUGINS)
            return
        with write_files(self._host, make_plugins(self._host), 0o755):
            install(self._host, make_unit(self._host), self._render_script(self._find_places(want)))

    def _find_misplaced(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        want = ruleset or Ruleset()
        places = self._find_places(want)
        return tuple(
            f"{FAMILY[family].iptables}: {line}"
            for family, table in self._tables.items()
            for line in find_misplaced(table, places[family], want, family)
        )

    @cached_property
    def _variant(self) -> str:
        return read_variant(self._host)

    @property
    def _families(self) -> tuple[str, ...]:
        return list_families(self._host)

    def _choose_program(self, family: str) -> str:
        return find_program(self._host, family, self._variant)

    @property
    def _programs(self) -> dict[str, str]:
        return {family: self._choose_program(family) for family in FAMILIES}

    def _find_places(self, want: Ruleset) -> dict[str, tuple[Place, ...]]:
        return {family: find_places(table, want, family) for family, table in self._tables.items()}

    def _render_script(self, places: Mapping[str, tuple[Place, ...] | list[Place]]) -> str:
        return render_script(places, self._programs)

    def _load(self, want: Ruleset | None, *options: str) -> None:
        script = self._render_script(self._find_places(want or Ruleset()))
        self._host.run("sh", "-s", "--", *options, stdin=script)


def _make_place(table: Filter, chain: str, position: int) -> Place:
    lines = table.lines[chain]
    return Place(chain, position, lines[position] if position < len(lines) else "")
