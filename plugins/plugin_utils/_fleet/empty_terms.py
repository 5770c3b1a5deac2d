# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors for source terms such as peers or data_planes on a node whose cluster has no such other node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from ansible_collections.gatehouse.kong.plugins.plugin_utils._findings import Finding
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.model import Node
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.nodes import Draft
from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import make_host_error


def find_empty_terms(drafts: Collection[Draft]) -> Iterator[Finding]:
    """Yield an error for each given term of a node that would allow no host.

    The terms of cluster listeners may be empty: the first node of a cluster has no peers yet.
    """
    counts = Counter((term, draft.node.cluster) for draft in drafts for term in _list_own_terms(draft.node))
    for draft in drafts:
        node = draft.node
        own = _list_own_terms(node)
        for (listener, _port), terms in draft.terms.items():
            for term in terms.members if terms.given and not terms.any and listener != "cluster" else ():
                if counts[term, node.cluster] == (term in own):
                    yield _make_empty(node, terms.variable, term)


def _list_own_terms(node: Node) -> tuple[str, ...]:
    """Return the terms that name the node in its own cluster."""
    return ("peers",) if node.role == "traditional" else ("peers", f"{node.role}s")


def _make_empty(node: Node, variable: str, term: str) -> Finding:
    message = f"cluster {node.cluster!r} has no such node except this node, so it would allow no host; remove it"
    return make_host_error("source-unknown", node.name, variable, term, message)
