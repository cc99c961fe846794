#!/usr/bin/env bash
# Runs c-examples/quickstart against a local Clio, twice: with a login, and without.
# Usage: demo.sh BUILD_DIRECTORY BROWSER
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/${1:?}
browser=${2:?}

work=$(mktemp -d)
sandbox=
cleanup() {
    if [ -n "$sandbox" ]; then kill "$sandbox" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap cleanup EXIT

free_port() {
    local port
    while port=$((20000 + RANDOM)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    echo "$port"
}

"$build/clio-sandbox" --matters 250 --ready-file "$work/ready" >"$work/sandbox.log" 2>&1 &
sandbox=$!
for _ in $(seq 100); do
    [ -s "$work/ready" ] && break
    kill -0 "$sandbox" 2>/dev/null || { cat "$work/sandbox.log"; exit 1; }
    sleep 0.1
done
clio=$(cat "$work/ready")

${CC:-cc} -std=c99 -Wall -Wextra -Iinclude -o "$work/quickstart" c-examples/quickstart.c \
    -L"$build" -lapilink -Wl,-rpath,"$build"

export APILINK_CONNECTION_STRING="Profile=C:\\profiles\\Clio.apip;ProfileSettings='Region=$clio';Authscheme=OAuth;InitiateOAuth=GETANDREFRESH;OAuthClientId=sandbox-client;OAuthClientSecret=sandbox-secret;CallbackUrl=http://localhost:$(free_port);"
export BROWSER=$browser
# The demo keeps its token to itself.
export XDG_CONFIG_HOME=$work/config
mkdir -p "$XDG_CONFIG_HOME"

echo "A local Clio listens on $clio. The connection string is"
echo
echo "  $APILINK_CONNECTION_STRING"
echo
echo "== First run: a login through $browser"
"$work/quickstart"
echo
echo "== Second run: no login, the token is in its store"
BROWSER=/bin/false "$work/quickstart"
