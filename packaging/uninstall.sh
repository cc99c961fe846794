#!/bin/sh
# Removes what packaging/install.sh and `make install-tool` installed, on Unix.
#
#     [DESTDIR=...] packaging/uninstall.sh PREFIX
set -eu

prefix=${1:?usage: uninstall.sh PREFIX}
case $prefix in
    /) prefix= ;;
    /*) prefix=${prefix%/} ;;
    *) echo "uninstall.sh: PREFIX must be an absolute path: $prefix" >&2; exit 1 ;;
esac
root=${DESTDIR:-}$prefix
lib=$root/lib

rm -f "$lib"/libapilink.so "$lib"/libapilink.so.[0-9]* "$lib"/libapilink.dylib \
    "$lib"/libapilink.[0-9]*.dylib "$lib/pkgconfig/apilink.pc" \
    "$lib/cmake/apilink/apilinkConfig.cmake" "$lib/cmake/apilink/apilinkConfigVersion.cmake" \
    "$root/include/apilink.h" "$root/include/apilink.hpp" "$root/bin/apilink"
if [ -d "$lib/cmake/apilink" ]; then
    rmdir "$lib/cmake/apilink" 2>/dev/null || true
fi
if [ -z "${DESTDIR:-}" ] && [ "$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then
    ldconfig || true
fi
echo "Removed apilink from $root"
