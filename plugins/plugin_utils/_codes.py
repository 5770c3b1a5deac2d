# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of finding codes: the severity, the meaning and the fix of each code.

docs/findings.md is generated from it. The report and the documentation of module kong_plan read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ERROR = "error"
WARNING = "warning"
INFO = "info"

_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding. ``meaning`` and ``fix`` are Markdown; links are relative to the folder docs."""

    name: str
    severities: tuple[str, ...]
    meaning: str
    fix: str

    def strip_links(self) -> tuple[str, str]:
        """Return the meaning and the fix as Markdown without links."""
        return _LINK.sub(r"\1", self.meaning), _LINK.sub(r"\1", self.fix)

    def format_plain(self) -> tuple[str, str]:
        """Return the meaning and the fix as plain text."""
        meaning, fix = self.strip_links()
        return meaning.replace("`", ""), fix.replace("`", "")


def _make_error(name: str, meaning: str, fix: str) -> Code:
    return Code(name, (ERROR,), meaning, fix)


def _make_warning(name: str, meaning: str, fix: str) -> Code:
    return Code(name, (WARNING,), meaning, fix)


def _make_info(name: str, meaning: str, fix: str) -> Code:
    return Code(name, (INFO,), meaning, fix)


SECTIONS: Mapping[str, Sequence[Code]] = {
    "Fleet and variables": (
        _make_error(
            "no-nodes",
            "The inventory group of the Kong nodes has no hosts, or `kong_group` is empty.",
            "Add hosts to the group, or set `kong_group` to the right group.",
        ),
        _make_warning(
            "node-left",
            "An older plan has the node, and the inventory group of the Kong nodes does not have it. Other nodes no longer allow its "
            "address, but no run connects to it, so it may still run Kong and have our rules. The older plan is the plan file "
            "(`kong_plan_file`) before this run replaces it, or the older plan of `diff`. The plan file keeps the node in `left` "
            "until it is cleaned. The warning also names a node with another address than before, because the name may have "
            "another host now. `kong_strict` does not make the warning an error.",
            "Stop Kong on the node, and run the command in the warning. See [Removal](operations.md#removal).",
        ),
        _make_error(
            "run-variable-differs",
            "Nodes have different values of a variable of which a run has one value: `kong_group`, `kong_strict`, "
            "`kong_plan_file`, `kong_report_path`, `kong_report_before`, `kong_fleet_name`, `kong_drift_file`, "
            "`kong_staged_expected`, `kong_staged_file`, `kong_staged_quiet_days` or `kong_verify_pairs`.",
            "Set it for all nodes in the group of the Kong nodes, or as an extra variable.",
        ),
        _make_error(
            "path-unusable",
            "The run cannot read or write a file on the controller that a variable names: the folder is missing, is a file, or "
            "cannot be written. Missing folders of `kong_report_path` and `kong_adopt_path` are created; the folders of other "
            "files must exist. The playbooks and roles check this before they connect to a host. With `--check` the check is the "
            "same, although such a run may not write the file.",
            "Correct the path, create the folder, or give the user of the run the permission.",
        ),
        _make_error(
            "variable-undefined",
            "A template in the value refers to a variable that is not defined, or is wrong itself.",
            "Define the variable that the message names, or correct the template. If the value is `omit`, remove the "
            "variable from this host: `omit` works in options of tasks only.",
        ),
        _make_error(
            "variable-vaulted",
            "The value is encrypted with Ansible Vault, the plan needs it, and no vault password of this run decrypts it. The "
            "plan needs the names of the settings in `kong_config`, and the values of `database` of a control plane or data plane, "
            "`portal`, and `dnsmasq` and `dns_resolver` before 0.10.",
            "Give the vault password (`--ask-vault-pass`), or write the value as plain text. `kong_config`, `kong_nat` and "
            "`kong_transparent` cannot be encrypted as a whole: encrypt the values in them, or the whole file.",
        ),
        _make_error(
            "variable-invalid",
            "The value has the wrong type: it is empty, a list instead of text, text instead of a list or boolean, or a list that "
            "an INI inventory or `-e` has made text.",
            "Write text, a list, or true or false, as the message says; [inventory.md](inventory.md#form-of-a-variable) has the forms "
            "in YAML and INI.",
        ),
        _make_error(
            "variable-in-facts",
            "The facts of a host contain a `kong_*` name. These variables are never read from facts, because a host chooses "
            "its own facts.",
            "Clear the cached facts (`--flush-cache`), and find the source of the fact: a module that returns it in "
            "`ansible_facts`, or `set_fact` with `cacheable: true`.",
        ),
        _make_warning(
            "variable-unknown",
            "The collection has no variable of this `kong_*` name, but one with a similar name.",
            "Correct the name.",
        ),
        _make_error(
            "query-invalid",
            "A JMESPath query fails, or its result has all variables of the host.",
            "Correct `kong_address_query` or `kong_nat_query`: name the variable or the fact that it reads.",
        ),
        _make_error(
            "version-unknown",
            "`kong_version` is not the number of a Kong release, or this collection does not know the release.",
            "Use a version from 0.6 to 0.15, 1.0 to 1.5, 2.0 to 2.8 or 3.0 to 3.15; Enterprise from 2.1. A newer major "
            "version needs a newer release of the collection.",
        ),
        _make_warning(
            "version-newer",
            "`kong_version` is a newer Kong 3 than this release of the collection knows. The plan uses the listen settings and "
            "defaults of the newest known version, so a listener that the newer version adds has no rules.",
            "Use a newer release of the collection. If the listen settings and their defaults are the same, set `kong_version` to the "
            "newest known version.",
        ),
        _make_error(
            "version-unquoted",
            "The inventory has the version as a number, which shortens 0.10 to 0.1, and 3.10 to 3.1.",
            'Quote the version: `"0.10"`, on a host line of an INI inventory `"\'0.10\'"`.',
        ),
        _make_error(
            "role-unknown",
            "`kong_role` is not a role of Kong.",
            "Use `traditional`, `control_plane` or `data_plane`.",
        ),
        _make_error(
            "role-unsupported",
            "A node with a version before 2.0 is a control plane or data plane. These roles exist since Kong 2.0.",
            "Remove `kong_role`, or upgrade the node.",
        ),
    ),
    "Addresses": (
        _make_error(
            "address-unknown",
            "The address of the host is not known: the inventory does not give it and there are no facts, or a query or "
            "preference finds no address. The host may be unreachable or excluded by `--limit`. `plan` gathers no facts.",
            "Set `kong_address`, or keep the facts of every host in a cache. A host that is not a Kong node can be added to "
            "`--limit`. See [Facts of every node](inventory.md#facts-of-every-node).",
        ),
        _make_error(
            "address-ambiguous",
            "The host has several IPv4 addresses and no default route.",
            "Set `kong_address` or `kong_address_networks`.",
        ),
        _make_error(
            "address-invalid",
            "The value is not an address or network; or the address cannot belong to a node (loopback, multicast, "
            "link-local, unspecified); or there are two addresses of one family; or an egress covers every address. The code "
            "also covers the address in a listen entry.",
            "Correct the address that the message names: at most one IPv4 and one IPv6 address of the host itself, as "
            "other hosts dial it. For `kong_nat_egress`, give the addresses from which the host connects to other "
            "sites.",
        ),
        _make_error(
            "address-not-on-host",
            "According to the facts, `kong_address` is not an address of the host.",
            "Correct the address, or gather facts again. If a NAT device has the address, it is an `outside` address "
            "of `kong_nat`.",
        ),
        Code(
            "bind-not-on-host",
            (ERROR, WARNING),
            "According to the facts, the address of a listen setting or of a published port is not on the host, so Kong would "
            "not start; or it is the address of another node; or no host can have it, such as a multicast address. It is a "
            "warning if Kong starts, because nginx opens only a wildcard of the same setting and port: the entry then has no "
            "effect.",
            "Bind an address of the host. An address behind NAT is advertised, not bound. If the address may move to the host, "
            "as with keepalived, add it to `kong_virtual_addresses`.",
        ),
        _make_info(
            "virtual-address-bind",
            "A listener binds a virtual address. A host that does not hold it can bind it only with the sysctl "
            "`net.ipv4.ip_nonlocal_bind=1` (IPv6: `net.ipv6.ip_nonlocal_bind=1`). Without it Kong does not start. Ansible's "
            "facts do not contain sysctls, so the role `kong_listen` checks it on the host before it changes anything.",
            "Set the sysctl on every host that may hold the address, or bind `0.0.0.0` or `[::]`.",
        ),
        _make_warning(
            "address-temporary",
            "A host seems to connect from a temporary IPv6 address (privacy extensions, RFC 8981), or the value of an address "
            "variable, an egress or a source seems to be a temporary address: the address has a random "
            "interface identifier, and follows another address of its network. Ansible's facts do not mark temporary addresses, so "
            "this may be wrong. Rules that allow the address are wrong when it changes, by default after a day.",
            "Set `kong_address`, or the variable that the warning names, to an address that stays, and the sysctl "
            "`use_tempaddr=0` on the host.",
        ),
        _make_error(
            "source-host-unknown",
            "A host that only source terms name did not answer when the playbook gathered its facts, and the inventory does not "
            "give its address. A run without this address would remove the host from the rules.",
            "Set `kong_address` of the host, keep facts in a cache, or run again when the host answers.",
        ),
        _make_warning(
            "source-address-unknown",
            "A host has several addresses, and its facts do not determine the source address of a connection to a node: no single "
            "interface is in the network of the dialled address, and there is no default route; or two interfaces are in that "
            "network, even if one of them has the default route; or several IPv6 addresses may be the source, for example an address "
            "from DHCP that is not the source of the default route; or the source is outside "
            "`kong_address_networks`. The rules allow the host's chosen address.",
            "Set `kong_address` of the host to the address that the node sees.",
        ),
        _make_error(
            "address-outside-networks",
            "An address that a query or template reads from facts is in none of the networks of "
            "`kong_address_networks`. These networks limit the addresses that a host can claim in its facts.",
            "Add the network, or write the address into the inventory.",
        ),
        _make_error(
            "address-duplicate",
            "Two nodes of one site have the same address, or two nodes have the same VPN address.",
            "Correct one of the two addresses.",
        ),
        _make_error(
            "address-overlap",
            "Two nodes of different sites have the same address, and `kong_flat_network` says that the sites route to each "
            "other.",
            "Correct the address, or set `kong_flat_network: false` on one of the sites.",
        ),
    ),
    "NAT": (
        _make_error(
            "nat-invalid",
            "`kong_nat` is not a list of mappings, or a mapping has an unknown key, an invalid port or an invalid protocol; or "
            "`kong_nat_query` has no result, or a null in it, so a name in the query may be wrong.",
            "Correct the key or value that the message names. See "
            "[inventory.md](inventory.md#nat-vpn-and-flat-networks).",
        ),
        _make_error(
            "nat-family",
            "The host has no address of the same family as `outside`.",
            "Add an address of that family to `kong_address`.",
        ),
        _make_error(
            "nat-no-listener",
            "No listener of Kong is on the inside port. A frequent cause is an outside port that was written as inside port.",
            "Correct `inside_port` or the listen setting, or remove the mapping. For a listener on a virtual address, set `inside`; for "
            "a listener of the other protocol, correct `protocols`.",
        ),
        _make_warning(
            "nat-site-unknown",
            "`sites` of a mapping names a site without hosts.",
            "Correct the name, unless the site belongs to another inventory.",
        ),
        _make_error(
            "nat-protocol",
            "A gossip port is forwarded over tcp or udp alone. Joins use tcp, gossip uses udp.",
            "Forward both protocols, here and on the device.",
        ),
        _make_error(
            "nat-conflict",
            "One outside address and port is forwarded to two destinations.",
            "Use a different outside port for each, or set `device` in the mappings if they are on two devices.",
        ),
        _make_error(
            "gateway-hairpin",
            "A gateway of the inventory must send packets of the node's own site back inside, and the mapping has no `hairpin_source`. The "
            "node would answer these hosts directly, and they would drop the answers.",
            "Set `hairpin_source` to the gateway's address on the network of the node.",
        ),
        _make_error(
            "gateway-interface",
            "Mappings give an interface of a gateway of the inventory (`outside_interface`) two addresses of one family, or give an "
            "address two interfaces. Or another mapping says that the gateway shares the address with another device.",
            "Correct `outside`, `outside_interface` or `device`. An interface has one outside address of each family.",
        ),
        _make_warning(
            "gateway-egress",
            "The host is behind a gateway of the inventory, and its source at other sites is not the outside address of one mapping. So "
            "the gateway makes no source NAT for it.",
            "Set `kong_nat_egress` to the outside address of one mapping. Otherwise, make the source NAT by hand.",
        ),
    ),
    "Paths and advertised addresses": (
        Code(
            "no-path",
            (ERROR, WARNING),
            "Peers, or a data plane and its control planes, have no route to each other. It is a warning if "
            "`kong_cluster_control_plane` was given, because that address may use a route that the inventory does not know. It is also a "
            "warning if a data plane has no route to the telemetry listener of a control plane (`kong_cluster_telemetry_endpoint`).",
            "The message names the changes that help: a NAT mapping, a VPN address on both hosts, `kong_flat_network`, or "
            "`kong_nat_egress` of a host behind a NAT; for Kong in a container, the port in `kong_published_ports`; or another "
            "listen entry or address, if the listener binds loopback or a family that the other host does not have. If you do not use "
            'telemetry, set `kong_cluster_telemetry_listen: "off"` on control planes.',
        ),
        _make_warning(
            "egress-private",
            "A host would connect from a private address to a public address, so there is a NAT device in between that the "
            "inventory does not name. The node will drop the packets, because their source address is unknown.",
            "Set `kong_nat_egress` of that host. No fix is needed if your network routes public addresses without NAT.",
        ),
        _make_error(
            "advertise-not-single",
            "Every peer can reach the node, but no single address works for all peers. Gossip has only one address.",
            "Add one NAT mapping for all sites, or give every node of the cluster a VPN address or `kong_flat_network`.",
        ),
        _make_error(
            "advertise-unreachable",
            "The given `kong_cluster_advertise` is not reachable from a peer over tcp and udp.",
            "Remove it, so that it is computed, or correct the mapping.",
        ),
        _make_error(
            "advertise-invalid",
            "The given `kong_cluster_advertise` is an address to which no peer can connect, such as loopback.",
            "Write `IPv4:PORT` as peers connect to it, or remove it.",
        ),
        _make_error(
            "advertise-duplicate",
            "Two nodes of a cluster advertise the same address and port.",
            "Use a different outside port for each node.",
        ),
        _make_error(
            "gossip-bind",
            "The node binds an address from which its peers do not expect its gossip, so they would drop it. Serf sends udp "
            "from the socket on which it listens.",
            "Remove `kong_cluster_listen`, bind `0.0.0.0`, or set `kong_address` to the address that the node binds.",
        ),
        Code(
            "control-plane-invalid",
            (ERROR, WARNING),
            "The given `kong_cluster_control_plane` or `kong_cluster_telemetry_endpoint` is not one `HOST:PORT`; or it is an address of "
            "the inventory at which no control plane of the cluster listens; or it is an IPv6 address, which a data plane cannot dial. It is "
            "a warning for a loopback address and for an outside address of a control plane, because a program or a NAT device may "
            "forward the connections, and for an IPv6 address, because that was not tried with a real Kong.",
            "Write the host and the port, without a scheme, or remove the variable; then it is computed. In place of an IPv6 address, give "
            "a host name with an AAAA record, and set `dns_order` in `kong_config` to a list with `AAAA` (2.6 and later).",
        ),
        _make_warning(
            "site-mixed",
            "Nodes of one cluster have private addresses, other nodes have public addresses only, and `kong_site` is not set. So the "
            "plan assumes that they are at one site and reach each other at these addresses.",
            "If they do, set `kong_site` of all nodes to one name. Otherwise give each network its own `kong_site`, and `kong_nat` "
            "or `kong_vpn_address`.",
        ),
        _make_error(
            "gossip-ipv4",
            "A node of Kong 0.6 to 0.10 has IPv6 addresses only, and the gossip of these versions uses IPv4.",
            "Add an IPv4 address to `kong_address`.",
        ),
        _make_warning(
            "version-skew",
            "The control plane to which a data plane connects sends it no configuration, because the data plane has another major or a newer "
            "minor version, or because the two exchange other messages: Kong 2.0 works with no other minor version, Kong 2.1 and 2.2 only "
            "with each other, and a control plane of 3.2 or later does not work with a data plane of 3.1 (Enterprise: 3.1.0).",
            "Upgrade the older of the two nodes, or keep an older control plane until then. Upgrade control planes before data "
            "planes, but data planes of 3.1 first.",
        ),
        _make_warning(
            "cluster-proxy-protocol",
            "A data plane connects to its control plane at an entry of `kong_cluster_listen` or `kong_cluster_telemetry_listen` with the flag "
            "`proxy_protocol`. A data plane does not send the PROXY protocol, so the control plane rejects the connection. Only a "
            "balancer between them can send it.",
            "Remove `proxy_protocol` from the entry, or add an entry without it. If a balancer sends it, set "
            "`kong_cluster_control_plane` or `kong_cluster_telemetry_endpoint` of the data plane to the balancer.",
        ),
        _make_error(
            "control-plane-missing",
            "The cluster of a data plane has no control plane.",
            "Give the cluster a node with `kong_role: control_plane`, correct `kong_cluster`, or set "
            "`kong_cluster_control_plane` to a control plane outside the inventory.",
        ),
    ),
    "Errors of single Kong releases": (
        _make_warning(
            "cluster-events-lost",
            "The node does not learn of changes that are made at the Admin APIs of this node or of other nodes. Kong 0.9.0 to 0.9.7 sends "
            "the events of its cluster to 127.0.0.1 and the port of `kong_admin_listen`, where the node does not listen. Kong 0.9.4 "
            "sends other nodes no events. With `*` in `kong_admin_listen`, Kong 0.6 to 0.8, 0.9.8 to 0.9.9 and 0.10 send them to "
            "the host `*`, which does not exist.",
            "Bind `0.0.0.0` in `kong_admin_listen`; the rules still drop other sources. Kong 0.9.0 to 0.9.7 can be upgraded to "
            "0.9.8 or later instead, if the address is not `*`.",
        ),
        Code(
            "gossip-name",
            (WARNING, INFO),
            "Kong 0.6.0 to 0.8.2 and 0.9.0 to 0.9.3 name their gossip agent after the host name and `cluster_listen`, and two "
            "nodes of a cluster have the same value there. With equal host names, only one of the nodes is a member of the "
            "cluster. It is an info if the host names are not known (`ansible_facts.nodename`), as in `plan` without cached facts.",
            "Give the hosts different names, or use another port in `kong_cluster_listen` of one of them.",
        ),
        _make_warning(
            "settings-file-ignored",
            "Kong 0.9.0 to 0.9.5 reads `/etc/kong.conf` or `/etc/kong/kong.conf` instead of the file that it is started with, "
            "if one of them exists.",
            "Delete these files, remove `kong_listen_file`, or upgrade to 0.9.6 or later.",
        ),
        _make_warning(
            "value-cut",
            "A value of `kong_config` contains `#`, at which this release ends it. In the settings file Kong 0.9.0 to 2.0.4 do so "
            "even if it is written as `\\#`. With `kong_listen_target: env` Kong 0.9 to 1.3 do so.",
            "Use a value without `#`, such as another password, or upgrade to the release in the warning.",
        ),
        _make_warning(
            "value-number",
            "A value of `kong_config` is text that Kong reads as a number and changes, such as the password `0123`, which becomes `123`, "
            "or `1e6`. Kong 0.9 and later do so, also with `kong_listen_target: env`.",
            "Use another value, such as a password with letters. If the setting is a number, write its decimal digits, such as `1000000`.",
        ),
        _make_warning(
            "stream-alone",
            "Kong 0.15.0 and 1.0.0 do not start if `proxy_listen` and `admin_listen` are `off` and only `stream_listen` is set.",
            "Upgrade to 1.0.1 or later.",
        ),
        _make_warning(
            "control-plane-workers",
            "A control plane of Kong 2.0.0 or 2.0.1 does not work with several workers of nginx.",
            "Upgrade to 2.0.2 or later, or set `nginx_worker_processes: 1` in `kong_config`.",
        ),
        Code(
            "control-plane-untrusted",
            (WARNING, INFO),
            "A data plane of Kong 2.0 to 2.4 rejects the certificate of its control plane unless "
            "`lua_ssl_trusted_certificate` names it, and `kong_config` does not contain this setting. It is an info if "
            "`kong_config` contains no `cluster_cert` either, because both may be in Kong's file.",
            "Add `lua_ssl_trusted_certificate` to `kong_config`, with the file of `cluster_cert`, or of "
            "`cluster_ca_cert` with `cluster_mtls: pki`.",
        ),
        _make_warning(
            "stream-without-routes",
            "A data plane of Kong 2.0.0 to 2.0.3 has a stream listener. The port is open, but Kong gives it no routes, so it "
            "closes every connection.",
            "Upgrade to 2.0.4 or later.",
        ),
        _make_warning(
            "certificate-inline",
            "`cluster_cert` of a data plane of Kong 3.1.0 to 3.4.2, or `cluster_ca_cert` with `cluster_mtls: pki`, is a certificate in base64. The "
            "data plane trusts the text before it is decoded, so it rejects the certificate of its control plane.",
            "Write the certificate to a file, and set the setting in `kong_config` to its path. Or upgrade to 3.5.0 or later.",
        ),
        _make_warning(
            "real-ip-header",
            "`kong_config` has `real_ip_header: proxy_protocol`, and no entry of `kong_proxy_listen` has the flag `proxy_protocol`. Kong 0.11 "
            "and 0.12 add it themselves, later versions do not. So Kong rejects the PROXY protocol of a balancer, or without it takes the "
            "balancer for the client.",
            "Add `proxy_protocol` to the entries of `kong_proxy_listen` that a balancer uses. Without such a balancer, remove "
            "`real_ip_header` from `kong_config`.",
        ),
        _make_info(
            "http2-only",
            "A port has `http2` without `ssl` on Kong 0.13 to 3.5, which then accepts no HTTP/1.1 there.",
            "No fix is needed if all clients of the port use HTTP/2, as gRPC does.",
        ),
    ),
    "Published ports": (
        _make_error(
            "published-invalid",
            "An item of `kong_published_ports` is not `[ADDRESS:]PORT:CONTAINER_PORT[/PROTOCOL]`.",
            "Write each port as its own item, such as `80:8000`. See [inventory.md](inventory.md#kong-in-a-container).",
        ),
        _make_error(
            "published-no-listener",
            "Kong does not listen on this port in the container, or only on its loopback address, where published packets do "
            "not arrive; or it listens on IPv6 only, and the port is published for IPv4.",
            "Correct the container port (the second port), or the listen setting. If Kong listens on IPv6 only, publish the port at an "
            "IPv6 address, such as `[::]:8000:8000`.",
        ),
        _make_error(
            "published-duplicate",
            "Two items use the same port of the host, wildcards included.",
            "Use a different port for each item.",
        ),
        _make_error(
            "bind-in-container",
            "Kong in a container binds an address of the host, which the container does not have.",
            "Remove the listen variable, or bind `0.0.0.0`. A published port may have an address of the host.",
        ),
        _make_error(
            "published-protocol",
            "A gossip port is published over tcp or udp alone.",
            "Publish both protocols, such as `7946:7946/tcp` and `7946:7946/udp`.",
        ),
    ),
    "Sources": (
        _make_error(
            "source-unknown",
            "A term is neither an address, a keyword, a host nor a group of the inventory; or a group is empty; or the term is "
            "`peers`, `control_planes` or `data_planes` and the cluster has no other such node; or the term is an address that no "
            "other host has, such as 0.0.0.0 or 127.0.0.1; or the address of a host outside the fleet is not known.",
            "Correct or remove the term that the message names. A term is an address, a network, `any`, `nobody`, "
            "`peers`, `control_planes`, `data_planes`, a host of the inventory, or a group as `@group`.",
        ),
        _make_error(
            "source-any",
            "The Admin API, Kong Manager, the debug port or the RPC port of Serf would be open to every source.",
            "Name the sources, or set `kong_admin_allow_any: true`.",
        ),
        _make_warning(
            "source-replaced",
            "`kong_cluster_sources` does not contain `peers`, or `data_planes` on a control plane, so packets of the "
            "cluster's own nodes are dropped.",
            "Add `peers`, or `data_planes` on a control plane, unless these nodes must not connect.",
        ),
        _make_error(
            "source-port-missing",
            "A sources variable is a mapping by port and lacks a port that the node opens.",
            "Add the port, with `any` or `nobody` if that is intended.",
        ),
        _make_error(
            "source-empty",
            "A list of sources is empty, so no host would be allowed.",
            "Write `nobody` if that is intended, or remove the variable for the default.",
        ),
        _make_error(
            "source-contradiction",
            "`nobody` is combined with other terms.",
            "Keep `nobody` alone to allow no source, or remove it.",
        ),
        _make_warning(
            "source-no-path",
            "A host that is named as source has no route to the listener. No rule is made for it.",
            "The message names the changes that help: a NAT mapping, a VPN address on both hosts, `kong_flat_network`, "
            "`kong_nat_egress` of a host behind a NAT, or the address that the node sees as source. If the listener has a family "
            "of which the host has no address, add a listen entry or an address of the other family.",
        ),
        _make_warning(
            "source-private",
            "A private address is named as source of a node that has public addresses only, and the inventory has no path for "
            "private addresses: the node and its NAT mappings have no private address (bridges of containers do not count), no host "
            "with the `kong_site` of the node has a private address near it (in the same /16 network, for IPv6 in the same /48), and "
            "there is no VPN or flat network. The node sees the address after NAT instead. The same holds for a host that is named "
            "as source, has a private address and no `kong_site`.",
            "Name the address after NAT, or the host itself, with its `kong_nat_egress` and `kong_site`. If private addresses reach "
            "the node unchanged, set its `kong_flat_network: true` or its `kong_vpn_address`, or one `kong_site` of both hosts.",
        ),
        _make_warning(
            "source-family",
            "All given sources of a listener are addresses of a family in which it does not listen, so no source can connect.",
            "Add an entry of that family to the listen setting, such as `[::]:8001`, or name the addresses of the other family.",
        ),
        _make_warning(
            "source-loopback",
            "Sources are given for a listener that binds loopback only, or whose port is not published.",
            "Bind another address in the listen setting, or add the port to `kong_published_ports`.",
        ),
    ),
    "Listen settings": (
        _make_error(
            "setting-unknown",
            "This version of Kong does not know the setting.",
            "Remove it from this node. If another setting replaced it, the message names that setting.",
        ),
        _make_error(
            "setting-conflict",
            "Two variables contradict each other, such as a complete list and `kong_ssl`.",
            "Keep one of them.",
        ),
        _make_error(
            "listen-type",
            "The value is neither text, a port nor a list of entries.",
            "Write text such as `0.0.0.0:8000`, a port, or a list of entries. See "
            "[inventory.md](inventory.md#form-of-a-value).",
        ),
        _make_error(
            "listen-empty",
            "A value or an entry is empty.",
            "Write `off` to close a listener, or remove the variable for Kong's default.",
        ),
        _make_error("off-not-first", "`off` follows another entry.", "Write `off` alone."),
        _make_error(
            "off-unsupported",
            "The value is `off`, and this version cannot switch the listener off.",
            "Bind `127.0.0.1`, which only the host itself can reach.",
        ),
        _make_error(
            "address-missing",
            "An entry has no address, or nothing before the port.",
            "Write `0.0.0.0:PORT`, or the address of the host before the port.",
        ),
        _make_error("port-missing", "An entry has an address and no port.", "Write `ADDRESS:PORT`."),
        _make_error("port-invalid", "The port is not a number.", "Write a port from 1 to 65535."),
        _make_error(
            "port-not-decimal", "The port is a number such as `1e3` or `0x50`.", "Write the port in decimal digits."
        ),
        _make_error("port-zero", "The port is 0.", "Use a port from 1 to 65535."),
        _make_error("port-range", "The port is above 65535.", "Use a port from 1 to 65535."),
        _make_error("address-octet", "A number in the IPv4 address is above 255.", "Correct the address."),
        _make_error("address-not-ipv4", "The value is a name, and Serf needs an IPv4 address.", "Write `IPV4:PORT`."),
        _make_error(
            "name-invalid",
            "The value is neither an address nor a host name.",
            "Write an IPv4 address, an IPv6 address in brackets, or a host name.",
        ),
        _make_error(
            "unix-socket",
            "The entry is a unix socket. Kong may accept it, but no other host can reach it.",
            "Write `ADDRESS:PORT`, with `127.0.0.1` if only the host itself needs it.",
        ),
        _make_error("listen-url", "The value is a URL, such as `http://0.0.0.0:8001`.", "Write `ADDRESS:PORT`."),
        _make_error("ipv6-brackets", "An IPv6 address has no brackets.", "Write `[ADDRESS]:PORT`."),
        _make_error(
            "ipv6-mapped",
            "An IPv6 address contains an embedded IPv4 address, or a zone.",
            "Write the address in hexadecimal groups and without a zone, such as `[fd00::1]:8000`.",
        ),
        _make_error(
            "ipv6-unsupported",
            "The address is IPv6, and this version accepts IPv4 only (kong.yml, Serf).",
            "Use an IPv4 address.",
        ),
        _make_error(
            "ipv6-brackets-lost",
            "The address is IPv6, and Kong 0.13 passes it to nginx without its brackets.",
            "Use IPv4, or Kong 0.14 and later.",
        ),
        _make_error(
            "junk-before-address", "An entry has a word before the address that is not a flag.", "Remove the word."
        ),
        _make_error(
            "flag-unknown", "An entry has a word that is not a flag of any Kong version.", "Correct or remove the word."
        ),
        _make_error(
            "flag-unsupported",
            "This version does not know the flag for this setting.",
            "Remove the flag; the message lists the versions that know it.",
        ),
        _make_error("flag-repeated", "An entry contains a flag twice.", "Write it once."),
        _make_error(
            "flag-value",
            "`backlog=` or `so_keepalive=` has a value that nginx refuses.",
            "Use `backlog=1` or more, or `so_keepalive=30m::10`.",
        ),
        _make_error(
            "flag-needs-ssl",
            "`http2` is given without `ssl` on 0.11 or 0.12, which know it on the TLS port only.",
            "Add `ssl`.",
        ),
        _make_error(
            "udp-incompatible-flag",
            "`udp` is combined with `ssl`, `proxy_protocol`, `backlog=` or `so_keepalive=`, which a udp port does not have.",
            "Use separate entries.",
        ),
        _make_error(
            "too-many-entries",
            "There are more entries than an old version can express.",
            "Use one plain entry and one entry with `ssl`.",
        ),
        _make_error(
            "plain-entry-missing",
            "All entries have `ssl`, and this version always opens a plain port.",
            "Add a plain entry, on `127.0.0.1` if no client may use it.",
        ),
        _make_error(
            "ssl-always-on",
            "A complete list has no entry with `ssl`, and 0.6 to 0.8 cannot close the TLS port.",
            "Add an `ssl` entry.",
        ),
        _make_info(
            "ssl-port-by-default",
            "The TLS port opens although only the plain port was given (0.6 to 0.12).",
            "Set `kong_ssl: off`, or write a list of entries.",
        ),
        _make_error(
            "switch-invalid",
            "`kong_ssl`, `kong_http2` or a similar switch is neither on nor off.",
            "Write `on` or `off`.",
        ),
        _make_error(
            "listen-duplicate", "A setting contains the same address and port twice.", "Remove one of the entries."
        ),
        _make_error(
            "listen-collision",
            "Two listeners of a node use the same port, at the same address or because one of them binds every "
            "address. Kong's own resolver (`dnsmasq`) counts as a listener. If Kong starts, the address that a client "
            "dials decides which listener it reaches.",
            "Use another port or address for one of them.",
        ),
        _make_error(
            "ssh-port-taken",
            "A listener or published port uses the port of the SSH server through which Ansible connects (`ansible_port`, an option "
            "`-p` or `-o Port` in `ansible_ssh_common_args` and so on, 22 by default), at the same address. A port in "
            "`~/.ssh/config` is not known: set `ansible_port` to it.",
            "Use another port for the listener, or correct `ansible_port`.",
        ),
        _make_warning(
            "listen-host-name",
            "A listener is bound by host name, so the rule is made for every address.",
            "Write the address.",
        ),
        _make_info(
            "listen-not-opened",
            "Kong does not open a given listener, because of the node's role or because another setting is off.",
            "No fix is needed if the variable is intended for other nodes of the group.",
        ),
        _make_error(
            "role-needs-listener",
            "A listener is off that Kong requires: `admin_listen` and `cluster_listen` of a control plane, `proxy_listen` of "
            "a data plane.",
            "Give an address and port, on `127.0.0.1` if no client may use it.",
        ),
        _make_info(
            "role-certificate",
            "A control plane or data plane does not start without `cluster_cert` and `cluster_cert_key`, and `kong_config` "
            "does not contain them.",
            "Add them there, or leave them in Kong's file if it contains them.",
        ),
        Code(
            "role-database",
            (ERROR, INFO),
            "`database` in `kong_config` does not suit the role. It is an info if a data plane has no `database` there: "
            "Kong's default is postgres, with which a data plane does not start.",
            "Use `off` for a data plane and a database for a control plane; or leave it in Kong's file if it contains it.",
        ),
        _make_error(
            "config-invalid",
            "`kong_config` contains a name that is not a setting, or a value that the file cannot hold, such as text with a line break, "
            "or text with a quote or backslash in a file of variables (`kong_listen_target: env`).",
            "Correct the name, or write the value as text of one line, a number or a boolean. A file of variables cannot hold "
            "quotes and backslashes, but kong.conf can (`kong_listen_target: conf`), except for a backslash at the end.",
        ),
        _make_error(
            "config-listen-setting",
            "`kong_config` contains a listen setting, the role, or the address of a control plane; the plan has them.",
            "Move it to the variable of that setting, such as `kong_admin_listen`.",
        ),
        _make_error(
            "target-invalid",
            "`kong_listen_target` is neither `conf` nor `env`; or it is `env` on Kong 0.6 to 0.8, which reads no settings "
            "from its environment.",
            "Use `conf`.",
        ),
        _make_error("dnsmasq-port", "`kong_dnsmasq_port` is not a port.", "Use a port from 1 to 65535."),
    ),
    "Interception": (
        _make_error(
            "interception-invalid",
            "An entry of `kong_transparent` has a wrong key, or a value that is not a network, port or interface.",
            "Correct the key or value that the message names. See [inventory.md](inventory.md#interception).",
        ),
        _make_error(
            "interception-listener",
            "No proxy or stream listener of the node is on `listen_port` over tcp, or none has the family of a destination, "
            "or packets cannot be redirected to it.",
            "Correct `listen_port` or the listen setting.",
        ),
        _make_error(
            "interception-flag-missing",
            "The version is 0.15 to 1.5, and the listener lacks the flag `transparent`: every packet would be dropped.",
            "Add the flag to the entry.",
        ),
        _make_error(
            "interception-own-address",
            "The version is 0.15 to 1.5, and a destination is the node's own address, which is never intercepted.",
            "Make Kong listen on that port.",
        ),
        _make_error(
            "interception-protected",
            "`destinations` and `ports` of an entry cover SSH, or an admin, status or cluster port, of a node of the "
            "fleet, at its own addresses or at an address that a NAT mapping forwards to it.",
            "Remove the port from `ports`, or give narrower `destinations`.",
        ),
        _make_error(
            "interception-port-taken",
            "Another listener of the node is on a selected port, and its sources would apply to intercepted packets.",
            "Intercept another port. Or bind that listener to one address (0.15 to 1.5), or give it another port (other versions).",
        ),
        _make_error(
            "interception-overlap",
            "Two entries of `kong_transparent` select the same packets.",
            "Use one listener for each destination and port.",
        ),
        _make_info(
            "interception-hidden",
            "For intercepted connections, this version of Kong sees its own address and port instead of the address "
            "and port that the client dialled.",
            "The dialled address cannot be restored. If the message names `port_maps`, add it to `kong_config`, and "
            "Kong sees the dialled port.",
        ),
    ),
}

CODES: Mapping[str, Code] = {code.name: code for codes in SECTIONS.values() for code in codes}
