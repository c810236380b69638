# Shared by the install scripts: the cache outside the checkout, and a lock so that two runs never
# install the same thing at once.
set -eu
cache="${XDG_CACHE_HOME:-$HOME/.cache}/titan-media"
mkdir -p "$cache/bin"

# only_once NAME: holds a lock until the script ends.
only_once() {
    exec 9>"$cache/.lock-$1"
    flock 9
}
