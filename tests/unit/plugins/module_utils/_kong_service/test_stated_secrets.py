# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of secrets in Kong's file and environment, without their values."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.stated_secrets import Secret, list_secrets
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.unit_environment import Variable

CONF, UNIT = "/etc/kong/kong.conf", "Environment= of kong.service"


def list_names(form, text, **variables):
    given = {name: Variable(value, UNIT) for name, value in variables.items()}
    found = list_secrets(CONF, form, text, given)
    assert "hunter2" not in str(found)
    return [(secret.name, secret.place) for secret in found]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("log_level = info\npg_host = db\nproxy_listen = 0.0.0.0:80\n", []),
        ("pg_password = hunter2\ncluster_cert_key = /etc/kong/cluster.key # hunter2\n", ["pg_password", "cluster_cert_key"]),
        # Kong reads a hyphen as an underscore, and ignores names in upper case.
        ("pg-password = hunter2\nPG_RO_PASSWORD = hunter2\n", ["pg_password"]),
        ("pg_password = hunt\\\ner2\n", ["pg_password"]),
        ("pg_password =\n#redis_password = hunter2\n", []),
        ("nginx_daemon = on\nnginx_proxy_proxy_set_header = Authorization hunter2\n", ["nginx_proxy_proxy_set_header"]),
        # Kong ignores everything below a section.
        ("[a]\npg_password = hunter2\n", []),
    ],
)  # fmt: skip
def test_the_secrets_of_a_conf(text, names):
    assert list_names("conf", text) == [(name, CONF) for name in names]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('cassandra:\n  username: a\n  password: hunter2\ncluster:\n  encrypt: "hunter2"\n', ["cassandra.password", "cluster.encrypt"]),
        ("postgres_password: hunter2\nplugins:\n- a_key\n- b\n", ["postgres_password"]),
        ("cassandra: {password: hunter2}\ncassandra_password:\n", []),
        ("- a\n", []),
        # The rest of the file is read, even if a part is not in plain blocks.
        ("cassandra:\n\tpassword: hunter2\nadmin_token: hunter2\n", ["admin_token"]),
    ],
)  # fmt: skip
def test_the_secrets_of_a_kong_yml(text, names):
    assert list_names("yaml", text, KONG_PG_PASSWORD="hunter2") == [(name, CONF) for name in names]


def test_a_variable_overrides_the_file():
    variables = {"KONG_PG_PASSWORD": "hunter2", "KONG_LICENSE_DATA": "hunter2", "KONG_LOG_LEVEL": "info"}
    more = {"KONG_REDIS_PASSWORD": "", "PG_PASSWORD": "hunter2", "KONG_pg_ro_password": "hunter2"}
    found = list_names("conf", "pg_password = hunter2\nadmin_token = hunter2\n", **variables, **more)
    assert found == [("pg_password", UNIT), ("admin_token", CONF), ("license_data", UNIT)]


def test_a_variable_whose_value_only_kong_gets_is_a_secret():
    variables = {"KONG_PG_PASSWORD": Variable("", "KONG_PG_PASSWORD_FILE", is_known=False)}
    assert list_secrets("", "conf", "", variables) == [Secret("pg_password", "KONG_PG_PASSWORD_FILE")]
