#!/usr/bin/env bash
# Runs the C programs of tests/sanitizers under AddressSanitizer (with LeakSanitizer) and
# ThreadSanitizer, with the Rust library itself instrumented, and under valgrind against the
# release library. Needs `make build`. docs/testing.md explains the parts.
#
# A missing tool fails the run, unless APILINK_SKIP names it (clang, valgrind).
#
# How the library is instrumented on the stable toolchain:
#  - RUSTC_BOOTSTRAP=1 allows -Zsanitizer. Given --target, the flags reach our crates and their
#    dependencies, but neither build scripts nor procedural macros.
#  - The standard library comes compiled and is not instrumented. -Cunsafe-allow-abi-mismatch lets
#    ThreadSanitizer be mixed with it; tests/sanitizers/tsan_std.c tells ThreadSanitizer what it
#    does not see there. There are no suppressions.
#  - The runtime is the one that belongs to rustc. The system's clang instruments the C programs,
#    whose calls into the runtime are the same, but does not link its own, which is of another age.
set -euo pipefail
cd "$(dirname "$0")/.."
sources=tests/sanitizers
release=$PWD/target/release
host=$(rustc -vV | sed -n 's/^host: //p')
runtimes=$(rustc --print sysroot)/lib/rustlib/$host/lib
warnings=(-std=gnu11 -Wall -Wextra -Werror)

work=$(mktemp -d)
sandbox=
stop_sandbox() {
    if [ -n "$sandbox" ]; then kill "$sandbox" && wait "$sandbox" || true; fi 2>/dev/null
    sandbox=
}
trap 'stop_sandbox; rm -rf "$work"' EXIT

# step NAME COMMAND...: runs a command, and prints one line, or else what it printed.
step() {
    local name=$1 begun=$SECONDS
    shift
    if ("$@") >"$work/output" 2>&1; then
        printf 'ok      %-66s %3d s\n' "$name" $((SECONDS - begun))
    else
        cat "$work/output"
        printf 'FAILED  %s\n' "$name"
        exit 1
    fi
}

# has TOOL...: whether they are there. A missing one ends the run, unless it may be missing.
has() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null && continue
        if [[ ,${APILINK_SKIP:-}, == *,$tool,* ]]; then
            echo "skipped $tool is missing, and APILINK_SKIP allows that"
            return 1
        fi
        echo "FAILED  $tool is missing; run \`make test-tools\`, or name it in APILINK_SKIP"
        exit 1
    done
}

# ---- building ------------------------------------------------------------------------------------

# instrument SANITIZER DIRECTORY
instrument() {
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=$1 -Cunsafe-allow-abi-mismatch=sanitizer" \
        CARGO_TARGET_DIR=target/$2 cargo rustc --locked --quiet --package apilink --lib \
        --crate-type staticlib --features planted-faults --profile sanitize --target "$host"
}

# link_instrumented SANITIZER DIRECTORY PROGRAM [WHAT TO LINK ALSO]...
link_instrumented() {
    local program=$3 library=target/$2/$host/sanitize/libapilink.a runtime=$runtimes/librustc-stable_rt.$2.a
    local sanitizer=$1
    shift 3
    clang "${warnings[@]}" -g -O1 -fsanitize="$sanitizer" -Iinclude -c "$sources/$program.c" \
        -o "$work/$program.o"
    clang "$work/$program.o" "$@" "$library" -Wl,--whole-archive "$runtime" \
        -Wl,--no-whole-archive -Wl,--export-dynamic -lgcc_s -lpthread -ldl -lm -lrt \
        -o "$work/$program"
}

# Finds the functions of the standard library that tsan_std.c stands in front of, and compiles it.
wrap_std() {
    local name symbol found
    local -A std=(
        [MUTEX_LOCK]=5mutex5futexNtB2_5Mutex14lock_contended
        [RWLOCK_READ]=6rwlock5futexNtB2_6RwLock14read_contended
        [RWLOCK_WRITE]=6rwlock5futexNtB2_6RwLock15write_contended
        [CONDVAR_WAIT]=7condvar5futexNtB2_7Condvar4wait
        [CONDVAR_WAIT_TIMEOUT]=7condvar5futexNtB2_7Condvar12wait_timeout
    )
    local defines=()
    wraps=(-Wl,--wrap=__tsan_atomic{32,64}_fetch_sub -Wl,--wrap=__tsan_atomic_thread_fence)
    nm "target/tsan/$host/sanitize/libapilink.a" 2>/dev/null | grep -oE '_RN\w+' | sort -u \
        >"$work/symbols" || true
    for name in "${!std[@]}"; do
        found=$(grep -cE "3std3sys4sync${std[$name]}$" "$work/symbols" || true)
        if [ "$found" != 1 ]; then
            echo "FAILED  this compiler's standard library has $found functions that end in" \
                "${std[$name]}: adapt tests/sanitizers/tsan_std.c"
            exit 1
        fi
        symbol=$(grep -E "3std3sys4sync${std[$name]}$" "$work/symbols")
        defines+=("-D$name=$symbol")
        wraps+=("-Wl,--wrap=$symbol")
    done
    clang "${warnings[@]}" -O1 "${defines[@]}" -c "$sources/tsan_std.c" -o "$work/tsan_std.o"
}

# ---- running -------------------------------------------------------------------------------------

# run_program COMMAND...: with a sandbox of its own, whose address and a directory are added.
run_program() {
    local directory options=()
    directory=$(mktemp -d "$work/run.XXXX")
    [[ $* == */threads* ]] && options=(--token-life 2)
    sed 's/"pkce": *"off"/"pkce": "S256"/' profiles/clio/profile.json >"$directory/Pkce.apip"
    "$release/clio-sandbox" --matters 100 --rate-limit 0 --rotate-refresh-tokens \
        "${options[@]}" --ready-file "$directory/ready" >"$directory/sandbox.log" 2>&1 &
    sandbox=$!
    trap stop_sandbox EXIT # of the subshell that step runs this in
    for _ in $(seq 100); do
        [ -s "$directory/ready" ] && break
        kill -0 "$sandbox" || { cat "$directory/sandbox.log"; exit 1; }
        sleep 0.1
    done
    # The last argument, if it is a number, belongs behind the two.
    local command=("$@") last=()
    if [[ ${command[-1]} =~ ^[0-9]+$ ]]; then
        last=("${command[-1]}")
        unset 'command[-1]'
    fi
    BROWSER=$release/clio-sandbox-browser timeout 120 "${command[@]}" "$(cat "$directory/ready")" \
        "$directory" "${last[@]}"
}

# must_report PROGRAM WHAT FUNCTION: a sanitizer reports the fault, and where it is.
must_report() {
    local report
    if report=$("$work/$1" 2>&1); then
        echo "$report"
        echo "The planted fault was not reported: the library is not instrumented."
        return 1
    fi
    echo "$report"
    [[ $report == *"$2"* && $report == *"$3"* ]]
}

# ---- what is run ---------------------------------------------------------------------------------

no_planted_faults() {
    ! nm -D --defined-only "$release/libapilink.so" | grep apilink_test
}

# Prints those that are missing in walk.c.
every_function_is_called() {
    local names='\bapilink_[a-z_]+\('
    ! comm -23 <(grep -oE "$names" include/apilink.h | sort -u) \
        <(grep -ohE "$names" "$sources"/walk.c "$sources"/common.h | sort -u) | grep .
}

address_sanitizer() {
    local name="AddressSanitizer:" program
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
    step "$name the library is built" instrument address asan
    for program in planted_uaf planted_leak walk forks threads; do
        link_instrumented address asan "$program"
    done
    step "$name the planted use after free is reported" \
        must_report planted_uaf heap-use-after-free apilink_test_use_after_free
    step "$name the planted leak is reported" \
        must_report planted_leak "LeakSanitizer: detected memory leaks" apilink_test_leak
    step "$name walk" run_program "$work/walk"
    step "$name forks" run_program "$work/forks"
    step "$name threads" run_program "$work/threads" 3
}

thread_sanitizer() {
    local name="ThreadSanitizer:" program
    # Children that fork has made go on.
    export TSAN_OPTIONS=die_after_fork=0
    step "$name the library is built" instrument thread tsan
    wrap_std
    for program in planted_race walk forks threads; do
        link_instrumented thread tsan "$program" "$work/tsan_std.o" "${wraps[@]}"
    done
    step "$name the planted race is reported" \
        must_report planted_race "ThreadSanitizer: data race" apilink_test_race
    step "$name walk" run_program "$work/walk"
    step "$name forks" run_program "$work/forks"
    step "$name threads" run_program "$work/threads" 3
}

under_valgrind() {
    local name="valgrind:" program
    local memcheck=(valgrind --quiet --error-exitcode=99 --num-callers=40)
    local leaks=(--leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite)
    ln -sf "$release/libapilink.so" "$work/$(objdump -p "$release/libapilink.so" |
        sed -n 's/^ *SONAME *//p')"
    for program in walk forks threads; do
        # valgrind does not read what newer compilers write by default.
        "${CC:-cc}" "${warnings[@]}" -gdwarf-4 -O1 -Iinclude "$sources/$program.c" -L"$release" \
            -lapilink -Wl,-rpath,"$work" -lpthread -o "$work/$program"
    done
    step "$name walk" run_program "${memcheck[@]}" "${leaks[@]}" "$work/walk"
    # What a child inherits it must not touch, so it cannot free it either.
    step "$name forks" run_program "${memcheck[@]}" --leak-check=no "$work/forks"
    step "$name threads" run_program "${memcheck[@]}" "${leaks[@]}" "$work/threads" 3
}

step "the release library has no planted fault" no_planted_faults
step "walk.c calls every function of apilink.h" every_function_is_called
if has clang llvm-symbolizer; then
    address_sanitizer
    thread_sanitizer
fi
if has valgrind; then
    under_valgrind
fi
echo "Nothing was found in the library."
