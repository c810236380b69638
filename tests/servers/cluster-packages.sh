#!/bin/sh
# Installs with apt what the test cluster takes from Debian, where it is missing.
. "$(dirname "$0")/lib.sh"
only_once cluster-packages
missing=
need() { # PATH PACKAGE
    [ -e "$1" ] || command -v "$1" >/dev/null || missing="$missing $2"
}
PATH="$PATH:/usr/sbin:/sbin"
need etcd etcd-server
need containerd containerd
need runc runc
need /usr/lib/cni/bridge containernetworking-plugins
need nft nftables
need iptables iptables
need conntrack conntrack
need ip iproute2
need nsenter util-linux
need busybox busybox-static
need socat socat
need openssl openssl
need /etc/ssl/certs/ca-certificates.crt ca-certificates
[ -n "$missing" ] || exit 0
echo "  installing$missing" >&2
# shellcheck disable=SC2086 # one argument per package
apt_install --no-install-recommends $missing
