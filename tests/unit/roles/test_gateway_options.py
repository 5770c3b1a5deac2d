# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each role and playbook gives kong_gateway the whole part of a gateway, so a run, drift, verify and a rollback compare the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.module_utils._gateway.model import Nat, nat_to_data

ROOT = Path(__file__).resolve().parents[3]
MODULE = "gatehouse.kong.kong_gateway"


def find_options(entries):
    """Yield the options of each task that gives translations to kong_gateway, in plays and blocks too."""
    for entry in entries:
        if "forwards" in entry.get(MODULE, ()):
            yield entry[MODULE]
        for part in ("tasks", "block", "rescue", "always"):
            yield from find_options(entry.get(part, ()))


FILES = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml")]
FOUND = {
    str(path.relative_to(ROOT)): [*find_options(yaml.safe_load(path.read_text(encoding="utf-8")) or ())]
    for path in sorted(FILES)
}
USES = {name: options for name, options in FOUND.items() if options}


def test_the_roles_and_the_rollback_give_translations():
    assert {name.split("/")[1] for name in USES} == {"kong_drift", "kong_gateway", "kong_verify", "rollback.yml"}


@pytest.mark.parametrize("name", USES)
def test_every_key_of_the_translations_is_an_option(name):
    for options in USES[name]:
        assert {*options} - {"state"} == {*nat_to_data(Nat())}
