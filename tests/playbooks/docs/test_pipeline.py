# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job of a merge request in the guide to continuous integration fails if its plan is not committed or has errors."""

from __future__ import annotations

import json

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import NO_PLAN
from ansible_collections.gatehouse.kong.scripts.pipeline import MERGE_REQUEST, run_job
from ansible_collections.gatehouse.kong.tests.unit.docs.test_pipeline import FILES, JOBS, commit, create_repository


@pytest.mark.parametrize(
    "sources, said",
    [("[bastion]", "diff --git a/kong-plan.json"), ("[bastoin]", "no host was touched")],
    ids=["plan file not committed", "refused"],
)
def test_the_job_of_a_merge_request_fails(tmp_path, monkeypatch, environment, sources, said):
    repository = create_repository(tmp_path, monkeypatch)
    inventory = FILES["hosts.yml"].text.replace("paris", "n").replace("[bastion]", sources)
    (repository / "hosts.yml").write_text(inventory, encoding="utf-8")
    (repository / "kong-plan.json").write_text(json.dumps(NO_PLAN), encoding="utf-8")
    commit(repository)
    [plan] = [candidate for candidate in JOBS if candidate.name == "plan"]
    status, output = run_job(plan, repository, "main", MERGE_REQUEST)
    assert status
    assert said in output
