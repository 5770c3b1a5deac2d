# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which the parts of a firewall are read, changed and removed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewall import Firewall, Leftovers
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Live, Snapshot

WANT, OLD = (
    ruleset_from_data({"allow": [{"listener": "proxy", "protocol": "tcp", "port": port, "sources": "any"}], "sets": {}})
    for port in (8000, 9000)
)


class Part:
    """A part that records its calls in `calls`. `found` is its loaded state."""

    def __init__(self, name, calls, found=None):
        self.name, self.calls, self.found = name, calls, found
        self.stale_lines = (f"{name} file",)

    def record(self, method, *args):
        self.calls.append((self.name, method, *args))

    def require(self):
        self.record("require")

    def compare_persisted(self, want):
        self.record("compare_persisted", want)
        return self.stale_lines

    def find_conflicts(self, want):
        self.record("find_conflicts", want)
        return (f"{self.name} conflict",)

    def find_translations(self):
        return (f"{self.name} translation",)

    def validate(self, want, *, check_mode):
        self.record("validate", want, check_mode)

    def apply(self, want):
        self.record("apply", want)
        return (f"{self.name} warning",)

    def persist(self, want):
        self.record("persist", want)


class Early(Part):
    def read(self):
        self.record("read")
        if isinstance(self.found, HostError):
            raise self.found
        return self.found or Live(None)

    def snapshot(self, live, want):
        self.record("snapshot", live)
        return Snapshot((f"{self.name} file", "shared file"), (((self.name,), ""),))


class Late(Part):
    def read(self, ruleset):
        self.record("read", ruleset)
        if isinstance(self.found, HostError):
            raise self.found
        return self.found or ()

    def snapshot(self, ruleset):
        self.record("snapshot", ruleset)
        return Snapshot((f"{self.name} file", "shared file"), (((self.name,), ""),))


@pytest.fixture
def calls():
    return []


def make_firewall(tmp_path, calls, found=None, late=None, *, left_early=None, left_late=None):
    left = Leftovers(
        (Early("old early", calls, left_early),) if left_early else (),
        (Late("old late", calls, left_late),) if left_late else (),
    )
    return Firewall(Host(tmp_path), Early("early", calls, found), Late("late", calls, late), left)


def select_calls(calls, method):
    return [(name, *args) for name, called, *args in calls if called == method]


GONE = HostError("no firewall answers")


def test_both_parts_are_required_and_validated(tmp_path, calls):
    tested = make_firewall(tmp_path, calls, left_early=Live(OLD), left_late=("x",))
    tested.require()
    assert calls == [("early", "require"), ("late", "require")]
    tested.validate(WANT, check_mode=True)
    assert calls[2:] == [("early", "validate", WANT, True), ("late", "validate", WANT, True)]
    assert tested.find_translations() == ("early translation", "late translation")
    assert tested.name == "late"


def test_the_late_part_is_read_for_the_ruleset_of_the_early_part(tmp_path, calls):
    tested = make_firewall(tmp_path, calls, Live(OLD, ("early drift",)), ("late drift",))
    assert tested.read() == Live(OLD, ("early drift", "late drift"))
    assert tested.read() == Live(OLD, ("early drift", "late drift"))
    assert calls == [("early", "read"), ("late", "read", OLD)]


LEFT = tuple(f"rules and files for {name}: not needed any more" for name in ("old late", "old early"))


def test_the_ruleset_of_a_leftover_early_part_is_the_current_ruleset(tmp_path, calls):
    tested = make_firewall(tmp_path, calls, left_early=Live(OLD), left_late=("x",))
    assert tested.read() == Live(OLD, LEFT)
    assert select_calls(calls, "read")[-1] == ("late", OLD)
    assert make_firewall(tmp_path, [], Live(WANT), left_early=Live(OLD)).read().ruleset == WANT


def test_a_leftover_whose_firewall_is_not_available_is_only_files(tmp_path, calls):
    tested = make_firewall(tmp_path, calls, left_early=GONE, left_late=GONE)
    assert tested.read() == Live(None, LEFT)
    calls.clear()
    assert tested.snapshot(Live(None), None).load == ((("early",), ""), (("late",), ""))
    tested.apply(WANT)
    assert select_calls(calls, "apply") == [("early", WANT), ("late", WANT)]
    tested.persist(WANT)
    assert select_calls(calls, "persist") == [("early", WANT), ("late", WANT), ("old late", None), ("old early", None)]


@pytest.mark.parametrize(
    "method, expected",
    [
        ("compare_persisted", ("early file", "late file", "old late file", "old early file")),
        ("find_conflicts", ("early conflict", "late conflict")),
    ],
)
def test_the_late_part_is_read_before_other_calls(tmp_path, calls, method, expected):
    tested = make_firewall(tmp_path, calls, left_early=Live(OLD), left_late=("x",))
    assert getattr(tested, method)(WANT) == expected
    assert calls[0] == ("late", "read", WANT)
    getattr(tested, method)(WANT)
    assert select_calls(calls, "read") == [("late", WANT)]
    left = [("old late", None), ("old early", None)] if method == "compare_persisted" else []
    assert select_calls(calls, method) == [("early", WANT), ("late", WANT), *left] * 2


def test_the_snapshot_has_every_available_part(tmp_path, calls):
    tested = make_firewall(tmp_path, calls, Live(WANT), left_early=Live(OLD), left_late=("x",))
    found = tested.snapshot(Live(OLD), None)
    names = ["early", "late", "old early", "old late"]
    assert found.files == ("early file", "shared file", *(f"{name} file" for name in names[1:]))
    assert [command for (command,), _given in found.load] == names
    assert select_calls(calls, "snapshot") == [
        ("early", Live(WANT)),
        ("late", OLD),
        ("old early", Live(OLD)),
        ("old late", OLD),
    ]


# The loaded early part, the wanted ruleset, and the changed parts in order.
STAGED = replace(WANT, staged=True, count_days=14)
ORDERS = {
    "staged": (Live(None), STAGED, [("early", STAGED), ("late", None)]),
    "enforced, then staged": (Live(WANT), STAGED, [("early", STAGED), ("late", None)]),
    "staged, then enforced": (Live(STAGED), WANT, [("early", WANT), ("late", WANT)]),
    "new": (Live(None), WANT, [("early", WANT), ("late", WANT)]),
    "changed": (Live(OLD), WANT, [("early", WANT), ("late", WANT)]),
    "unchanged": (Live(WANT), WANT, [("late", WANT)]),
    "drift": (Live(WANT, ("x",)), WANT, [("early", WANT), ("late", WANT)]),
    "removed": (Live(OLD), None, [("late", None), ("early", None)]),
    "nothing to remove": (Live(None), None, [("late", None)]),
}


@pytest.mark.parametrize("case", ORDERS)
def test_the_late_part_is_loaded_after_and_removed_before_the_early_part(tmp_path, calls, case):
    found, want, expected = ORDERS[case]
    tested = make_firewall(tmp_path, calls, found)
    assert tested.apply(want) == tuple(f"{name} warning" for name, _want in expected)
    assert select_calls(calls, "apply") == expected
    read = None if found.ruleset == STAGED else found.ruleset
    assert select_calls(calls, "read")[1:] == [("late", read)]


def test_a_staged_ruleset_has_no_late_part(tmp_path, calls):
    tested = make_firewall(tmp_path, calls, Live(STAGED))
    tested.validate(STAGED, check_mode=False)
    tested.snapshot(Live(STAGED), None)
    tested.compare_persisted(STAGED)
    tested.persist(STAGED)
    for method in ("validate", "snapshot", "compare_persisted", "persist"):
        assert {args[0] for name, *args in select_calls(calls, method) if name == "late"} == {None}
    assert ("early", STAGED) in select_calls(calls, "persist")


def test_leftovers_are_removed_before_the_late_part_is_read_and_loaded(tmp_path, calls):
    make_firewall(tmp_path, calls, left_early=Live(OLD), left_late=("x",)).apply(WANT)
    changes = [call for call in calls if call[1] == "apply" or call == ("late", "read", WANT)]
    assert changes == [
        ("early", "apply", WANT), ("old late", "apply", None), ("old early", "apply", None), ("late", "read", WANT),
        ("late", "apply", WANT),
    ]  # fmt: skip


def test_only_parts_with_stale_files_are_written(tmp_path, calls):
    tested = make_firewall(tmp_path, calls, left_early=Live(OLD), left_late=("x",))
    tested._late.stale_lines = tested._leftovers.early[0].stale_lines = ()
    tested.persist(WANT)
    assert select_calls(calls, "persist") == [("early", WANT), ("old late", None)]
    assert select_calls(calls, "read") == [("late", WANT)]
