"""`make install`: what is installed, and that programs are built with it and run."""

import os
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, need
from test_header import functions

LIBRARIES = {"libgcc_s.so.1", "libm.so.6", "libc.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"}
LOADERS = re.compile(r"ld-linux.*\.so\.\d+")


def output_of(*command: object, **more: object) -> str:
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, **more
    ).stdout


def install(prefix: object, **environment: str) -> str:
    return output_of(
        ROOT / "packaging" / "install.sh", prefix, BUILD, env=os.environ | environment
    )


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where apilink has been installed, twice: the second time replaces the first."""
    folder = tmp_path_factory.mktemp("a prefix & more")
    install(folder)
    install(folder)
    return folder


def version() -> str:
    return re.search(r'"(.+)"', (ROOT / "include" / "apilink.h").read_text().split("APILINK_VERSION ")[1])[1]


def test_what_is_installed(prefix):
    full, short = version(), version().rpartition(".")[0]
    files = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}
    assert files == {
        "include/apilink.h",
        "include/apilink.hpp",
        f"lib/libapilink.so.{full}",
        f"lib/libapilink.so.{short}",
        "lib/libapilink.so",
        "lib/pkgconfig/apilink.pc",
        "lib/cmake/apilink/apilinkConfig.cmake",
        "lib/cmake/apilink/apilinkConfigVersion.cmake",
    }
    assert os.readlink(prefix / "lib" / "libapilink.so") == f"libapilink.so.{short}"
    assert os.readlink(prefix / "lib" / f"libapilink.so.{short}") == f"libapilink.so.{full}"
    for file in files:
        text = b"" if ".so" in file else (prefix / file).read_bytes()
        assert not re.search(rb"@[A-Z]+@", text), f"{file} holds an unfilled placeholder"


def test_destdir_is_not_in_the_files(tmp_path):
    install("/opt/apilink", DESTDIR=str(tmp_path))
    pc = (tmp_path / "opt/apilink/lib/pkgconfig/apilink.pc").read_text()
    assert pc.startswith("prefix=/opt/apilink\n")
    assert str(tmp_path) not in pc
    assert (tmp_path / "opt/apilink/lib/libapilink.so").exists()


def test_a_prefix_that_is_not_absolute_is_refused(tmp_path):
    result = subprocess.run(
        [ROOT / "packaging" / "install.sh", "here", BUILD], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "absolute" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_make_install(tmp_path):
    """The Makefile calls the script with PREFIX and DESTDIR."""
    plan = output_of(
        need("make"), "-n", "-C", ROOT, "install", "PREFIX=/usr", f"DESTDIR={tmp_path}"
    )
    assert re.search(rf'DESTDIR="{tmp_path}" packaging/install\.sh "/usr"', plan)


def test_the_library(prefix):
    library = prefix / "lib" / "libapilink.so"
    dynamic = output_of(need("readelf"), "-d", library)
    short = version().rpartition(".")[0]
    assert re.findall(r"\(SONAME\).*\[(.+)\]", dynamic) == [f"libapilink.so.{short}"]
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic))
    assert needed and {name for name in needed if not LOADERS.fullmatch(name)} <= LIBRARIES
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic
    assert "TEXTREL" not in dynamic
    # Its threads outlive a dlclose, so it stays.
    assert re.search(r"\(FLAGS_1\).*NODELETE", dynamic)


def test_the_library_is_small(prefix):
    assert (prefix / "lib" / "libapilink.so").stat().st_size < 8 << 20


def test_the_library_exports_what_the_header_declares_and_nothing_else(prefix):
    table = output_of(need("nm"), "-D", "--defined-only", prefix / "lib" / "libapilink.so")
    exported = [line.split()[-1] for line in table.splitlines()]
    declared = functions()
    assert len(declared) > 40
    assert sorted(exported) == sorted(declared)


PROGRAM = """\
#include <stdio.h>
#include <apilink.h>

int main(void)
{
    apilink_connection *connection = NULL;
    char sqlstate[6] = "";

    if (apilink_connection_new(&connection) != APILINK_SUCCESS)
        return 1;
    if (apilink_connection_connect(connection, "Regio=US", APILINK_NTS) != APILINK_ERROR)
        return 1;
    apilink_diagnostic_get(connection, 1, sqlstate, NULL, NULL, 0, NULL);
    printf("%s %s\\n", apilink_version(), sqlstate);
    apilink_connection_free(connection);
    return 0;
}
"""

CXX_PROGRAM = """\
#include <iostream>
#include <apilink.hpp>

int main() {
    try {
        apilink::Connection connection{"Regio=US"};
    } catch (const apilink::Error& error) {
        std::cout << apilink::version() << ' ' << error.sqlstate() << std::endl;
    }
}
"""


def pkg_config(prefix, *arguments: str) -> list[str]:
    """What a shell would make of pkg-config's answer."""
    import shlex

    variables = os.environ | {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    return shlex.split(output_of(need("pkg-config"), *arguments, "apilink", env=variables))


def test_pkg_config(prefix, tmp_path):
    assert pkg_config(prefix, "--modversion") == [version()]
    flags = pkg_config(prefix, "--cflags", "--libs")
    for source, text, compiler in [
        ("program.c", PROGRAM, ["gcc", "-std=c99"]),
        ("program.cpp", CXX_PROGRAM, ["g++", "-std=c++17"]),
    ]:
        (tmp_path / source).write_text(text)
        program = tmp_path / compiler[0]
        output_of(need(compiler[0]), compiler[1], tmp_path / source, "-o", program, *flags)
        variables = {"LD_LIBRARY_PATH": str(prefix / "lib")}
        assert output_of(program, env=variables) == f"{version()} HY024\n"


def test_pkg_config_finds_it_for_the_makefile_of_the_examples(prefix, tmp_path):
    variables = os.environ | {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    output_of(need("make"), "-C", ROOT / "c-examples", f"OUT={tmp_path}", tmp_path / "quickstart", env=variables)
    needed = output_of(need("readelf"), "-d", tmp_path / "quickstart")
    assert "[libapilink.so." in needed


CMAKE_LISTS = """\
cmake_minimum_required(VERSION 3.13)
project(consumer C CXX)
find_package(apilink {wanted} REQUIRED)
add_executable(program program.c)
target_link_libraries(program PRIVATE apilink::apilink)
add_executable(cxx_program program.cpp)
target_compile_features(cxx_program PRIVATE cxx_std_17)
target_link_libraries(cxx_program PRIVATE apilink::apilink)
"""


def configure(prefix, folder, wanted: str) -> subprocess.CompletedProcess:
    (folder / "CMakeLists.txt").write_text(CMAKE_LISTS.format(wanted=wanted))
    (folder / "program.c").write_text(PROGRAM)
    (folder / "program.cpp").write_text(CXX_PROGRAM)
    return subprocess.run(
        [need("cmake"), "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}"],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("wanted", ["", "0.1", "0.1.0"])
def test_cmake(prefix, tmp_path, wanted):
    configured = configure(prefix, tmp_path, wanted)
    assert configured.returncode == 0, configured.stderr
    output_of(need("cmake"), "--build", tmp_path / "build")
    for program in ("program", "cxx_program"):
        # CMake has written the library's directory into the program.
        assert output_of(tmp_path / "build" / program, env={}) == f"{version()} HY024\n"


@pytest.mark.parametrize("wanted", ["0.2", "0.0.9", "1.0", "0.1.99"])
def test_cmake_refuses_another_version(prefix, tmp_path, wanted):
    configured = configure(prefix, tmp_path, wanted)
    assert configured.returncode != 0
    assert re.search(r"version:?\s+0\.1\.0", configured.stderr)


def test_cmake_follows_a_prefix_that_was_moved(prefix, tmp_path):
    moved = tmp_path / "moved"
    (tmp_path / "consumer").mkdir()
    output_of("cp", "-a", prefix, moved)
    configured = configure(moved, tmp_path / "consumer", "")
    assert configured.returncode == 0, configured.stderr
    output_of(need("cmake"), "--build", tmp_path / "consumer" / "build")
    dynamic = output_of(need("readelf"), "-d", tmp_path / "consumer" / "build" / "program")
    assert str(moved) in dynamic
