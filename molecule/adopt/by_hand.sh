#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Configures a host as people do: by_hand.sh HOST.
set -eu

set_router() {
    nft -f - <<'RULES'
table inet router {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct status dnat accept
    iifname "branch" oifname "lan" accept
  }
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "lan" ip daddr 10.96.0.5 tcp dport 9005 dnat ip to 10.96.1.27:8005
    iifname "lan" ip daddr 10.96.0.5 meta l4proto {tcp, udp} th dport 9000 dnat ip to 10.96.1.45:7946
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    iifname "branch" oifname "lan" masquerade
  }
}
RULES
}

set_web() {
    cat >/etc/kong/kong.conf <<'CONF'
# Managed by kong.conf.erb. Do not edit.
log_level = notice
database = postgres
pg_host = 10.96.0.90        # the primary
pg_password = hunter2
proxy_listen = 0.0.0.0:8000, 0.0.0.0:8443 ssl
admin_listen = 10.96.0.11:8001
CONF
    systemctl restart kong
    iptables-restore <<'RULES'
*filter
:INPUT DROP
:FORWARD ACCEPT
:OUTPUT ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m multiport --dports 8000,8443 -j ACCEPT
-A INPUT -s 10.96.0.16/28 -p tcp -m tcp --dport 8001 -j ACCEPT
COMMIT
RULES
}

set_shop() {
    cat >/etc/kong/kong.env <<'ENV'
KONG_PROXY_LISTEN='0.0.0.0:8000'
KONG_ADMIN_LISTEN="10.96.0.12:8001"
KONG_ADMIN_GUI_LISTEN=off
KONG_PG_PASSWORD=hunter2
ENV
    systemctl restart kong
    ufw --force enable
    systemctl enable --now ufw
    ufw allow 22/tcp
    ufw allow 8000/tcp
    ufw allow from 10.96.0.20 to any port 8001 proto tcp comment "admins"
}

set_cp() {
    cat >/etc/kong/kong.conf <<'CONF'
role = control_plane
database = postgres
pg_password = hunter2
cluster_cert = /etc/kong/cluster.crt
cluster_cert_key = /etc/kong/cluster.key
cluster_listen = 0.0.0.0:8005
cluster_telemetry_listen = off
admin_listen = 127.0.0.1:8001
CONF
    systemctl restart kong
}

set_dp() {
    cat >/etc/kong/kong.conf <<'CONF'
role = data_plane
database = off
cluster_cert = /etc/kong/cluster.crt
cluster_cert_key = /etc/kong/cluster.key
cluster_control_plane = 10.96.0.5:9005
proxy_listen = 0.0.0.0:8000
CONF
    systemctl restart kong
    systemctl enable --now firewalld
    firewall-cmd --permanent --add-port=8000/tcp
    firewall-cmd --reload
}

set_old() {
    cat >/etc/kong/kong.yml <<'YML'
# kong.yml of the branch
proxy_listen: "0.0.0.0:8000"
proxy_listen_ssl: "0.0.0.0:8443"
admin_api_listen: "10.96.1.45:8001"
cluster_listen: "10.96.1.45:7946"
cluster:
  advertise: "10.96.0.5:9000"
database: cassandra
YML
    # Kong starts no Serf agent while the old agent ends.
    kong stop
    while pgrep -x serf >/dev/null; do sleep 0.1; done
    kong start
}

# Runs Kong in a network namespace behind the rules of published ports, with the cgroup of a container of docker.
set_box() {
    id=$(printf 'box' | sha256sum | cut -d ' ' -f 1)
    mkdir -p /srv/kong
    cat >/srv/kong/kong.conf <<'CONF'
log_level = notice
proxy_listen = 0.0.0.0:8000
admin_listen = 0.0.0.0:8001
admin_gui_listen = off
CONF
    cat >/usr/local/sbin/box <<'BOX'
#!/bin/sh
set -eu
mount -o remount,rw /proc/sys
echo 1 >/proc/sys/net/ipv4/ip_forward
ip netns add box
ip link add box type veth peer name eth0 netns box
ip address add 172.31.0.1/24 dev box
ip link set box up
ip -n box address add 172.31.0.2/24 dev eth0
ip -n box link set lo up
ip -n box link set eth0 up
ip -n box route add default via 172.31.0.1
iptables-restore --noflush <<'RULES'
*nat
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER ! -i box -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.31.0.2:8000
-A DOCKER -d 10.96.0.13/32 ! -i box -p tcp -m tcp --dport 8001 -j DNAT --to-destination 172.31.0.2:8001
COMMIT
*filter
:DOCKER -
:DOCKER-USER -
-I FORWARD -o box -j DOCKER
-I FORWARD -o box -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-I FORWARD -i box ! -o box -j ACCEPT
-I FORWARD -j DOCKER-USER
-A DOCKER -d 172.31.0.2/32 ! -i box -o box -p tcp -m tcp --dport 8000 -j ACCEPT
-A DOCKER -d 172.31.0.2/32 ! -i box -o box -p tcp -m tcp --dport 8001 -j ACCEPT
-A DOCKER-USER -s 10.96.0.20/32 -p tcp -m tcp --dport 8001 -j RETURN
-A DOCKER-USER -p tcp -m tcp --dport 8001 -j DROP
-A DOCKER-USER -j RETURN
COMMIT
RULES
BOX
    cat >/usr/local/bin/docker <<'DOCKER'
#!/bin/sh
exec cat /usr/local/share/box.json
DOCKER
    chmod 755 /usr/local/sbin/box /usr/local/bin/docker
    cat >/usr/local/share/box.json <<JSON
[{"Id": "$id", "Config": {"Image": "kong:3.9", "Env": ["KONG_PG_PASSWORD=hunter2"],
  "Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["kong", "docker-start"]},
  "HostConfig": {"NetworkMode": "bridge"},
  "NetworkSettings": {"IPAddress": "172.31.0.2", "Ports": {
    "8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}, {"HostIp": "::", "HostPort": "80"}],
    "8001/tcp": [{"HostIp": "10.96.0.13", "HostPort": "8001"}]}},
  "Mounts": [{"Type": "bind", "Source": "/srv/kong/kong.conf", "Destination": "/etc/kong/kong.conf", "RW": false}]}]
JSON
    /usr/local/sbin/box
    systemctl disable --now kong
    sed 's/^\[Service\]$/&\nNetworkNamespacePath=\/run\/netns\/box\nBindReadOnlyPaths=\/srv\/kong\/kong.conf:\/etc\/kong\/kong.conf/' \
        /etc/systemd/system/kong.service >"/etc/systemd/system/docker-$id.service"
    touch /etc/kong/kong.conf
    systemctl daemon-reload
    systemctl start "docker-$id.service"
}

"set_$1"
touch /root/by_hand
