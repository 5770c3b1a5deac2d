# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The placeholders for secrets: comments, which become valid variables without their '#'."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.conf import edit_conf
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.env import edit_env
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_conf.yaml import edit_yaml
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.stated_secrets import list_secrets
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.files import render_files
from ansible_collections.gatehouse.kong.plugins.plugin_utils._adopt.propose import propose
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._kong.config import read_config_of
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils._adopt.found import make_host, make_settings

CONF, ENV, YML = "/etc/kong/kong.conf", "/etc/kong/kong.env", "/etc/kong/kong.yml"
SECRET = "hunter2\\#x, y"


def make_secrets(place=CONF, *names):
    return [{"name": name, "place": place} for name in names]


def read_secrets(path, form, text, variables):
    """Return the secrets of a node as its module returns them."""
    return [vars(secret) for secret in list_secrets(path, form, text, variables)]


def render(*hosts):
    return render_files(propose(hosts, {}))


def remove_signs(text):
    """Remove the sign of the comment from the lines of kong_config."""
    return re.sub(r"^#(?=kong_config|  \w)", "", text, flags=re.MULTILINE)


def read_value(value):
    assert re.fullmatch(r"\{\{ vault_kong_[a-z0-9_]+ \}\}", value)
    return SECRET


NODES = [
    ({"version": "2.8.5"}, CONF, "conf", edit_conf, f"log_level = info\npg_password = {SECRET} # old\nnginx_http_x = {SECRET}\n"),
    ({"version": "0.8.3"}, YML, "yaml", edit_yaml, f"cluster:\n  encrypt: '{SECRET}'\n"),
    (
        {"version": "3.9.1", "settings": make_settings("environment", ENV, admin_listen="127.0.0.1:9001")},
        ENV, "env", edit_env, f"KONG_ADMIN_LISTEN=127.0.0.1:9001\nKONG_PG_PASSWORD={SECRET.replace(chr(92), '')}\n",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kong", "path", "form", "edit", "text"), NODES)
def test_without_their_signs_the_lines_are_variables_of_a_plan_that_changes_no_secret(kong, path, form, edit, text):
    variables = {"KONG_PG_PASSWORD": Variable(SECRET, path)} if form == "env" else {}
    secrets = read_secrets(CONF if form == "env" else path, "conf" if form == "env" else form, text, variables)
    files = render(make_host("a", "10.0.0.1", path=path, format=form, secrets=secrets, **kong))
    assert "hunter2" not in str(files)
    written = files["host_vars/a.yml"]
    assert "kong_config" not in yaml.safe_load(written)
    found = yaml.safe_load(remove_signs(written))
    assert len(found["kong_config"]) == text.count("hunter2")
    value = SECRET.replace("\\", "") if form == "env" else SECRET
    found["kong_config"] = {name: read_value(item) and value for name, item in found["kong_config"].items()}
    compilation = compile_plan(PlainInventory({"all": ["a"], "kong": ["a"]}, {"a": found}), "kong")
    assert not compilation.errors
    assert compilation.plan["nodes"]["a"]["config"] == sorted(found["kong_config"])
    assert edit(text, read_config_of(found["kong_version"], found["kong_config"])) == (text, [])


def test_each_line_is_valid_without_the_other_lines():
    files = render(make_host("a", "10.0.0.1", secrets=make_secrets(CONF, "pg_password", "admin_token")))
    lines = files["host_vars/a.yml"].replace("#kong_config", "kong_config").replace("#  pg_", "  pg_")
    assert yaml.safe_load(lines)["kong_config"] == {"pg_password": "{{ vault_kong_pg_password }}"}


def test_the_comment_has_the_places_and_what_to_do():
    secrets = [
        *make_secrets(CONF, "pg_password", "admin_token"),
        *make_secrets("Environment= in a.conf", "license_data"),
    ]
    files = render(make_host("a", "10.0.0.1", secrets=secrets))
    assert (
        "# observed: pg_password, admin_token in /etc/kong/kong.conf; license_data in Environment= in a.conf. "
        "Each value stays in the node's own file or environment, and is not in this inventory. To manage a secret here, define "
        "its variable with Ansible Vault, and remove the '#' of its line and of kong_config\n"
        "#kong_config:\n"
        "#  pg_password: '{{ vault_kong_pg_password }}'\n"
        "#  admin_token: '{{ vault_kong_admin_token }}'\n"
        "#  license_data: '{{ vault_kong_license_data }}'\n"
    ) in files["host_vars/a.yml"]
    assert "- `#kong_config: pg_password, admin_token, license_data` (observed: " in files["report.md"]
    assert "template for Ansible" not in files["report.md"]


def test_secrets_of_every_node_are_in_the_group():
    hosts = [make_host(name, f"10.0.0.{name}", secrets=make_secrets(CONF, "pg_password")) for name in "123"]
    files = render(*hosts)
    assert "kong_config" in remove_signs(files["group_vars/kong.yml"])
    assert not any("kong_config" in files[f"host_vars/{name}.yml"] for name in "123")


def test_a_node_with_another_secret_has_all_its_secrets_itself():
    """A mapping of a host replaces that of a group."""
    names = {"1": ["pg_password"], "2": ["pg_password", "admin_token"]}
    files = render(*(make_host(name, f"10.0.0.{name}", secrets=make_secrets(CONF, *of)) for name, of in names.items()))
    assert "kong_config" not in files["group_vars/kong.yml"]
    for name, of in names.items():
        assert [*yaml.safe_load(remove_signs(files[f"host_vars/{name}.yml"]))["kong_config"]] == of


def test_a_group_with_nothing_but_secrets_is_valid():
    hosts = [
        make_host(name, f"10.0.0.{name}", version=f"2.8.{name}", secrets=make_secrets(CONF, "pg_password"))
        for name in "12"
    ]
    text = render(*hosts)["group_vars/kong.yml"]
    assert not yaml.safe_load(text)
    assert [*yaml.safe_load(remove_signs(text))] == ["kong_config"]


@pytest.mark.parametrize("name", ["a_key }}{{ lookup('pipe', 'id')", "a\nb_key", "", "A_KEY", "1_key", "{{ a_key"])
def test_no_host_can_write_a_template(name):
    files = render(make_host("a", "10.0.0.1", secrets=make_secrets(CONF, name)))
    assert "kong_config" not in str(files)


def test_no_place_can_end_the_comment():
    files = render(make_host("a", "10.0.0.1", secrets=make_secrets("x\nkong_admin_sources: [any]", "pg_password")))
    assert "kong_admin_sources" not in yaml.safe_load(files["host_vars/a.yml"])
