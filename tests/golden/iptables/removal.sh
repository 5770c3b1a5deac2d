#!/bin/sh
# Written by gatehouse.kong. The next run replaces manual changes.
# usage: load.sh [sets]
set -eu

OUR_SETS=''

sets() {
    cat <<'SETS'

SETS
}

rules_ipv4() {
    cat <<'IPV4'

IPV4
}

rules_ipv6() {
    cat <<'IPV6'

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

load_rules cat '-X GATEHOUSE-KONG
-X GATEHOUSE-KONG-MARK'
remove_other_sets
