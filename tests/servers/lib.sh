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

# debian PROGRAM PACKAGE: prints the path of a program, installed with apt where it is missing.
debian() {
    only_once "$2"
    PATH="$PATH:/usr/sbin:/sbin"
    if ! command -v "$1" >/dev/null; then
        command -v apt-get >/dev/null || {
            echo "the tests need $1 on the PATH (Debian has it in the package $2)" >&2
            exit 1
        }
        sudo=
        [ "$(id -u)" -eq 0 ] || sudo=sudo
        $sudo apt-get update -qq </dev/null >&2
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" </dev/null >&2
    fi
    command -v "$1"
}
