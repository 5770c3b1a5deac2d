# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_probe
short_description: Connect from a host to many addresses and ports and return each result
version_added: 0.1.0
author:
  - gatehouse.kong contributors (!UNKNOWN)
description:
  - Connects from the host to a list of targets concurrently, and distinguishes open, refused, filtered and unreachable. It
    is independent of Kong and of the plan, so its results are measurements only.
  - A C(tcp) probe opens a connection and closes it. C(tls), C(http) and C(https) also use the connection. A C(memberlist)
    probe sends one UDP datagram, the ping of HashiCorp memberlist, and waits for its ack. This is the gossip protocol of
    Serf, which Kong 0.6 to 0.10 use for their cluster. A C(udp) probe sends a marked datagram, and waits for any answer.
  - Uses Python's standard library only, and needs no privileges.
extends_documentation_fragment:
  - gatehouse.kong.attributes
  - gatehouse.kong.archive
attributes:
  check_mode:
    support: full
    details: The probes are made in check mode too. They send packets and change nothing.
  diff_mode:
    support: N/A
    details: Nothing is ever changed.
options:
  probes:
    description: The probes. An empty list is allowed. Exactly one of O(probes) and O(plan) is required.
    type: list
    elements: dict
    suboptions:
      name:
        description: A label for the result. It has no meaning for the module and need not be unique.
        type: str
        default: ""
      kind:
        description:
          - V(tcp) opens a TCP connection.
          - V(tls) also makes a TLS handshake, and returns the certificate. Names and signatures are not verified.
          - V(http) also sends C(GET /), and returns the status of the answer. V(https) does both.
          - V(memberlist) sends a memberlist ping over UDP and waits for the ack with the same sequence number.
          - V(udp) sends a datagram of 23 bytes, and any datagram from the target is an answer. Silence has no meaning,
            because many services over UDP do not answer unknown requests. M(gatehouse.kong.kong_placeholder) on the target
            can observe by the mark whether the datagram has arrived and was accepted.
        type: str
        choices: [tcp, tls, http, https, memberlist, udp]
        default: tcp
      address:
        description:
          - An IPv4 or IPv6 address. A link-local address needs its zone, such as V(fe80::1%eth0).
          - Host names are not resolved, so that the probed address is always known.
        type: str
        required: true
      port:
        description: The port, 1 to 65535.
        type: int
        required: true
  addresses:
    description: Addresses, such as virtual addresses. The module returns which of them the host has now. Needs Linux.
    type: list
    elements: str
    default: []
  plan:
    description:
      - The path of a plan, as M(gatehouse.kong.kong_plan) returns it, or of a plan file; or a plan as data. The probes are then
        the connections with which this host verifies the plan, and the addresses its virtual addresses in the plan.
    type: raw
  pairs:
    description:
      - With O(plan), the largest number of connections of all hosts together. A larger fleet tests a sample.
      - Every listener of every node is tested at least once from an allowed host, and once from a host that is not allowed, if
        such hosts exist, even if that takes more connections.
      - The choice depends on names only. The same fleet always has the same sample, and a larger number only adds connections.
    type: int
    default: 20000
  timeout:
    description:
      - Seconds to wait for an answer, for each try; more than 0, at most 60.
      - Linux needs about 3 seconds to detect that a host on the same network is down. If O(timeout) times O(tries) is less,
        the result for such a host is filtered instead of unreachable.
    type: float
    default: 2.0
  tries:
    description: The number of tries before silence counts as filtered, 1 to 10. Any answer ends the tries.
    type: int
    default: 2
  workers:
    description:
      - The number of concurrent probes. Each probe needs an open file, so the number is reduced if the limit on open files
        (C(ulimit -n)) is smaller.
    type: int
    default: 500
notes:
  - "Duration: a group of O(workers) silent probes takes at most O(timeout) times O(tries) seconds; probes with an answer are
    much faster. With the defaults, 2,000 silent targets take 16 seconds. A silent target gets O(tries) datagrams of 19 or 23
    bytes, or O(tries) connection attempts, in which the kernel repeats the first packet about once per second. These are 4
    packets with the defaults."
  - An established connection counts as open, even if TLS or HTTP fails; the detail has the error. TLS and HTTP have their
    own O(timeout).
  - "Refused does not show that the firewall has accepted the packet. A rule that rejects TCP with a reset, or UDP with an
    ICMP port unreachable (the default of V(reject)), answers exactly like a closed port. TCP that is rejected with an ICMP
    port unreachable counts as filtered; on kernels before Linux 5.6 it counts as refused."
  - "The ICMP message distinguishes prohibited from unreachable. Kernels before Linux 5.6 do not return it for TCP, so
    administratively prohibited TCP over IPv4 counts as unreachable there. A firewall that rejects with host or network
    unreachable always counts as unreachable."
  - "Kernels send only a few ICMP errors per second to an address. If many closed UDP ports of a host are probed at the same
    time, the result for some of them is filtered."
  - "The datagram of a C(udp) probe is a ping of memberlist with a SeqNo of eight bytes. The listening process receives it: a
    stream may forward it to its service, and a Serf with a key logs that it cannot decrypt it."
  - "A node with a C(cluster_encrypt_key) ignores plain pings, so its result is filtered. The result is filtered too for a
    node that listens on a wildcard address and answers from another address than the dialled address."
  - "A memberlist node sends pending gossip with each ack, and counts it as one of a few transmissions. Do not ping a node
    hundreds of times per second while its cluster is changing."
  - Some versions of Serf log a TCP probe of a memberlist port as a failed read. It has no other effect.
seealso:
  - module: gatehouse.kong.kong_placeholder
  - module: ansible.builtin.wait_for
"""

EXAMPLES = r"""
- name: Probe three listeners from this host
  gatehouse.kong.kong_probe:
    probes:
      - name: proxy of a1
        address: 192.168.10.11
        port: 8000
      - name: admin of a1
        address: 192.168.10.11
        port: 8001
      - name: gossip of b1, through its NAT device
        kind: memberlist
        address: 192.168.10.5
        port: 9000
  register: reach

- name: Fail unless the proxy is open and the Admin API is blocked
  ansible.builtin.assert:
    that:
      - reach.probes[0].result == 'open'
      - reach.probes[1].result != 'open'

- name: Show the reasons for all probes that are not open
  ansible.builtin.debug:
    msg: "{{ reach.probes | rejectattr('result', 'eq', 'open') | map(attribute='detail') }}"

- name: Make the connections with which this host verifies the plan
  gatehouse.kong.kong_probe:
    plan: "{{ lookup('gatehouse.kong.kong_plan') }}"
  register: connections

- name: Probe with a short time-out, over IPv6, on a network without packet loss
  gatehouse.kong.kong_probe:
    probes:
      - address: 2001:db8::11
        port: 8443
    timeout: 0.5
    tries: 1
"""

RETURN = r"""
held:
  description: The addresses of O(addresses) that an interface of the host has now.
  returned: success
  type: list
  elements: str
  sample: [192.168.10.100]
probes:
  description: A result for each probe, in the order of the probes.
  returned: success
  type: list
  elements: dict
  sample:
    - name: proxy of a1
      kind: tcp
      address: 192.168.10.11
      port: 8000
      result: open
      detail: connected
    - name: admin of a1
      kind: tcp
      address: 192.168.10.11
      port: 8001
      result: filtered
      detail: no answer in 2 x 2 s
    - name: gossip of b1, through its NAT device
      kind: memberlist
      address: 192.168.10.5
      port: 9000
      result: refused
      detail: "ECONNREFUSED: ICMP port unreachable from 192.168.10.5"
  contains:
    name:
      description: The label of the probe.
      type: str
      returned: always
    kind:
      description: The kind of probe.
      type: str
      returned: always
    address:
      description: The address, as given.
      type: str
      returned: always
    port:
      description: The port.
      type: int
      returned: always
    result:
      description:
        - V(open), the connection was established, or the ack was received.
        - V(refused), an answer that the port is closed. Also the answer of a UDP service other than memberlist.
        - V(filtered), no answer, or an answer that the packet is prohibited.
        - V(silent), no answer to a C(udp) probe.
        - V(unreachable), there is no route to the host, or it is down.
      type: str
      returned: always
    detail:
      description: The reason in a few words, with the name of the errno, and with the ICMP message and its sender if any.
      type: str
      returned: always
    certificate:
      description: The certificate of a TLS listener, with its C(subject), its expiry (C(not_after)), and C(days_left).
      type: dict
      returned: always
      sample: {subject: CN=localhost, not_after: "2036-11-23T16:09:00+00:00", days_left: 3650}
    status:
      description: The status of the HTTP answer, if there is one.
      type: int
      returned: always
    mark:
      description: The mark that identifies the datagrams of a C(udp) probe.
      type: str
      returned: always
      sample: 36fdb2566ecc3af8
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._entry.run import ARCHIVE_SPEC, run_module

_SPEC = {
    **ARCHIVE_SPEC,
    "probes": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "default": ""},
            "kind": {"type": "str", "choices": ["tcp", "tls", "http", "https", "memberlist", "udp"], "default": "tcp"},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
        },
    },
    "addresses": {"type": "list", "elements": "str", "default": []},
    # The action plugin replaces the plan with the probes.
    "plan": {"type": "raw"},
    "pairs": {"type": "int", "default": 20000},
    "timeout": {"type": "float", "default": 2.0},
    "tries": {"type": "int", "default": 2},
    "workers": {"type": "int", "default": 500},
}


def main() -> None:
    """Run the module."""
    run_module("kong_probe", AnsibleModule(_SPEC, supports_check_mode=True))


if __name__ == "__main__":
    main()
