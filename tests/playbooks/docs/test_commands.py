# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of README.md and docs/operations.md work. The commands of the guides are run as the guides show them."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from ansible_collections.gatehouse.kong.scripts.ansible_package import provide_collections
from ansible_collections.gatehouse.kong.tests.unit.docs.pages import ROOT, list_blocks, read_page

PAGES = ("README.md", "docs/operations.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = ("ansible", "make ", "pip ")
# The commands that this test does not run, and where they run instead.
ELSEWHERE = {
    "make demo": "it builds containers; the scenario seed has the same hosts",
    "make test": "it runs this test",
    "pip install netaddr jmespath": "it needs a package index; `make venv` installs both from requirements-dev.txt",
    "ansible-galaxy collection install gatehouse.kong": "it needs a release; scripts/artifact.py installs the tarball",
    "ansible-galaxy collection install gatehouse.kong --upgrade": "like the line above",
    "ansible kong -i hosts.yml -m gatehouse.kong.kong_firewall_info": "it needs systemd; test_results.py runs the module",
}
# A playbook that connects to hosts is only parsed here, with its inventory and options. A scenario runs it.
ON_THE_CONTROLLER = "gatehouse.kong.plan"
INVENTORY = """\
all:
  children:
    {group}: {{hosts: {{k1: {{kong_version: "3.9", kong_address: 192.0.2.1, kong_admin_listen: "off"}}}}}}
    others: {{hosts: {{bastion: {{kong_address: 192.0.2.2}}}}}}
"""


def list_commands():
    texts = [text for page in PAGES for kind, text in FENCE.findall(read_page(page)) if not kind]
    lines = (line for text in texts for line in text.splitlines())
    found = (re.split(r"\s+#", line)[0].strip() for line in lines)
    return sorted({line for line in found if line.startswith(PROGRAMS)})


@pytest.fixture
def run(tmp_path, environment, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "password")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (tmp_path / "password").write_text("p")

    def run_line(line, typed=""):
        given = re.search(r"-i (\S+)(?:.*kong_group=(\w+))?", line)
        if given:
            (tmp_path / given[1]).write_text(INVENTORY.format(group=given[2] or "kong"))
        return subprocess.run(line.split(), input=typed, capture_output=True, text=True, check=False, env=os.environ)

    return run_line


@pytest.mark.parametrize("line", [line for line in list_commands() if line.startswith("ansible-playbook")])
def test_playbooks_run_on_the_controller_or_in_a_scenario(line, run):
    playbook = line.split()[1]
    parsed = run(f"{line} --syntax-check")
    assert parsed.returncode == 0, parsed.stderr
    if playbook == ON_THE_CONTROLLER:
        done = run(line)
        assert done.returncode == 0, done.stdout
    else:
        # Scenarios run the guides as well.
        paths = (*(ROOT / "molecule").rglob("*.yml"), *(ROOT / "docs/guides").glob("*.md"))
        assert any(playbook in path.read_text(encoding="utf-8") for path in paths)


def test_a_value_for_the_inventory_is_encrypted(run):
    (line,) = (line for line in list_commands() if line.startswith("ansible-vault"))
    done = run(line, typed="pg_password\nsecret\n")
    assert done.returncode == 0
    assert "pg_password: !vault |\n" in done.stdout


def test_every_other_command_has_a_reason():
    assert {*ELSEWHERE} == {
        line for line in list_commands() if not line.startswith(("ansible-playbook", "ansible-vault"))
    }


def list_collections(playbooks):
    """Return the collections of the modules in the tasks of playbooks, such as ``amazon/aws``, without that of this repository."""
    tasks = (task for block in playbooks for play in block.data for task in play.get("tasks", ()))
    found = {"/".join(name.split(".")[:2]) for task in tasks for name in task if name.count(".") == 2}
    return sorted(found - {"ansible/builtin", "gatehouse/kong"})


def test_ansible_can_parse_every_playbook_of_the_pages(tmp_path, run, monkeypatch):
    playbooks = [block for block in list_blocks() if block.kind == "playbook"]
    folders = os.environ["ANSIBLE_COLLECTIONS_PATH"], str(provide_collections(list_collections(playbooks)))
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", os.pathsep.join(folders))
    names = [f"{number}-{re.sub('[^a-z]+', '-', block.page)}.yml" for number, block in enumerate(playbooks)]
    for name, block in zip(names, playbooks, strict=True):
        (tmp_path / name).write_text(block.text)
    done = run(f"ansible-playbook -i hosts.yml {' '.join(names)} --syntax-check -e leaving=k1")
    assert done.returncode == 0, done.stderr
    assert len(names) > 10
