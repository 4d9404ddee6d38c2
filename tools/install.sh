# Sourced by ./run and ./test: says or installs what is missing.

# need_rust: cargo new enough for the workspace.
need_rust() {
    if ! command -v cargo >/dev/null 2>&1; then
        echo "cargo is missing: install the Rust toolchain first, https://rustup.rs" >&2
        exit 1
    fi
    command -v cc >/dev/null 2>&1 || need_packages cc:build-essential
}

# want_packages PROGRAM:PACKAGE…: like need_packages, for what things are better with but go without.
want_packages() {
    (need_packages "$@") || echo "going on without it" >&2
}

# need_packages PROGRAM:PACKAGE…: installs the Debian packages whose program is not on the path, when root; else says
# the command and ends.
need_packages() {
    local missing=() pair
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || missing+=("${pair##*:}")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing: ${missing[*]}"
        if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null 2>&1; then
            apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
        fi
    else
        echo "missing; run this first: sudo apt-get install -y ${missing[*]}" >&2
        exit 1
    fi
}
