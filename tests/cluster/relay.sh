# Part of up.sh: the way in from the machine.
#
# Two relays that share a socket file: one hears on the machine's loopback, the other dials in the
# cluster's network. Both end with the holder. The path is relative because that of a socket is short.
start relay socat UNIX-LISTEN:/run/titan/api.sock,fork,unlink-early "TCP:127.0.0.1:$api_port"
(
    cd "$folder"
    nsenter --target "$(holder)" --pid -- \
        setsid socat "TCP-LISTEN:$api_port,bind=127.0.0.1,fork,reuseaddr" UNIX-CONNECT:api.sock \
        >>"log/relay.log" 2>&1 </dev/null 8>&- &
)
until_ready "the way in" 10 kubectl get --raw /readyz
