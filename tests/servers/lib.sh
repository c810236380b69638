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

# as_root COMMAND…: runs it as root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# apt_install [FLAG…] PACKAGE…: installs with apt, or says what is needed where there is none.
apt_install() {
    command -v apt-get >/dev/null || {
        echo "the tests need these Debian packages or their like: $*" >&2
        exit 1
    }
    as_root apt-get update -qq </dev/null >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" </dev/null >&2
}

# debian PROGRAM PACKAGE: prints the path of a program, installed with apt where it is missing.
debian() {
    only_once "$2"
    PATH="$PATH:/usr/sbin:/sbin"
    command -v "$1" >/dev/null || apt_install "$2"
    command -v "$1"
}

# npm_ci SOURCE TARGET: installs what the lock file in SOURCE names, into TARGET.
npm_ci() {
    mkdir -p "$2"
    cp "$1/package.json" "$1/package-lock.json" "$2"
    (cd "$2" && npm ci --ignore-scripts --no-audit --no-fund --silent >&2)
}
