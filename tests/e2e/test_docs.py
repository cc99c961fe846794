"""Programs and strings of the documentation, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from conftest import BUILD, ROOT


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def block(page: str, language: str, word: str) -> str:
    (found,) = [code for code in blocks(page, language) if word in code]
    return found


PAGES_IN_C = """\
#include <stdio.h>
#include <stdlib.h>
#include <apilink.h>

static int pages;

static void use(apilink_response *page)
{
    (void)page;
    pages++;
}

%s
%s
int main(int argc, char **argv)
{
    apilink_connection *connection;
    apilink_request *request;
    int32_t code;

    if (argc < 2 || apilink_connection_new(&connection) < 0)
        return 2;
    if (apilink_connection_connect(connection, getenv("STRING"), APILINK_NTS) < 0)
        return 2;
    apilink_request_new(connection, &request);
    apilink_request_prepare(request, "GET", APILINK_NTS, argv[1], APILINK_NTS);
    code = for_each_page(request);
    printf("%%d pages, code %%d\\n", pages, (int)code);
    return 0;
}
"""


@pytest.fixture(scope="module")
def lister(compile_c, tmp_path_factory):
    """The loop over pages of docs/c-api.md in a program."""
    source = tmp_path_factory.mktemp("docs") / "docs_pages.c"
    loop = block("docs/c-api.md", "c", "for_each_page")
    source.write_text(PAGES_IN_C % (block("docs/c-api.md", "c", "print_records(const"), loop))
    return compile_c(source, "-fsanitize=address,undefined")


@pytest.mark.parametrize(
    ("path", "output", "message"),
    [
        ("matters?fields=id&order=id(asc)&limit=100", "3 pages, code 100", ""),
        ("matters/999999999", "0 pages, code 1", r"\[01000\] \(404\) "),
        ("https://elsewhere.example/matters", "0 pages, code -1", r"\[HY024\] \(0\) "),
    ],
)
def test_the_loop_over_pages(path, output, message, lister, sandbox, environment):
    """It reads all pages, tells what goes wrong, and leaves nothing behind."""
    # Handles that are left are freed by the library, so leaks of memory are not what is looked for.
    variables = {**environment, "STRING": sandbox.string_with_token(), "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run([lister, path], env=variables, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, output + "\n"), done.stderr
    assert re.match(message, done.stderr) and bool(message) == bool(done.stderr), done.stderr


@pytest.mark.parametrize("page", ["README.md", "crates/sandbox/README.md"])
def test_the_string_for_a_sandbox(page, sandbox, free_port, environment):
    """With its address and port replaced, it logs in."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (string,) = set(re.findall(r"ProfileSettings='Region=http://127[^\"\n]*;", text))
    string = re.sub(r"http://127\.0\.0\.1:\d+", sandbox.url, string)
    string = string.replace("33333", str(free_port))
    source = (
        "import apilink, os\n"
        "with apilink.connect(os.environ['STRING']) as clio:\n"
        "    print(clio.get('users/who_am_i').status)\n"
    )
    variables = {**environment, "STRING": string, "PYTHONPATH": str(ROOT / "bindings" / "python")}
    done = subprocess.run(
        [sys.executable, "-c", source], env=variables, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.returncode) == ("200\n", 0), done.stderr
    assert sandbox.counters()["consent"]["approved"] == 1


def run_sql(program: str, sandbox, environment) -> subprocess.CompletedProcess:
    assert (BUILD / "apilink").exists(), "the tool is missing; run `make tool`"
    variables = {
        **environment,
        "PATH": f"{BUILD}{os.pathsep}{environment['PATH']}",
        "APILINK_CONNECTION_STRING": sandbox.string_with_token(),
    }
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)


def test_sql_as_a_dataframe(sandbox, environment):
    recipe = block("docs/python.md", "python", "def sql(")
    checks = (
        "assert list(open_matters.columns) == ['client_name', 'matters']\n"
        "counted = sql('SELECT COUNT(*) AS n FROM matters WHERE status = ?', 'open')\n"
        "assert open_matters.matters.sum() == counted.n[0] > 50, counted\n"
        "texts = sql(\"SELECT '007' AS number, 12.5 AS amount\")\n"
        "assert texts.number[0] == '007' and texts.amount[0] == 12.5\n"
        "assert sql('SELECT id FROM matters WHERE id = ?', '-1').empty\n"
        "print('fine')\n"
    )
    done = run_sql(f"{recipe}\n{checks}", sandbox, environment)
    assert (done.stdout, done.stderr, done.returncode) == ("fine\n", "", 0)
    wrong = run_sql(recipe + "\nsql('SELECT nonsense FROM matters')\n", sandbox, environment)
    assert wrong.returncode == 1 and "nonsense" in wrong.stderr
    assert "CalledProcessError" in wrong.stderr
