# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.plan import Kong, ServiceError
from ansible_collections.gatehouse.kong.plugins.module_utils._kong_service.run import Done
from ansible_collections.gatehouse.kong.plugins.modules import kong_service

LISTENER = {
    "name": "proxy",
    "protocols": ["tcp"],
    "port": 80,
    "address": "0.0.0.0",
    "setting": "proxy_listen",
    "flags": [],
}
MODULE = SimpleNamespace(check_mode=False, params={"how": "reload", "listeners": [LISTENER], "looks": 1, "drain": 0})


@pytest.fixture
def service(monkeypatch):
    """A unit whose drop-in changes, from the text "before"; what is put back, and how Kong was brought up."""
    seen = SimpleNamespace(put=[], how=[], done=Done("restart", (), ()), before="before")

    def bring_up(_kong, how, _wanted, _drain):
        seen.how.append(how)
        if isinstance(seen.done, Exception):
            raise seen.done
        return seen.done

    monkeypatch.setattr(kong_service, "kong_of", lambda _params, _host: Kong((3, 9), "/kong.conf", unit="kong.service"))
    monkeypatch.setattr(kong_service, "grant", lambda _host, _unit, _ports: seen.before)
    monkeypatch.setattr(kong_service, "put", lambda _host, unit, text: seen.put.append((unit, text)))
    monkeypatch.setattr(kong_service, "bring_up", bring_up)
    return seen


def test_with_other_capabilities_kong_is_restarted(service):
    assert kong_service.run(MODULE) == service.done
    assert (service.how, service.put) == (["restart"], [])


def test_without_them_a_reload_is_a_reload(service):
    service.before, service.done = None, Done("restart", (), ("proxy: nothing listens",))
    kong_service.run(MODULE)
    assert (service.how, service.put) == (["reload"], [])


def test_what_does_not_come_up_leaves_no_capabilities(service):
    service.done = Done("restart", (), ("proxy: nothing listens",))
    assert kong_service.run(MODULE) == service.done
    assert service.put == [("kong.service", "before")]


def test_nor_does_what_cannot_be_brought_up_at_all(service):
    service.done = ServiceError("no way")
    with pytest.raises(ServiceError):
        kong_service.run(MODULE)
    assert service.put == [("kong.service", "before")]
