#!/bin/bash
# Installs the Debian packages that a step of `make` needs and that are missing. Where none is
# missing it is silent and takes milliseconds.
#
#   packages.sh build|unit|test|peers|kafka   each step's own packages; make runs them in this order
#
# A compiler, make, git and a network are all that is assumed. DRY_RUN=1 prints the commands
# instead of running them. CC is the compiler that must find the headers (gcc).
set -euo pipefail

step=${1:-}

#   step   package                    why
packages() {
    cat <<'TABLE'
build  libzstd-dev                compression of logs, state and tables
build  libxxhash-dev              checksums
build  libroaring-dev             sets of neighbours at rest
build  libyajl-dev                JSON
build  libinih-dev                configuration files
build  librdkafka-dev             Kafka
build  libavro-dev                Avro schemas of others
build  libcurl4-openssl-dev       schema registries
build  zlib1g-dev                 Avro container files
build  libsqlite3-dev             tables for dashboards
unit   libcmocka-dev              unit tests
unit   python3                    runs the tests and the checks
test   python3-venv               DuckDB and Arrow, which read our tables back
test   zstd                       logs that unpack to very many bytes
test   clang                      second compiler, fuzzing
test   libclang-rt-14-dev         sanitizers of clang
test   clang-tidy                 static analysis
test   clang-format               formatting
test   cppcheck                   static analysis
test   chromium                   looks at the report as a browser shows it
peers  libgraphblas-dev           counts common neighbours beside us, in benchmarks alone
peers  libigraph-dev              likewise
kafka  openjdk-17-jdk-headless    runs a Kafka broker and an independent Roaring implementation
kafka  maven                      fetches them
kafka  kcat                       an independent Kafka client
TABLE
}

say() {
    echo "packages: $*" >&2
}

# The rows that `step` needs.
needed() {
    case $step in
    build | unit | test | peers | kafka) packages | grep "^$step " ;;
    *)
        say "usage: packages.sh build|unit|test|peers|kafka"
        exit 64
        ;;
    esac
}

# True where the compiler finds the libraries, wherever they come from: then the build does not
# ask whose system this is.
headers_are_there() {
    local includes
    includes=$(printf '#include <%s>\n' zstd.h xxhash.h roaring/roaring.h yajl/yajl_parse.h ini.h \
        librdkafka/rdkafka.h avro.h curl/curl.h zlib.h sqlite3.h)
    # CC may be several words.
    # shellcheck disable=SC2086
    ${CC:-gcc} -E -x c - >/dev/null 2>&1 <<<"$includes"
}

# The rows of `needed` whose package is not installed.
missing() {
    local installed
    # dpkg-query fails when it does not know one of the names; that one is then missing.
    # shellcheck disable=SC2046
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
        $(needed | awk '{print $2}') 2>/dev/null) || true
    needed | while read -r row_step package why; do
        grep -qx "installed $package" <<<"$installed" || echo "$row_step $package $why"
    done
}

as_root() {
    if [ -n "${DRY_RUN:-}" ]; then
        echo "$*"
    elif [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "not root and no sudo: as root, run: $*"
        exit 77
    fi
}

# Waits for another apt to finish instead of failing beside it.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >&2
}

# The lists are fetched only where they are missing or no longer lead to the packages.
install_packages() {
    if ! apt-get -s install --no-install-recommends "$@" >/dev/null 2>&1; then
        apt_get update
        apt_get install --no-install-recommends "$@"
    elif ! apt_get install --no-install-recommends "$@"; then
        say "trying again with new package lists"
        apt_get update
        apt_get install --no-install-recommends "$@"
    fi
}

needed >/dev/null
if [ "$step" = build ] && headers_are_there; then
    exit 0
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    if [ "$step" = build ]; then
        say "the headers of a library are missing and this is no Debian: install these and retry"
    else
        say "this is no Debian: nothing is installed; the following must be there"
    fi
    needed | awk '{print "  " $2}' >&2
    [ "$step" != build ]
    exit
fi
rows=$(missing)
if [ -z "$rows" ]; then
    exit 0
fi
mapfile -t names < <(awk '{print $2}' <<<"$rows")
say "installing ${#names[@]} missing:"
while read -r _ package why; do
    printf '  %-26s %s\n' "$package" "$why" >&2
done <<<"$rows"
install_packages "${names[@]}"
