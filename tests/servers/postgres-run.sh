#!/bin/sh
# postgres-run.sh BIN PORT ADDRESSES: a server in a folder of its own, over TCP (with TLS and a password)
# and a socket. Prints the folder once it answers; ends, and removes the folder, when standard input
# does: also when whoever started it is killed. A number of seconds on standard input is an outage.
set -eu
bin="$1" port="$2" addresses="$3"
dir="$(mktemp -d)"
server=
end() {
    # Immediately: what is in the folder goes too.
    [ -z "$server" ] || { kill -QUIT "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$dir"
}
trap end EXIT
exec 2>"$dir/log"
echo titan >"$dir/password"
"$bin/initdb" -D "$dir/data" -U titan -E UTF8 --locale=C --no-sync \
    --auth-local=trust --auth-host=scram-sha-256 --pwfile="$dir/password" >&2
echo "host all all all scram-sha-256" >>"$dir/data/pg_hba.conf"
cat >"$dir/tls.cnf" <<END
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = localhost
[extensions]
subjectAltName = DNS:localhost
basicConstraints = critical, CA:FALSE
END
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -config "$dir/tls.cnf" -keyout "$dir/data/server.key" -out "$dir/data/server.crt" >&2
cp "$dir/data/server.crt" "$dir/ca.crt"
# Nobody pulls the plug of the machine here: processes are killed, not the server.
start() {
    "$bin/postgres" -D "$dir/data" -k "$dir" -p "$port" -c "listen_addresses=$addresses" -c ssl=on \
        -c fsync=off -c max_connections=400 -c shared_buffers=64MB >&2 &
    server=$!
    until "$bin/pg_isready" -q -h "$dir" -p "$port"; do
        kill -0 "$server"
        sleep 0.1
    done
}
start
chmod 711 "$dir"
chmod 644 "$dir/ca.crt"
echo "$dir"
# Each line is an outage of so many seconds, without a good-bye: like a crash, with a recovery after it.
while read -r outage; do
    kill -QUIT "$server"
    wait "$server" || true
    sleep "$outage"
    start
    echo "$dir"
done
