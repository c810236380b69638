#!/bin/sh
# Prints the folder of Postgres' programs, installed with apt where they are missing. Only the
# programs: each test run starts a server of its own.
. "$(dirname "$0")/lib.sh"
only_once postgres
programs() {
    find /usr/lib/postgresql -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1
}
if [ -z "$(programs)" ]; then
    as_root mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    apt_install -o Dpkg::Options::=--force-confold postgresql openssl
fi
dirname "$(programs)"
