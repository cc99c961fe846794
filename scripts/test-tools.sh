#!/usr/bin/env bash
# Installs what the tests need: Debian packages, a Python environment, cargo-nextest.
# Where it may not install, it says what is missing. What APILINK_SKIP names, as a tool or as a
# package, is left alone. Usage: test-tools.sh VENV
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:?}

packages=(
    binutils clang cmake g++ gcc libclang-rt-dev libcurl4-openssl-dev llvm mono-mcs mono-runtime
    npm pkg-config python3 python3-venv valgrind
)

# The names by which the tests ask for what is in a package.
names_of() {
    case $1 in
        binutils) echo binutils nm readelf ;;
        libclang-rt-dev | llvm) echo "$1" clang ;;
        mono-mcs) echo mono-mcs mcs ;;
        mono-runtime) echo mono-runtime mono ;;
        npm) echo npm node ;;
        *) echo "$1" ;;
    esac
}

may_be_missing() {
    local name
    for name in $(names_of "$1"); do
        [[ ,${APILINK_SKIP:-}, == *,$name,* ]] && return
    done
    return 1
}

missing=()
for package in "${packages[@]}"; do
    may_be_missing "$package" && continue
    case $package in
        # A machine may have these without Debian's packages.
        npm) command -v npm >/dev/null || missing+=("$package") ;;
        python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=("$package") ;;
        python3) command -v python3 >/dev/null || missing+=("$package") ;;
        *) [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] \
            || missing+=("$package") ;;
    esac
done

if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
            "${missing[@]}" >/dev/null
    else
        echo "Missing: ${missing[*]}" >&2
        echo "Install them, for example with: sudo apt-get install ${missing[*]}" >&2
        echo "Or name them in APILINK_SKIP, to go without the tests that need them." >&2
        exit 1
    fi
fi

if ! command -v cargo-nextest >/dev/null; then
    cargo install --locked --quiet cargo-nextest
fi

requirements=tests/e2e/requirements.txt
if ! cmp -s "$requirements" "$venv/requirements.txt"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/requirements.txt"
fi
