# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Third-party iptables rules. A reload of firewalld removes them (FlushAllOnReload)."""

import re
import shutil
import time
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import (
    SessionError,
    run,
)

_COUNTERS = re.compile(r"\[\d+:\d+\]\s*")
_PACKETS = re.compile(r"\[(\d+):\d+\]")
# A built-in chain with the policy ACCEPT.
_EMPTY = re.compile(r":[A-Z]+ ACCEPT $")
# Chains of daemons that restore their rules when firewalld reports a reload.
_RESTORED_BY_DAEMON = re.compile(r"^:(DOCKER|NETAVARK)", re.MULTILINE)
# firewalld's chains in the tables of iptables (with FirewallBackend=iptables).
_FIREWALLD_CHAIN = re.compile(
    r"(INPUT|OUTPUT|FORWARD|PREROUTING|POSTROUTING)_(direct|ZONES|POLICIES_pre|POLICIES_post)$"
    r"|(IN|OUT|FWD|FWDI|FWDO|PRE|POST)_"
)
# Lines of `iptables-save -c` begin with these: comments, tables, chains, rules with counters, the end of a table.
_LINE_STARTS = ("#", "*", ":", "[", "COMMIT")
_ATTEMPTS = 3
_POLL_SECONDS = 0.3
_FIRST_CHANGE_SECONDS = 6.0
_QUIET_SECONDS = 9.0

Table = t.Dict[str, t.Any]
Tables = t.Dict[str, Table]


def save_tables() -> t.Dict[str, str]:
    """Return the tables of iptables by program. Raises SessionError if they cannot be restored later."""
    programs = (program for program in ("iptables", "ip6tables") if shutil.which(program + "-restore"))
    saved = {program: run(program + "-save", "-c") for program in programs}
    for program, text in saved.items():
        _check_line_breaks(program, text)
    return saved


def _check_line_breaks(program: str, saved: str) -> None:
    """Check that no comment has a line break, because iptables-restore(8) reads line by line. Raises SessionError."""
    for line in saved.splitlines():
        if line and not line.startswith(_LINE_STARTS):
            raise SessionError(
                "a reload would empty the tables of {0}, but {0}-restore cannot restore the rule with the line break in "
                "its comment ...{1!r}. Delete that rule, or change its comment".format(program, line)
            )


def restore_tables(before: t.Dict[str, str]) -> None:
    """Load the tables of `save_tables` again, with the rules that were added later. Waits for daemons that do the same."""
    before = {program: saved for program, saved in before.items() if _has_rules(saved)}
    _load_missing(before)
    if any(_RESTORED_BY_DAEMON.search(saved) for saved in before.values()):
        _wait_for_daemons([*before])
        _load_missing(before)


def _load_missing(before: t.Dict[str, str]) -> None:
    """Add the rules of `before` that are missing, and move rules that are in another order. Later rules are kept.

    The tables are not flushed, so a rule that a third party adds in the meantime is kept as well. If it deletes rules in the
    meantime, the number of a new rule can be too high, so the next attempt reads the rules again.
    """
    for program, saved in before.items():
        for attempt in range(1, _ATTEMPTS + 1):
            now = parse_tables(run(program + "-save", "-c"))
            text = "".join(_change_table(name, table, now.get(name, {})) for name, table in parse_tables(saved).items())
            try:
                if text:
                    run(program + "-restore", "--wait", "10", "-c", "--noflush", stdin=text)
                break
            except SessionError:
                if attempt == _ATTEMPTS:
                    raise


def _change_table(name: str, before: Table, now: Table) -> str:
    """Return the lines for `iptables-restore --noflush` that restore the third-party chains of a table, or ""."""
    have = {"chains": now.get("chains", {}), "rules": now.get("rules", {})}
    chains = {chain: line for chain, line in before["chains"].items() if not _FIREWALLD_CHAIN.match(chain)}
    lines = [line for chain, line in chains.items() if _differs(line, have["chains"].get(chain))]
    for chain in chains:
        rules = have["rules"].get(chain, [])
        lines += _change_rules(chain, merge_rules(before["rules"].get(chain, []), rules), rules)
    return "\n".join(["*" + name, *lines, "COMMIT"]) + "\n" if lines else ""


def _differs(line: str, now: t.Optional[str]) -> bool:
    """Tell whether a chain is missing, or has another policy. A missing built-in chain accepts."""
    policy = line.split()[1]
    return policy != (now.split()[1] if now else "" if policy == "-" else "ACCEPT")


def _change_rules(chain: str, wanted: t.List[str], have: t.List[str]) -> t.Iterator[str]:
    """Yield the lines that delete rules in another order, and then the lines that add the missing rules at their places."""
    bare = [strip_counters(rule) for rule in wanted]
    kept = []  # type: t.List[int]
    for rule in map(strip_counters, have):
        begin = kept[-1] + 1 if kept else 0
        if rule in bare[begin:]:
            kept.append(bare.index(rule, begin))
        else:
            yield rule.replace("-A", "-D", 1)
    for place, rule in enumerate(wanted):
        if place in kept:
            continue
        if kept and place < kept[-1]:
            yield rule.replace("-A " + chain, "-I {} {}".format(chain, place + 1), 1)
        else:
            yield rule


def merge_rules(before: t.List[str], now: t.List[str]) -> t.List[str]:
    """Return the rules of `before` in their order. A rule that was added later follows its predecessor."""
    merged, place = list(before), 0
    known = [strip_counters(rule) for rule in merged]
    for rule in now:
        if strip_counters(rule) in known:
            place = known.index(strip_counters(rule)) + 1
        else:
            merged.insert(place, rule)
            known.insert(place, strip_counters(rule))
            place += 1
    return merged


def strip_counters(rule: str) -> str:
    return _COUNTERS.sub("", rule)


def parse_tables(saved: str) -> Tables:
    """Return the chain line and the rule lines of each chain, by table, in the output of `iptables-save -c`."""
    tables = {}  # type: Tables
    table = {}  # type: Table
    for line in saved.splitlines():
        if line.startswith("*"):
            table = tables.setdefault(line[1:], {"chains": {}, "rules": {}})
        elif line.startswith(":"):
            table["chains"][line[1:].split()[0]] = line
        elif line.startswith("["):
            table["rules"].setdefault(line.split()[2], []).append(line)
    return tables


def _has_rules(saved: str) -> bool:
    lines = (_COUNTERS.sub("", line) for line in saved.splitlines() if not line.startswith(("#", "*", "COMMIT")))
    return any(line and not _EMPTY.fullmatch(line) for line in lines)


def _wait_for_daemons(programs: t.List[str]) -> None:
    """Wait until a daemon such as Docker begins to restore its rules after a reload, and then until it has finished.

    Both waits are limited. Restored rules have counters of zero, so a change is detected even if the rules are equal.
    """
    saved = _save_lines(programs)
    for limit, awaits_change in ((_FIRST_CHANGE_SECONDS, True), (_QUIET_SECONDS, False)):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
            earlier, saved = saved, _save_lines(programs)
            if _has_changed(earlier, saved) is awaits_change:
                break


def _save_lines(programs: t.List[str]) -> t.List[str]:
    texts = [run(program + "-save", "-c") for program in programs]
    return [line for text in texts for line in text.splitlines() if not line.startswith("#")]


def _has_changed(earlier: t.List[str], now: t.List[str]) -> bool:
    if [strip_counters(line) for line in earlier] != [strip_counters(line) for line in now]:
        return True
    counts = [[int(count) for line in lines for count in _PACKETS.findall(line)] for lines in (earlier, now)]
    return any(after < before for before, after in zip(*counts))
