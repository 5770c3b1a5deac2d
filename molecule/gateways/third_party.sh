#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Third-party rules of a gateway, in the files that the host loads at boot: third_party.sh set|open SYSTEM, third_party.sh show.
# `set` writes and loads them: they drop forwarded packets, allow connections from the branch to the LAN, and forward port
# 7070. `open` accepts packets with the mark of our forwards, as the message of kong_gateway says, and saves a listing.
# `show` lists the rules without our table, and the files.
set -eu

set_nftables() {
    cat >/etc/nftables.conf <<'NFT'
#!/usr/sbin/nft -f
flush ruleset
table inet own {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname "lan" tcp dport 7070 dnat ip to 10.80.1.45:8000
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "lan" masquerade
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		iifname "nftables" oifname "lan" accept
		ip daddr 10.80.1.45 tcp dport 8000 accept
	}
}
NFT
    systemctl enable --now nftables
}

open_nftables() {
    sed -i "/tcp dport 8000 accept/a\\\\t\\tmeta mark \& 0x10000000 == 0x10000000 accept" /etc/nftables.conf
    systemctl reload nftables
}

# The chains of Docker 20.10, saved by iptables-persistent. Debian's ufw is in conflict with that package.
set_iptables() {
    export DEBIAN_FRONTEND=noninteractive
    dpkg --purge ufw
    dpkg --install /opt/iptables-persistent/*.deb
    iptables-restore <<'IPTABLES'
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -i iptables -o lan -j ACCEPT
-A DOCKER-USER -i lan -o iptables -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 10.80.2.0/24 -o lan -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 7070 -j DNAT --to-destination 172.17.0.2:80
COMMIT
IPTABLES
    netfilter-persistent save
}

open_iptables() {
    iptables -I DOCKER-USER -m mark --mark 0x10000000/0x10000000 -j ACCEPT
    iptables-save >/etc/iptables/rules.v4
}

# The LAN is in the zone external, with masquerade, and the branch is in the zone internal.
set_firewalld() {
    systemctl enable --now firewalld
    firewall-cmd --quiet --permanent --zone=external --change-interface=lan
    firewall-cmd --quiet --permanent --zone=external --add-forward-port=port=7070:proto=tcp:toport=8000:toaddr=10.80.3.45
    firewall-cmd --quiet --permanent --zone=internal --change-interface=firewalld
    firewall-cmd --quiet --permanent --new-policy=outgoing
    firewall-cmd --quiet --permanent --policy=outgoing --add-ingress-zone=internal
    firewall-cmd --quiet --permanent --policy=outgoing --add-egress-zone=external
    firewall-cmd --quiet --permanent --policy=outgoing --set-target=ACCEPT
    firewall-cmd --quiet --reload
}

# firewalld accepts each translated packet.
open_firewalld() { :; }

# Without -F, a reload would load the rules of the table nat twice.
set_ufw() {
    cat >>/etc/ufw/before.rules <<'UFW'
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-F PREROUTING
-F POSTROUTING
-A PREROUTING -i lan -p tcp --dport 7070 -j DNAT --to-destination 10.80.4.45:8000
-A POSTROUTING -s 10.80.4.0/24 -o lan -j MASQUERADE
COMMIT
UFW
    ufw --force enable
    systemctl enable --now ufw
    ufw allow 22/tcp
    ufw route allow in on ufw out on lan
    ufw route allow in on lan out on ufw to 10.80.4.45 port 8000 proto tcp
}

open_ufw() {
    sed -i '0,/^COMMIT$/s//-A ufw-after-forward -m mark --mark 0x10000000\/0x10000000 -j ACCEPT\nCOMMIT/' /etc/ufw/after.rules
    ufw reload
}

show() {
    nft --stateless list ruleset | sed '/^table inet gatehouse_kong_nat {$/,/^}$/d'
    iptables-save | sed 's/ \[[0-9]*:[0-9]*\]$//; /^#/d'
    find /etc/nftables.conf /etc/iptables /etc/firewalld /etc/ufw /etc/default/ufw /etc/sysctl.conf /etc/sysctl.d \
        -type f -exec sha256sum {} + 2>/dev/null | sort -k 2 || true
}

case $1 in
show) show ;;
set)
    "set_$2"
    cp "$0" /root/third_party.sh
    ;;
open)
    "open_$2"
    show >/root/third_party
    ;;
esac
