# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real runs of ansible-playbook for an inventory with values that Ansible Vault encrypts, without the vault password."""

from __future__ import annotations

from textwrap import indent

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import VAULTED
from ansible_collections.gatehouse.kong.tests.playbooks.plugins.action.test_kong_plan import run

PASSWORD = "a password for this test only"
PLAINTEXT = "hunter2"
IMPORT = [{"import_playbook": "gatehouse.kong.plan"}]

SECRETS = """
all:
  vars:
    vaulted: {vaulted}
    base: {{pg_host: db}}
    cassandra:
      username: kong
      password: {vaulted}
  children:
    kong:
      hosts:
        direct:
          kong_address: 10.0.0.1
          kong_config:
            log_level: notice
            pg_password: {vaulted}
        referred:
          kong_address: 10.0.0.2
          kong_config: {{pg_password: "{{{{ vaulted }}}}", pg_user: kong}}
        combined:
          kong_address: 10.0.0.3
          kong_config: "{{{{ base | combine({{'pg_password': vaulted}}) }}}}"
        nested:
          kong_version: "0.8"
          kong_address: 10.0.0.4
          kong_config:
            cassandra:
              password: {vaulted}
        computed:
          kong_version: "0.8"
          kong_address: 10.0.0.6
          kong_config:
            cassandra: "{{{{ cassandra }}}}"
            send_anonymous_reports: "{{{{ vaulted == 'x' }}}}"
            memory_cache_size: "{{{{ vaulted | length + 100 }}}}"
        other_host:
          kong_address: 10.0.0.7
          kong_config: {{pg_password: "{{{{ hostvars['direct'].vaulted | b64encode }}}}", pg_user: kong}}
        key:
          kong_address: 10.0.0.5
          kong_role: data_plane
          kong_cluster_control_plane: cp.example.com:8005
          kong_config: {{database: "off", cluster_cert: /etc/kong/cert, cluster_cert_key: "{{{{ vaulted }}}}"}}
"""
NEEDED = """
kong:
  vars:
    vaulted: {vaulted}
  hosts:
    address:
      kong_address: {vaulted}
    admin:
      kong_address: 10.0.0.2
      kong_admin_sources: ["{{{{ vaulted }}}}"]
      kong_admin_listen: 0.0.0.0:8444 ssl
    role:
      kong_address: 10.0.0.3
      kong_role: data_plane
      kong_cluster_control_plane: cp.example.com:8005
      kong_config: {{database: "{{{{ vaulted }}}}"}}
    listen:
      kong_address: 10.0.0.4
      kong_config: {{proxy_listen: "{{{{ vaulted }}}}"}}
    whole:
      kong_address: 10.0.0.6
      kong_config: "{{{{ vaulted | from_yaml }}}}"
    query:
      cmdb:
        address: 10.0.0.7
        password: {vaulted}
      kong_address_query: cmdb.address
    missing:
      kong_address: 10.0.0.5
      kong_config: {{pg_password: "{{{{ vaulted }}}}", pg_user: "{{{{ no_such_variable }}}}"}}
"""


def write_inventory(folder, template):
    """Write an inventory with its encrypted values, and return its path."""
    secret = VaultSecret(PASSWORD.encode())
    ciphertext = VaultLib([("default", secret)]).encrypt(PLAINTEXT, secret).decode()
    path = folder / "hosts.yml"
    path.write_text(template.format(vaulted=f"!vault |\n{indent(ciphertext, ' ' * 20)}"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """Return the text of the plan file and everything that was printed, without and with the vault password."""
    folder = tmp_path_factory.mktemp("vault")
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    hosts = write_inventory(folder, SECRETS)
    found = {}
    for name, arguments in (("without", []), ("with", [f"--vault-password-file={folder}/password"])):
        options = ["-e", f"kong_plan_file={folder}/{name}.json", "-e", f"kong_report_path={folder}/{name}"]
        done = run(folder, hosts, IMPORT, *options, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        report = (folder / name / "report.json").read_text(encoding="utf-8")
        found[name] = (folder / f"{name}.json").read_text(encoding="utf-8"), done.stdout + done.stderr + report
    return found


def test_the_plan_is_the_same_without_the_vault_password(plans):
    assert plans["without"][0] == plans["with"][0]
    assert '"cassandra.password"' in plans["without"][0]


@pytest.mark.parametrize("name", ["without", "with"])
def test_neither_a_secret_nor_its_placeholder_is_printed_or_written(plans, name):
    for text in plans[name]:
        assert PLAINTEXT not in text
        assert VAULTED not in text


@pytest.mark.parametrize(
    "line",
    [
        "address: kong_address: its value is encrypted, and no vault password of this run decrypts it; add --ask-vault-pass",
        "admin: kong_admin_sources: its value is encrypted",
        "role: kong_config: 'database': the plan needs the value of database, and no vault password",
        "listen: kong_config: {'proxy_listen': '(encrypted)'}: proxy_listen is a listen setting",
        "whole: kong_config: its value is encrypted, and a value that Ansible Vault encrypts is text, never a mapping",
        "query: kong_address_query: 'cmdb.address': it reads a value that is encrypted, and no vault password",
        "missing: kong_config: its value cannot be computed; correct the template: ",
    ],
)
def test_a_value_that_the_plan_needs_is_an_error_with_its_name(refused, line):
    assert [found for found in refused if found.startswith(f"- error: {line}")]


def test_no_other_error_follows_from_an_encrypted_value(refused):
    assert len(refused) == 7


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Return the errors of the inventory whose encrypted values the plan needs."""
    folder = tmp_path_factory.mktemp("vault")
    done = run(folder, write_inventory(folder, NEEDED), IMPORT)
    assert done.returncode == 2, done.stdout + done.stderr
    assert VAULTED not in done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith("- error: ")]
