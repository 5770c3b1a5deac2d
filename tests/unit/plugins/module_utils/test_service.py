# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong, ServiceError, way

KONG = "/usr/local/bin/kong"
CONF = "/etc/kong/kong.conf"
PACKAGED = "{ path=/usr/local/bin/kong ; argv[]=/usr/local/bin/kong prepare -p /usr/local/kong ; }"
SIGNAL = "{ path=/usr/local/openresty/nginx/sbin/nginx ; argv[]=nginx -p /usr/local/kong -s reload ; }"


def kong(version, **how_run):
    return Kong(**{"version": version, "conf": CONF, **how_run})


def of(version, **more):
    return kong(version, unit="kong.service", **more)


def alone(version, **more):
    return kong(version, program=KONG, **more)


RESTART_UNIT = ["systemctl restart kong.service"]
# How Kong is run, what is asked, what is done, and by which commands.
CASES = {
    "unit": (of((3, 9)), "restart", "restart", RESTART_UNIT),
    "unit of a Serf era Kong": (
        of((0, 10)),
        "restart",
        "restart",
        ["systemctl stop kong.service | settles", "systemctl start kong.service"],
    ),
    "no reload that the Serf era hears": (
        of((0, 10), reload_of_unit=PACKAGED, program=KONG),
        "reload",
        "restart",
        ["systemctl stop kong.service | settles", "systemctl start kong.service"],
    ),
    "reload of a packaged unit": (
        of((3, 9), reload_of_unit=PACKAGED),
        "reload",
        "reload",
        ["systemctl reload kong.service"],
    ),
    "a unit that cannot be reloaded": (
        of((3, 9), program=KONG),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "a unit of 1.5 that cannot be reloaded": (
        of((1, 5), program=KONG),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "unit of about 1.5, which only signals": (
        of((1, 5), reload_of_unit=SIGNAL, program=KONG),
        "reload",
        "reload",
        [f"{KONG} prepare -c {CONF} | as kong", "systemctl reload kong.service"],
    ),
    "the same as a user who is not root": (
        of((1, 5), reload_of_unit=SIGNAL, program=KONG, user="kong"),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "a packaged unit as such a user": (
        of((3, 9), reload_of_unit=PACKAGED, program=KONG, user="kong"),
        "reload",
        "reload",
        ["systemctl reload kong.service"],
    ),
    "the same without Kong's program": (of((1, 5), reload_of_unit=SIGNAL), "reload", "restart", RESTART_UNIT),
    "a unit without a reload": (of((3, 9)), "reload", "restart", RESTART_UNIT),
    "a unit that calls kong reload hears the file from 2.3 on": (
        of((2, 3), reload_of_unit="argv[]=/usr/local/bin/kong reload"),
        "reload",
        "reload",
        ["systemctl reload kong.service"],
    ),
    "and not before": (
        of((2, 2), reload_of_unit="argv[]=/usr/local/bin/kong reload"),
        "reload",
        "restart",
        RESTART_UNIT,
    ),
    "kong alone": (alone((3, 9)), "restart", "restart", [f"{KONG} quit | may fail", f"{KONG} start -c {CONF}"]),
    "kong alone, with Serf": (
        alone((0, 9)),
        "restart",
        "restart",
        [f"{KONG} quit | may fail | settles", f"{KONG} start -c {CONF}"],
    ),
    "kong alone, before 0.9": (
        alone((0, 8), prefix="/ignored"),
        "restart",
        "restart",
        [f"{KONG} stop -c {CONF} | may fail | settles", f"{KONG} start -c {CONF}"],
    ),
    "kong reload from 2.3 on": (
        alone((2, 3), prefix="/opt/kong"),
        "reload",
        "reload",
        [f"{KONG} reload -c {CONF} -p /opt/kong | as kong"],
    ),
    "kong reload before": (
        alone((0, 14)),
        "reload",
        "reload",
        [f"{KONG} prepare -c {CONF} | as kong", f"{KONG} reload | as kong"],
    ),
    "commands of the user's": (
        alone((2, 8), restart_command="docker restart 'my kong'", reload_command="docker exec kong kong reload"),
        "reload",
        "reload",
        ["docker exec kong kong reload"],
    ),
    "a command to restart only": (
        of((2, 8), restart_command="docker restart kong", reload_of_unit=PACKAGED),
        "reload",
        "restart",
        ["docker restart kong"],
    ),
    "stop of a unit": (of((3, 9), program=KONG), "stop", "stop", ["systemctl stop kong.service"]),
    "stop of a unit with Serf": (of((0, 10)), "stop", "stop", ["systemctl stop kong.service | settles"]),
    "stop of kong alone": (alone((3, 9)), "stop", "stop", [f"{KONG} quit | may fail"]),
}


def text(step):
    marks = {"may fail": not step.required, "settles": step.settles, "as kong": step.as_kong}
    return " | ".join([" ".join(step.argv), *(mark for mark, there in marks.items() if there)])


@pytest.mark.parametrize("how_run, asked, how, commands", CASES.values(), ids=CASES)
def test_how_kong_is_brought_up(how_run, asked, how, commands):
    found = way(how_run, asked)
    assert (found.how, [text(step) for step in found.steps]) == (how, commands)
    assert bool(found.reason) == (asked != how)


def test_quotes_of_a_command_hold_words_together():
    assert way(kong((3, 9), restart_command="a 'b c'"), "restart").steps[0].argv == ("a", "b c")


@pytest.mark.parametrize("how_run", [kong((3, 9)), alone((3, 9), restart_command="docker restart kong")])
def test_a_host_where_nothing_can_stop_kong(how_run):
    with pytest.raises(ServiceError, match="Kong cannot be stopped here"):
        way(how_run, "stop")


def test_a_host_where_nothing_can_restart_kong():
    with pytest.raises(ServiceError, match="kong_listen_restart_command"):
        way(kong((3, 9)), "restart")
