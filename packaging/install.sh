#!/bin/sh
# Installs the shared library, the headers, and the files for pkg-config and CMake, on Unix.
#
#     [DESTDIR=...] packaging/install.sh PREFIX [BUILD]
#
# PREFIX  where the files are used from, an absolute path
# BUILD   the directory with the built library (target/release)
# DESTDIR a directory that stands in for the root while a package is made
#
# The static library is left out: see docs/c-api.md.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
prefix=${1:?usage: install.sh PREFIX [BUILD]}
build=${2:-$root/target/release}
destdir=${DESTDIR:-}

case $prefix in
    /) prefix= ;;
    /*) prefix=${prefix%/} ;;
    *) echo "install.sh: PREFIX must be an absolute path: $prefix" >&2; exit 1 ;;
esac

version=$(sed -n 's/^#define APILINK_VERSION "\([0-9.]*\)"$/\1/p' "$root/include/apilink.h")
soversion=${version%.*}
case $(uname -s) in
    Darwin)
        built=libapilink.dylib
        file=libapilink.$version.dylib
        soname=libapilink.$soversion.dylib
        ;;
    *)
        built=libapilink.so
        file=libapilink.so.$version
        soname=libapilink.so.$soversion
        ;;
esac
if [ ! -f "$build/$built" ]; then
    echo "install.sh: $build/$built is missing; build it first: make build" >&2
    exit 1
fi

lib=$destdir$prefix/lib
include=$destdir$prefix/include
mkdir -p "$lib/pkgconfig" "$lib/cmake/apilink" "$include"

# The name of the library is replaced in one step: running programs keep the old file.
install -m 755 "$build/$built" "$lib/$file.new"
mv -f "$lib/$file.new" "$lib/$file"
ln -sf "$file" "$lib/$soname"
ln -sf "$soname" "$lib/$built"
install -m 644 "$root/include/apilink.h" "$root/include/apilink.hpp" "$include"

# fill TEMPLATE TARGET
fill() {
    escaped=$(printf '%s' "$prefix" | sed 's/[&\\|]/\\&/g')
    sed -e "s|@PREFIX@|$escaped|g" -e "s|@VERSION@|$version|g" -e "s|@SOVERSION@|$soversion|g" \
        -e "s|@FILE@|$file|g" -e "s|@SONAME@|$soname|g" "$root/packaging/$1" >"$2"
    chmod 644 "$2"
}
fill apilink.pc.in "$lib/pkgconfig/apilink.pc"
fill apilinkConfig.cmake.in "$lib/cmake/apilink/apilinkConfig.cmake"
fill apilinkConfigVersion.cmake.in "$lib/cmake/apilink/apilinkConfigVersion.cmake"

# The cache of the system's loader, where the library was installed for the system.
if [ -z "$destdir" ] && [ "$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then
    ldconfig || true
fi
echo "Installed apilink $version in $destdir$prefix"
