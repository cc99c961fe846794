/* Tells ThreadSanitizer of the synchronization that it cannot see in Rust's standard library.
 *
 * The standard library comes compiled, and is not instrumented. What of it is generic or inlined
 * is compiled with our crates and therefore is; the slow paths of its locks are not, and an
 * acquire fence is nothing to ThreadSanitizer. Without this file every contended Mutex and every
 * Arc that two threads have shared would be reported. Suppressions could only hide such reports
 * together with true ones; here just the edges that exist are added, at the very addresses.
 *
 * scripts/sanitizers.sh links the programs with --wrap for each of these functions, and gives the
 * mangled names of this compiler's standard library. */
#include <stdint.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define JOIN(a, b) a##b
#define NAME(prefix, symbol) JOIN(prefix, symbol)
#define WRAP(symbol) NAME(__wrap_, symbol)
#define REAL(symbol) NAME(__real_, symbol)

/* ---- Arc: fetch_sub(1, Release), and when it was the last one, fence(Acquire) --------------- */

static __thread void *decremented;

#define FETCH_SUB(bits)                                                                            \
    uint##bits##_t __real___tsan_atomic##bits##_fetch_sub(volatile void *, uint##bits##_t, int);   \
    uint##bits##_t __wrap___tsan_atomic##bits##_fetch_sub(volatile void *at, uint##bits##_t value, \
                                                          int order)                               \
    {                                                                                              \
        decremented = (void *)at;                                                                  \
        return __real___tsan_atomic##bits##_fetch_sub(at, value, order);                           \
    }

FETCH_SUB(32)
FETCH_SUB(64)

void __real___tsan_atomic_thread_fence(int order);

/* What was read from the counter before the fence is acquired by it. Nothing more. */
void __wrap___tsan_atomic_thread_fence(int order)
{
    __real___tsan_atomic_thread_fence(order);
    if (order == __ATOMIC_ACQUIRE && decremented != 0)
        __tsan_acquire(decremented);
    decremented = 0;
}

/* ---- Mutex and RwLock: locking is an acquire; unlocking is inlined and seen ------------------ */

#define LOCK(symbol)                                                                               \
    void REAL(symbol)(void *lock);                                                                 \
    void WRAP(symbol)(void *lock)                                                                  \
    {                                                                                              \
        REAL(symbol)(lock);                                                                        \
        __tsan_acquire(lock);                                                                      \
    }

LOCK(MUTEX_LOCK)
LOCK(RWLOCK_READ)
LOCK(RWLOCK_WRITE)

/* ---- Condvar: waiting unlocks the mutex, and locks it again ---------------------------------- */

void REAL(CONDVAR_WAIT)(void *condvar, void *mutex);
void WRAP(CONDVAR_WAIT)(void *condvar, void *mutex)
{
    __tsan_release(mutex);
    REAL(CONDVAR_WAIT)(condvar, mutex);
    __tsan_acquire(mutex);
}

_Bool REAL(CONDVAR_WAIT_TIMEOUT)(void *condvar, void *mutex, uint64_t seconds, uint32_t nanos);
_Bool WRAP(CONDVAR_WAIT_TIMEOUT)(void *condvar, void *mutex, uint64_t seconds, uint32_t nanos)
{
    _Bool in_time;

    __tsan_release(mutex);
    in_time = REAL(CONDVAR_WAIT_TIMEOUT)(condvar, mutex, seconds, nanos);
    __tsan_acquire(mutex);
    return in_time;
}
