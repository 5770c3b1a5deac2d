# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host variables as the inventory plugins of clouds give them to ``compose``, with the keys that the examples need.

In each inventory ``cp`` is a control plane with a public address, ``dp1`` a data plane in the same network without a public
address, and ``dp2`` a data plane in another network with a public address. The sources are the plugins in the package ansible 12.
"""

from __future__ import annotations

VERSION = "3.9.1"


def _make_tags(role, version=VERSION):
    return {"kong_role": role, "kong_version": version}


def _make_ec2(vpc, role, private, public=None):
    """Return what _prepare_host_vars of aws_ec2.py makes of an instance."""
    return {
        "private_ip_address": private,
        **({"public_ip_address": public} if public else {}),
        "public_dns_name": "",
        "placement": {"availability_zone": "eu-central-1a", "region": "eu-central-1", "tenancy": "default"},
        "vpc_id": vpc,
        "subnet_id": f"subnet-{vpc}",
        "tags": _make_tags(role),
    }


def _make_azure(name, vnet, role, private, public):
    """Return what the class AzureHost of azure_rm.py makes of a virtual machine."""
    subnet = f"/subscriptions/0/resourceGroups/kong/providers/Microsoft.Network/virtualNetworks/{vnet}/subnets/default"
    return {
        "name": name,
        "location": "westeurope",
        "availability_zone": ["1"],
        "resource_group": "kong",
        "subnet": [{"id": subnet}],
        "private_ipv4_addresses": [private],
        "public_ipv4_address": public,
        "public_ip_address": [{"id": "ip", "name": "ip", "ipv4_address": address} for address in public],
        "tags": _make_tags(role),
    }


def _make_gcp(network, role, private, *access):
    """Return what the class GcpInstance of gcp_compute.py makes of an instance."""
    info = {
        "region": "global",
        "name": network,
        "selfLink": f"https://compute/projects/my-project/global/networks/{network}",
    }
    interface = {"name": "nic0", "networkIP": private, "network": info}
    return {
        "networkInterfaces": [{**interface, "accessConfigs": [*access]} if access else interface],
        "zone": "europe-west3-a",
        "project": "my-project",
        "labels": _make_tags(role, VERSION.replace(".", "_")),
        "metadata": {},
    }


def _make_openstack(network, metadata, *addresses):
    """Return the variable that _generate_host_vars of openstack.py sets; addresses have their kind."""
    listed = [
        {
            "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01",
            "OS-EXT-IPS:type": kind,
            "version": 6 if ":" in address else 4,
            "addr": address,
        }
        for kind, address in addresses
    ]
    return {"openstack": {"addresses": {network: listed}, "metadata": metadata, "availability_zone": "nova"}}


def _make_hcloud(location, role, private, **more):
    """Return what _build_inventory_server of hcloud.py makes of a server, with the prefix hcloud_."""
    return {
        "hcloud_private_networks": [{"id": 1, "name": "kong", "ip": private}],
        "hcloud_location": location,
        "hcloud_datacenter": f"{location}-dc3",
        "hcloud_labels": _make_tags(role),
        **more,
    }


def _make_netbox(site, role, private, nat):
    """Return an object of the API, which nb_inventory.py gives to _set_composite_vars."""
    return {
        "site": {"id": 1, "name": site.upper(), "slug": site},
        "primary_ip4": {"id": 1, "family": 4, "address": f"{private}/24"},
        "primary_ip6": None,
        "custom_fields": {**_make_tags(role), "kong_nat": nat},
        "tags": [{"id": 1, "name": "kong", "slug": "kong"}],
    }


CP, DP = "control_plane", "data_plane"
NAT = [{"outside": "198.51.100.11", "outside_port": 8005, "inside_port": 8005, "device": "edge"}]
HOSTS = {
    "aws": {
        "cp": _make_ec2("vpc-a", CP, "10.1.0.11", "198.51.100.11"),
        "dp1": _make_ec2("vpc-a", DP, "10.1.0.12"),
        "dp2": _make_ec2("vpc-b", DP, "10.2.0.13", "198.51.100.13"),
    },
    "azure": {
        # A public address is null until it is allocated.
        "cp": _make_azure("cp", "vnet-a", CP, "10.1.0.11", [None, "198.51.100.11"]),
        "dp1": _make_azure("dp1", "vnet-a", DP, "10.1.0.12", []),
        "dp2": _make_azure("dp2", "vnet-b", DP, "10.2.0.13", ["198.51.100.13"]),
    },
    "gcp": {
        "cp": _make_gcp("net-a", CP, "10.1.0.11", {"type": "ONE_TO_ONE_NAT", "natIP": "198.51.100.11"}),
        "dp1": _make_gcp("net-a", DP, "10.1.0.12"),
        "dp2": _make_gcp("net-b", DP, "10.2.0.13", {"type": "ONE_TO_ONE_NAT", "natIP": "198.51.100.13"}),
        # Without an address the API has no natIP.
        "dp3": _make_gcp("net-a", DP, "10.1.0.14", {"type": "ONE_TO_ONE_NAT"}),
    },
    "openstack": {
        "cp": _make_openstack("net-a", _make_tags(CP), ("fixed", "fd00::11"), ("fixed", "10.1.0.11"), ("floating", "198.51.100.11")),
        "dp1": _make_openstack("net-a", _make_tags(DP), ("fixed", "10.1.0.12")),
        "dp2": _make_openstack("net-b", _make_tags(DP), ("fixed", "10.2.0.13"), ("floating", "198.51.100.13")),
        "other": _make_openstack("net-a", {}, ("fixed", "10.1.0.14")),
    },
    "hetzner": {
        "cp": _make_hcloud("fsn1", CP, "10.0.0.11", hcloud_ipv4="198.51.100.11", hcloud_ipv6="2001:db8::1"),
        "dp1": _make_hcloud("fsn1", DP, "10.0.0.12", hcloud_ipv4="198.51.100.12"),
        "dp2": _make_hcloud("hel1", DP, "10.0.0.13", hcloud_ipv4="198.51.100.13"),
        # Without public addresses.
        "dp3": _make_hcloud("hel1", DP, "10.0.0.14"),
    },
    "netbox": {
        "cp": _make_netbox("paris", CP, "10.1.0.11", NAT),
        "dp1": _make_netbox("paris", DP, "10.1.0.12", None),
        "dp2": _make_netbox("oslo", DP, "10.2.0.13", [{"outside": "198.51.100.13", "device": "oslo-edge"}]),
    },
}  # fmt: skip
