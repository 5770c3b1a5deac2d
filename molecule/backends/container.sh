#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs Kong in a network namespace behind the rules that Docker 24 has for published ports. To the host's firewall this is
# a container. The rules are loaded at every boot, as by Docker.
set -eu

cat >/usr/local/sbin/container <<'CONTAINER'
#!/bin/sh
set -eu
# Docker enables forwarding; a host of the lab first needs write access to /proc/sys.
mount -o remount,rw /proc/sys
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip netns add container
ip link add box type veth peer name eth0 netns container
ip address add 172.31.0.1/24 dev box
ip address add fd00:31::1/64 dev box nodad
ip link set box up
ip -n container address add 172.31.0.2/24 dev eth0
ip -n container address add fd00:31::2/64 dev eth0 nodad
ip -n container link set lo up
ip -n container link set eth0 up
ip -n container route add default via 172.31.0.1
ip -n container -6 route add default via fd00:31::1
rules() {
    cat <<RULES
*nat
:CONTAINER -
-A PREROUTING -m addrtype --dst-type LOCAL -j CONTAINER
-A CONTAINER ! -i box -p tcp -m tcp --dport 8000 -j DNAT --to-destination $2:8000
-A CONTAINER ! -i box -p tcp -m tcp --dport 8101 -j DNAT --to-destination $2:8001
-A CONTAINER ! -i box -p tcp -m tcp --dport 8007 -j DNAT --to-destination $2:8007
-A CONTAINER ! -i box -p udp -m udp --dport 8053 -j DNAT --to-destination $2:8053
COMMIT
*filter
:CONTAINER -
:DOCKER-USER -
-I FORWARD -o box -j CONTAINER
-I FORWARD -o box -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-I FORWARD -i box ! -o box -j ACCEPT
-I FORWARD -j DOCKER-USER
-A CONTAINER -d $1 ! -i box -o box -p tcp -m tcp --dport 8000 -j ACCEPT
-A CONTAINER -d $1 ! -i box -o box -p tcp -m tcp --dport 8001 -j ACCEPT
-A CONTAINER -d $1 ! -i box -o box -p tcp -m tcp --dport 8007 -j ACCEPT
-A CONTAINER -d $1 ! -i box -o box -p udp -m udp --dport 8053 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
RULES
}
# firewalld empties the tables when it starts, so wait for it, like Docker.
if systemctl --quiet is-enabled firewalld; then
    for _ in $(seq 30); do
        ! firewall-cmd --state >/dev/null 2>&1 || break
        sleep 1
    done
fi
rules 172.31.0.2 172.31.0.2 | iptables-restore --noflush
rules fd00:31::2 '[fd00:31::2]' | ip6tables-restore --noflush
CONTAINER
chmod 755 /usr/local/sbin/container

cat >/etc/systemd/system/container.service <<'UNIT'
[Unit]
Description=Network namespace and rules of Kong's container
Before=kong.service
After=network.target ufw.service firewalld.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/container

[Install]
WantedBy=multi-user.target
UNIT

mkdir -p /etc/systemd/system/kong.service.d
cat >/etc/systemd/system/kong.service.d/container.conf <<'DROPIN'
[Unit]
Requires=container.service
After=container.service

[Service]
NetworkNamespacePath=/run/netns/container
DROPIN
systemctl daemon-reload
systemctl enable container
systemctl restart container kong
