# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kong_probe
short_description: Connect from a host to many addresses and ports and say how each answered
version_added: 0.1.0
author:
  - gatehouse.kong contributors (!UNKNOWN)
description:
  - Tries a list of targets from the host it runs on, all at the same time, and tells open, refused, filtered and
    unreachable apart. It knows nothing of Kong or of firewalls, so the answer is evidence, not opinion.
  - A C(tcp) probe opens a connection and closes it. C(tls), C(http) and C(https) go on from there. A C(memberlist) probe
    sends one UDP datagram, the ping of HashiCorp memberlist, and waits for its ack. That is the gossip of Serf, which
    Kong 0.6 to 0.10 use for their cluster. A C(udp) probe sends a datagram with a mark, and waits for anything.
  - Uses Python's standard library only, and needs no privileges.
extends_documentation_fragment:
  - gatehouse.kong.attributes
attributes:
  check_mode:
    support: full
    details: The probes are made in check mode too. They send packets and change nothing.
  diff_mode:
    support: N/A
    details: Nothing is ever changed.
options:
  probes:
    description: What to try. An empty list is allowed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: A label for the result. It has no meaning for the module and need not be unique.
        type: str
        default: ""
      kind:
        description:
          - V(tcp) opens a TCP connection.
          - V(tls) shakes hands on it, and tells the certificate. Nobody's name or signature is checked.
          - V(http) sends C(GET /) on it, and tells the status of the answer. V(https) does both.
          - V(memberlist) sends a memberlist ping over UDP and waits for the ack with the same sequence number.
          - V(udp) sends a datagram of 23 bytes and takes whatever comes back for an answer. Silence says nothing, as many
            services over UDP do not answer what they do not know. Where M(gatehouse.kong.kong_placeholder) watches on the
            target, it tells by the mark of the datagram whether it came and was let in.
        type: str
        choices: [tcp, tls, http, https, memberlist, udp]
        default: tcp
      address:
        description:
          - An IPv4 or IPv6 address. A link-local address carries its zone, as in V(fe80::1%eth0).
          - Host names are not looked up, so that it is always clear what was tried.
        type: str
        required: true
      port:
        description: The port, 1 to 65535.
        type: int
        required: true
  timeout:
    description:
      - Seconds to wait for an answer, for each try; more than 0, at most 60.
      - Linux needs about 3 seconds to find out that a host on the same network is down. Where O(timeout) times O(tries)
        is less, such a host looks filtered and not unreachable.
    type: float
    default: 2.0
  tries:
    description: How often to try before silence counts as filtered, 1 to 10. Any answer ends the tries.
    type: int
    default: 2
  workers:
    description:
      - How many probes may be under way at the same time. Each holds one open file, so the number is lowered where the
        limit on open files (C(ulimit -n)) is smaller.
    type: int
    default: 500
notes:
  - "Bounds: the module takes at most O(timeout) times O(tries) seconds for each O(workers) probes that are silent, and
    far less for those that answer. With the defaults 2,000 silent targets take 16 seconds. A silent target gets O(tries)
    datagrams of 19 or 23 bytes, or O(tries) attempts to connect, in which the kernel repeats the first packet about once a
    second: 4 packets with the defaults."
  - A connection that was made counts as open, whatever becomes of TLS and HTTP on it; the detail tells what does. They
    have another O(timeout).
  - "Refused does not prove that the firewall let the packet pass: a rule that rejects TCP with a reset, or UDP with an
    ICMP port unreachable (the default of V(reject)), answers exactly as a closed port does. TCP rejected with an ICMP
    port unreachable is told from a closed port and counts as filtered; on kernels before Linux 5.6 it counts as refused."
  - "Prohibited and unreachable are told apart by the ICMP message. On kernels before Linux 5.6 it cannot be read for TCP,
    and TCP over IPv4 that was administratively prohibited counts as unreachable. A firewall that rejects with host or
    network unreachable always counts as unreachable."
  - "Kernels send only a few ICMP errors to one address in a second. When many closed UDP ports of one host are probed at
    once, some of them look filtered."
  - "The datagram of a C(udp) probe is a ping of memberlist whose number takes eight bytes. What listens gets it: a stream
    may pass it on to its service, and a Serf with a key logs that it cannot decrypt it."
  - "A node with a C(cluster_encrypt_key) ignores plain pings and looks filtered. So does a node that listens on a wildcard
    address and answers from an address other than the one that was dialled."
  - "A memberlist node sends pending gossip along with each ack, and counts it as one of a few transmissions. Do not ping
    one node hundreds of times in a second while its cluster is changing."
  - A TCP probe of a memberlist port is logged there as a failed read by some versions of Serf. It has no other effect.
seealso:
  - module: gatehouse.kong.kong_placeholder
  - module: ansible.builtin.wait_for
"""

EXAMPLES = r"""
- name: See what this host can reach
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

- name: Fail unless the proxy is open and the Admin API is not
  ansible.builtin.assert:
    that:
      - reach.probes[0].seen == 'open'
      - reach.probes[1].seen != 'open'

- name: Show what did not answer as hoped, with the reason
  ansible.builtin.debug:
    msg: "{{ reach.probes | rejectattr('seen', 'eq', 'open') | map(attribute='detail') }}"

- name: Ask quickly, over IPv6, on a network that loses nothing
  gatehouse.kong.kong_probe:
    probes:
      - address: 2001:db8::11
        port: 8443
    timeout: 0.5
    tries: 1
"""

RETURN = r"""
probes:
  description: One result for each probe, in the order given.
  returned: success
  type: list
  elements: dict
  sample:
    - name: proxy of a1
      kind: tcp
      address: 192.168.10.11
      port: 8000
      seen: open
      detail: connected
    - name: admin of a1
      kind: tcp
      address: 192.168.10.11
      port: 8001
      seen: filtered
      detail: no answer in 2 x 2 s
    - name: gossip of b1, through its NAT device
      kind: memberlist
      address: 192.168.10.5
      port: 9000
      seen: refused
      detail: "ECONNREFUSED: ICMP port unreachable from 192.168.10.5"
  contains:
    name:
      description: The label that was given.
      type: str
      returned: always
    kind:
      description: The kind of probe.
      type: str
      returned: always
    address:
      description: The address as it was given.
      type: str
      returned: always
    port:
      description: The port.
      type: int
      returned: always
    seen:
      description:
        - V(open), the connection was made, or the ack came.
        - V(refused), something answered that nobody listens here. Also a UDP port where something other than memberlist
          answers.
        - V(filtered), silence, or an answer that says that the packet is prohibited.
        - V(silent), silence where the probe was of kind C(udp).
        - V(unreachable), there is no way to the host, or it is down.
      type: str
      returned: always
    detail:
      description: The reason in a few words, with the name of the errno, and the ICMP message and its sender where one came.
      type: str
      returned: always
    certificate:
      description: What a probe with TLS was shown, its C(subject), until when it is valid (C(not_after)), and C(days_left).
      type: dict
      returned: always
      sample: {subject: CN=localhost, not_after: "2036-11-23T16:09:00+00:00", days_left: 3650}
    status:
      description: The status of HTTP, where a probe with HTTP got one.
      type: int
      returned: always
    mark:
      description: What is in the datagrams of a C(udp) probe and in no others.
      type: str
      returned: always
      sample: 36fdb2566ecc3af8
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gatehouse.kong.plugins.module_utils._probe.probe import (
    Limits,
    ProbeError,
    parse_probe,
    run_probes,
)

ARGUMENTS = {
    "probes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "default": ""},
            "kind": {"type": "str", "choices": ["tcp", "tls", "http", "https", "memberlist", "udp"], "default": "tcp"},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
        },
    },
    "timeout": {"type": "float", "default": 2.0},
    "tries": {"type": "int", "default": 2},
    "workers": {"type": "int", "default": 500},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        limits = Limits(module.params["timeout"], module.params["tries"], module.params["workers"])
        probes = [parse_probe(probe) for probe in module.params["probes"]]
        results = run_probes(probes, limits)
    except ProbeError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, probes=results)


if __name__ == "__main__":
    main()
