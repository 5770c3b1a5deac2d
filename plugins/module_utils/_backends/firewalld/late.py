# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The late part on firewalld: rich rules accept authorised sources on their ports. They are the last rules of the zones.

Rules and members are changed at runtime, over D-Bus. Only a new ipset, or the removal of all ipsets, needs a reload,
because firewalld creates ipsets only from its files. The session restores the runtime configuration that a reload removes.
"""

from __future__ import annotations

import json
import shutil
import typing as t
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.conflicts import (
    find_iptables_conflicts,
    find_settings_conflicts,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.files import (
    describe,
    list_permanent_zones,
    list_zone_paths,
    plan_files,
    render_removal,
    uses_iptables,
    write_files,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.objects import (
    TYPE,
    Objects,
    is_ours,
    make_objects,
    set_options,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session import session as _session
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.bus import has_libraries
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.family import FAMILY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._host.paths import (
    FIREWALLD,
    FIREWALLD_SET_PREFIX,
    list_own_firewalld_files,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._host.text import remove_prefix
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.conflict import Conflict, Translation
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_listing import Listing
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_xtables import needs_options, with_options
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.ruleset import Ruleset
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback import PENDING

_RUNS = "/run/systemd/units/invocation:firewalld.service"  # systemd has this link for each unit that runs
_CHECK = "/run/gatehouse_kong_check"
# Each call of a session has its own timeout. Restoring many bans after a reload takes a long time.
_SESSION_SECONDS = 600
_PREFIXES = [*FIREWALLD_SET_PREFIX.values()]


class FirewalldLate:
    """The late part for hosts whose firewall manager is firewalld 0.9 or later."""

    name = "firewalld"

    def __init__(self, host: Host, listing: Listing) -> None:
        self._host = host
        self._listing = listing
        self._found: dict[str, t.Any] | None = None
        self._lost: tuple[str, ...] = ()

    def require(self) -> None:
        """Check that firewalld runs, and that privileges, systemd and a writable /etc are available. Raises HostError."""
        if self._host.which("firewall-cmd") is None or self._host.which("firewall-offline-cmd") is None:
            raise HostError(
                "firewall-cmd is missing on this host. Install the package firewalld, or set another backend"
            )
        self._host.require_net_admin()
        self._host.require_systemd()
        if not self._host.locate(_RUNS).is_symlink():
            raise HostError(
                "firewalld.service is not active, so its rules are not loaded now, but may be loaded at the next boot. "
                "Start it with `systemctl start firewalld`, or disable it with `systemctl disable firewalld`"
            )
        self._host.require_writable(FIREWALLD)

    def read(self, ruleset: Ruleset | None) -> tuple[str, ...]:
        """Return the differences of firewalld's runtime configuration, and of the kernel, from the objects of a ruleset."""
        self._found = self._ask({})
        objects = make_objects(ruleset)
        differences = tuple(self._compare_runtime(objects))
        self._lost = () if differences else tuple(self._find_lost_rules(objects))
        return (*differences, *self._lost)

    def compare_persisted(self, want: Ruleset | None) -> tuple[str, ...]:
        """Return the differences in the permanent configuration."""
        return tuple(describe(self._host, self._plan_files(make_objects(want))))

    def find_conflicts(self, want: Ruleset) -> tuple[Conflict, ...]:
        """Return the conflicts: panic mode, rules of zones and policies, and iptables rules."""
        settings = tuple(find_settings_conflicts(self._state, self._zones, want))
        listed = self._listed
        for family in FAMILY.values():
            if needs_options(listed, family.ip) and self._host.which(family.iptables):
                listed = with_options(listed, family.ip, self._host.run(f"{family.iptables}-save"))
        return (*settings, *find_iptables_conflicts(listed, want))

    def find_translations(self) -> tuple[Translation, ...]:
        """Return no translations: the early part returns them."""
        return ()

    def validate(self, want: Ruleset | None, *, check_mode: bool) -> None:  # noqa: ARG002 -- a reload checks too late
        """Check the permanent configuration with `firewall-offline-cmd --check-config`, if firewalld must be reloaded."""
        if not self._needs_reload(want):
            return
        try:
            self._host.remove_tree(_CHECK)
            _copy_tree(self._host.locate(FIREWALLD), self._host.locate(_CHECK))
            for path, text in self._plan_files(make_objects(want)).items():
                copy = _CHECK + remove_prefix(path, FIREWALLD)
                if text is None:
                    self._host.remove((copy,))
                else:
                    self._host.write(copy, text, 0o600)
            self._host.run("firewall-offline-cmd", f"--system-config={self._host.locate(_CHECK)}", "--check-config")
        finally:
            self._host.remove_tree(_CHECK)

    def snapshot(self, ruleset: Ruleset | None) -> Snapshot:  # noqa: ARG002 -- firewalld's own state says more
        """Return our files, and a session that restores our current rules and ipsets."""
        files = list_own_firewalld_files(self._host)
        rules = {zone: [rule for rule in settings.get("rules_str", []) if is_ours(rule)]
                 for zone, settings in self._state["zones"].items()}  # fmt: skip
        want = {"rules": rules, "ipsets": self._entries}
        # The rollback reloads firewalld only to remove all our ipsets, or if an ipset is missing. New ipsets stay, but empty.
        exact = not self._entries
        request = {"want": want, "exact": exact, "lenient": True, "kept": self._kept, "prefixes": _PREFIXES}
        load = ((("sh",), render_removal(files)), (self._interpreter, self._make_script(request)))
        return Snapshot((*files, *list_zone_paths(self._host, self._zones)), load)

    def apply(self, want: Ruleset | None) -> tuple[str, ...]:
        """Change the runtime configuration. If a reload is needed, change the permanent configuration first."""
        objects = make_objects(want)
        if not self._lost and not [*self._compare_runtime(objects)]:
            return ()
        reload = bool(self._lost) or self._needs_reload(want)
        if reload:
            write_files(self._host, self._plan_files(objects))
        if self._lost and not uses_iptables(self._host):
            # firewalld first removes its table, and fails if the table is missing.
            self._host.run("nft", "add", "table", "inet", "firewalld")
        rules = {zone: [*map(str, objects.rules)] for zone in self._zones}
        layout = {"rules": rules, "ipsets": objects.lay_out(self._entries)}
        self._found = self._ask({"want": layout, "reload": reload, "exact": want is None, "kept": self._kept})
        self._lost = ()
        return tuple(self._found["warnings"])

    def persist(self, want: Ruleset | None) -> None:
        """Write or remove our part of the permanent configuration."""
        write_files(self._host, self._plan_files(make_objects(want)))

    @property
    def _state(self) -> dict[str, t.Any]:
        if self._found is None:
            self._found = self._ask({})
        return self._found

    @property
    def _entries(self) -> dict[str, list[str]]:
        return {name: settings["entries"] for name, settings in self._state["ipsets"].items()}

    @property
    def _zones(self) -> list[str]:
        """The zones through which packets of authorised sources can arrive, now or after a reload.

        A zone with only sources as members is a ban if its target is DROP or REJECT, and needs no rule if it is ACCEPT.
        """
        found = {self._state["default"]}
        for zone, settings in self._state["zones"].items():
            groups = settings.get("sources") and settings.get("target", "default") == "default"
            if settings.get("interfaces") or groups:
                found.add(zone)
        return sorted(found | list_permanent_zones(self._host))

    def _plan_files(self, objects: Objects) -> dict[str, str | None]:
        zones, entries = (self._zones, self._entries) if objects.rules else ([], {})
        return plan_files(self._host, objects, zones, entries)

    def _needs_reload(self, want: Ruleset | None) -> bool:
        """Tell whether an ipset must be created, or all ipsets must be removed."""
        loaded = self._state["ipsets"]
        if want is None:
            return bool(loaded)
        families = make_objects(want).families
        return not all(name in loaded and _is_current(loaded[name], family) for name, family in families.items())

    def _compare_runtime(self, objects: Objects) -> Iterator[str]:
        """Yield a line for each difference in the runtime configuration. Unused empty ipsets are ignored."""
        wanted, used = [*map(str, objects.rules)], self._zones if objects.rules else []
        for zone, settings in sorted(self._state["zones"].items()):
            have = [rule for rule in settings.get("rules_str", []) if is_ours(rule)]
            need = wanted if zone in used else []
            yield from (f"firewalld's zone {zone} lacks the rule: {rule}" for rule in need if rule not in have)
            yield from (f"firewalld's zone {zone} has an unexpected rule: {rule}" for rule in have if rule not in need)
        loaded, layout = self._state["ipsets"], objects.lay_out(self._entries)
        for name in sorted({*loaded, *layout}):
            if name not in loaded:
                yield f"firewalld's ipset {name} is missing"
            elif name in layout and not _is_current(loaded[name], objects.families[name]):
                yield f"firewalld's ipset {name} has another type or other options"
            elif sorted(loaded[name]["entries"]) != layout.get(name, []):
                yield f"firewalld's ipset {name} has other entries"

    def _find_lost_rules(self, objects: Objects) -> Iterator[str]:
        """Yield a line for each zone whose rules are missing in the kernel, because firewalld does not notice a flush."""
        for zone in self._zones if objects.rules else ():
            settings = self._state["zones"].get(zone, {})
            if not (settings.get("interfaces") or zone == self._state["default"]):
                continue  # firewalld creates the chains of a zone when the zone is first used
            for place, found, needed in self._count_rules(zone, objects):
                if found < needed:
                    yield f"{place}: rules of gatehouse.kong: {found}, expected {needed}"

    def _count_rules(self, zone: str, objects: Objects) -> Iterator[tuple[str, int, int]]:
        """Yield the chain of the last rules of a zone, the number of its rules, and the number of rules that we need in it."""
        if uses_iptables(self._host):
            for name, family in FAMILY.items():
                saved = self._host.run(f"{family.iptables}-save", "-t", "filter")
                found = sum(line.startswith(f"-A IN_{zone}_post ") for line in saved.splitlines())
                yield (
                    f"{family.iptables} chain IN_{zone}_post",
                    found,
                    sum(rule.family == name for rule in objects.rules),
                )
        elif self._listed:
            chain = f"filter_IN_{zone}_post"
            rules = (item.get("rule", {}) for item in self._listed)
            found = sum((rule.get("table"), rule.get("chain")) == ("firewalld", chain) for rule in rules)
            yield f"nftables chain {chain}", found, len(objects.rules)

    @property
    def _listed(self) -> list[dict[str, t.Any]]:
        """The objects that nft lists, or none if nft is not installed, because firewalld does not need nft."""
        return self._listing.objects if self._host.which("nft") else []

    @property
    def _kept(self) -> str:
        """Path of the file for the runtime configuration that a reload removes. The rollback uses the same file."""
        return str(self._host.locate(f"{PENDING}/others.json"))

    @property
    def _interpreter(self) -> tuple[str, ...]:
        from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import find_interpreter  # noqa: PLC0415

        return find_interpreter(self._host, "firewall-cmd")

    def _ask(self, request: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run a session. If this Python has the libraries, run it in this process, which is twice as fast."""
        request = {"prefixes": _PREFIXES, **request}
        try:
            if has_libraries(changes="want" in request):
                return self._host.call(_session.answer, request)
            result: dict[str, t.Any] = json.loads(
                self._host.run(*self._interpreter, stdin=self._make_script(request), seconds=_SESSION_SECONDS)
            )
        except SessionError as error:
            raise HostError(f"firewalld: {error}") from error
        except HostError as error:
            raise HostError(f"firewalld: {str(error).partition(': ')[2] or error}") from error
        return result

    @staticmethod
    def _make_script(request: dict[str, t.Any]) -> str:
        from ansible_collections.gatehouse.kong.plugins.module_utils._host.foreign_python import make_script  # noqa: PLC0415

        return make_script(_session, request)


def _is_current(loaded: dict[str, t.Any], family: str) -> bool:
    """Tell whether a loaded ipset has the type and the options of our ipsets."""
    return bool(loaded["type"] == TYPE and loaded["options"] == set_options(family))


def _copy_tree(source: Path, target: Path) -> None:
    try:
        shutil.copytree(source, target)
    except (OSError, shutil.Error) as error:
        raise HostError(f"cannot copy {source} to {target}: {error}") from error
