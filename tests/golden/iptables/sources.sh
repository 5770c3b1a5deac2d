#!/bin/sh
# Written by gatehouse.kong. The next run replaces manual changes.
# usage: load.sh [sets]
set -eu

OUR_SETS='gkong4-10-bastions gkong6-10-bastions gkong4-office gkong6-office'

sets() {
    cat <<'SETS'
create gkong4-10-bastions hash:net family inet maxelem 1048576
flush gkong4-10-bastions
add gkong4-10-bastions 10.0.0.4/31
create gkong6-10-bastions hash:net family inet6 maxelem 1048576
flush gkong6-10-bastions
create gkong4-office hash:net family inet maxelem 1048576
flush gkong4-office
add gkong4-office 10.9.0.0/16
create gkong6-office hash:net family inet6 maxelem 1048576
flush gkong6-office
add gkong6-office fd00::/8
SETS
}

rules_ipv4() {
    cat <<'IPV4'
-A GATEHOUSE-KONG -i lo -m comment --comment "the host reaches itself" -j RETURN
-A GATEHOUSE-KONG -m comment --comment "only rules below set this bit" -j MARK --set-xmark 0x0/0x10000000
-A GATEHOUSE-KONG -p tcp -m tcp --dport 8001 -m set --match-set gkong4-10-bastions src -m comment --comment "10-bastions for admin" -g GATEHOUSE-KONG-MARK
-A GATEHOUSE-KONG -p tcp -m tcp --dport 8001 -m set --match-set gkong4-office src -m comment --comment "office for admin" -g GATEHOUSE-KONG-MARK
-A GATEHOUSE-KONG -p tcp -m tcp --dport 8001 -m comment --comment "admin" -j DROP
-A GATEHOUSE-KONG -p tcp -m tcp --dport 8006 -m comment --comment "cluster_telemetry" -g GATEHOUSE-KONG-MARK
-A GATEHOUSE-KONG -p tcp -m tcp --dport 18000 -m comment --comment "debug" -j DROP
-A GATEHOUSE-KONG-MARK -j MARK --set-xmark 0x10000000/0x10000000
IPV4
}

rules_ipv6() {
    cat <<'IPV6'
-A GATEHOUSE-KONG -i lo -m comment --comment "the host reaches itself" -j RETURN
-A GATEHOUSE-KONG -m comment --comment "only rules below set this bit" -j MARK --set-xmark 0x0/0x10000000
-A GATEHOUSE-KONG -p tcp -m tcp --dport 8001 -m set --match-set gkong6-10-bastions src -m comment --comment "10-bastions for admin" -g GATEHOUSE-KONG-MARK
-A GATEHOUSE-KONG -p tcp -m tcp --dport 8001 -m set --match-set gkong6-office src -m comment --comment "office for admin" -g GATEHOUSE-KONG-MARK
-A GATEHOUSE-KONG -p tcp -m tcp --dport 8001 -m comment --comment "admin" -j DROP
-A GATEHOUSE-KONG -p tcp -m tcp --dport 8006 -m comment --comment "cluster_telemetry" -g GATEHOUSE-KONG-MARK
-A GATEHOUSE-KONG -p tcp -m tcp --dport 18000 -m comment --comment "debug" -j DROP
-A GATEHOUSE-KONG-MARK -j MARK --set-xmark 0x10000000/0x10000000
IPV6
}

# The same sets or rules, but with the temporary names of the sets.
waiting() {
    sed 's/ \(gkong[46]-[^ ]*\)/ \1+/'
}

fill_sets() {
    sets | "$1" | /usr/sbin/ipset -exist restore
}

# One transaction for each family: it replaces the rules of the chain, and makes the jump to it the first rule of INPUT.
load() {
    {
        printf '%s\n' '*mangle' ':GATEHOUSE-KONG - [0:0]' ':GATEHOUSE-KONG-MARK - [0:0]'
        "$1-save" -t mangle | sed -n 's/^-A \(.* -[jg] GATEHOUSE-KONG\)$/-D \1/p'
        printf '%s\n' "$2"
        cat
        echo COMMIT
    } | "$1-restore" --wait 10 --noflush
}

load_rules() {
    rules_ipv4 | "$1" | load /usr/sbin/iptables-nft "$2"
    [ ! -e /proc/net/if_inet6 ] || rules_ipv6 | "$1" | load /usr/sbin/ip6tables-nft "$2"
}

# iptables-nft releases the sets of replaced rules a moment later. A set that a third-party rule uses is kept.
destroy() {
    /usr/sbin/ipset destroy "$1" 2>/dev/null || { sleep 1 && /usr/sbin/ipset destroy "$1" 2>/dev/null; } || true
}

remove_other_sets() {
    /usr/sbin/ipset list -n | sed -n '/^gkong[46]-/p' | while read -r name; do
        case " $OUR_SETS " in *" $name "*) ;; *) destroy "$name" ;; esac
    done
}

# Rules that other programs saved can use our sets that were removed, or that had their other name. If a set is
# missing, all these rules are rejected. Therefore the sets are created before other programs load their rules: known sets
# with their elements, unknown sets empty. All have our options: `ipset -exist restore` fails if a set has other options.
make_missing_sets() {
    for file in "$@"; do
        [ ! -e "$file" ] || sed -n 's/.* --match-set \(gkong[46]-[^ ]*\) .*/\1/p' "$file"
    done | sort -u | while read -r name; do
        ! /usr/sbin/ipset list -n "$name" >/dev/null 2>&1 || continue
        case $name in gkong6-*) family=inet6 ;; *) family=inet ;; esac
        first=${name%'~'}
        case " $OUR_SETS " in
        *" $first "*) sets | sed -n "s/^\([a-z]*\) $first\( .*\)*$/\1 $name\2/p" ;;
        *) echo "create $name hash:net family $family maxelem 1048576" ;;
        esac
    done | /usr/sbin/ipset -exist restore
}

swap_sets() {
    {
        sets | sed -n '/^create /p'
        for name in $OUR_SETS; do
            printf 'swap %s+ %s\ndestroy %s+\n' "$name" "$name" "$name"
        done
    } | /usr/sbin/ipset -exist restore
}

fill_sets waiting
if [ "${1:-}" = sets ]; then
    swap_sets
    make_missing_sets /etc/iptables/rules.v4 /etc/iptables/rules.v6 /etc/sysconfig/iptables /etc/sysconfig/ip6tables
    exit
fi
# Sets and rules change together when the rules for the waiting sets are loaded. After that, no rule uses the sets with the
# final names, so they can be filled.
load_rules waiting '-I INPUT 1 -j GATEHOUSE-KONG'
fill_sets cat
load_rules cat '-I INPUT 1 -j GATEHOUSE-KONG'
remove_other_sets
# Scripts of the host restore these files later, for example when an interface is brought up.
make_missing_sets
