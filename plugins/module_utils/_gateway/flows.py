# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tracked flows that lead elsewhere after a change of forwards. The script of a rollback contains this module and its imports."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.gatehouse.kong.plugins.module_utils._host.conntrack import Flow, end_flows

# The address and port inside by protocol, address and port outside.
Targets = t.Dict[t.Tuple[str, str, int], t.Tuple[str, int]]


def end_stale_flows(before: Targets, after: Targets) -> int:
    """End the tracked flows of changed forwards, and return their number. An error of the kernel raises OSError."""
    return end_flows(make_stale_test(before, after))


def make_stale_test(before: Targets, after: Targets) -> Callable[[Flow], bool]:
    """Return a function that tells whether a flow to a forward leads elsewhere than the forward does after a change."""

    def is_stale(flow: Flow) -> bool:
        key = (flow.protocol, *flow.dialled)
        return flow.replies != after[key] if key in after else flow.replies == before.get(key)

    return is_stale


def make_request(before: Targets, after: Targets) -> t.Any:
    """Return the targets as plain data for main."""
    return [[[*key, *target] for key, target in targets.items()] for targets in (before, after)]


def main(request: t.Any) -> int:
    """End the stale flows of a request (make_request)."""
    before, after = (
        {(protocol, outside, port): (inside, inside_port) for protocol, outside, port, inside, inside_port in targets}
        for targets in request
    )
    end_stale_flows(before, after)
    return 0
