/* What both C programs of the benchmark share: the same threads, the same check of what came, the
 * same measuring. Each of them says in its own way how a request is made, and nothing else.
 *
 *     PROGRAM requests THREADS COUNT PATH...   COUNT requests, the paths in turn
 *     PROGRAM download PATH FILE               one body into a file
 *
 * What they need to know comes in the environment, because others can see arguments:
 * BENCH_BASE (such as http://127.0.0.1:1234/api/v4), BENCH_TOKEN, BENCH_STRING. Each prints its
 * figures as one line of JSON.
 */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* One thread's share of the work. */
struct worker {
    int number;         /* 0 to threads - 1 */
    long count;         /* requests to make */
    char **paths;
    int path_count;
    uint64_t records;   /* what came: the number of "id": in the bodies ... */
    uint64_t checksum;  /* ... and the sum of the numbers behind them */
    pthread_barrier_t *ready, *done;
    pthread_t thread;
};

/* What a program brings along. */
static void *client_open(void);                             /* for each thread */
static void client_get(void *client, const char *path, struct worker *worker);
static void client_close(void *client);
static int64_t client_download(void *client, const char *path, const char *file);

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL)
        die(name);
    return value;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* User and system time of the whole process. */
static double cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
        + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* A field of /proc/self/status in KiB: VmRSS is memory in use now, VmHWM the most so far. */
static long memory(const char *field)
{
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            kib = atol(line + strlen(field) + 1);
    if (status == NULL || kib < 0)
        die("/proc/self/status cannot be read");
    fclose(status);
    return kib;
}

/* Lets VmHWM begin anew. */
static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file == NULL || fputs("5", file) < 0 || fclose(file) != 0)
        die("/proc/self/clear_refs cannot be written");
}

/* ---- checking -------------------------------------------------------------------------------- */

/* Notes every "id":NUMBER of a body, nested records included. */
static void take_ids(const char *body, size_t length, struct worker *worker)
{
    static const char key[] = "\"id\":";
    const char *end = body + length, *at = body;

    while ((at = memmem(at, (size_t)(end - at), key, sizeof key - 1)) != NULL) {
        uint64_t id = 0;
        for (at += sizeof key - 1; at < end && *at >= '0' && *at <= '9'; at++)
            id = id * 10 + (uint64_t)(*at - '0');
        worker->records++;
        worker->checksum += id;
    }
}

/* ---- the two jobs ---------------------------------------------------------------------------- */

static void *work(void *argument)
{
    struct worker *worker = argument;
    void *client = client_open();
    long i;

    /* Connecting is not part of a request. */
    client_get(client, worker->paths[0], worker);
    worker->records = worker->checksum = 0;
    pthread_barrier_wait(worker->ready);
    for (i = 0; i < worker->count; i++)
        client_get(client, worker->paths[(worker->number + i) % worker->path_count], worker);
    pthread_barrier_wait(worker->done);
    client_close(client);
    return NULL;
}

static int run_requests(int threads, long count, char **paths, int path_count)
{
    struct worker *workers = calloc((size_t)threads, sizeof *workers);
    pthread_barrier_t ready, done;
    uint64_t records = 0, checksum = 0;
    double wall, cpu;
    int i;

    if (workers == NULL)
        die("out of memory");
    pthread_barrier_init(&ready, NULL, (unsigned)threads + 1);
    pthread_barrier_init(&done, NULL, (unsigned)threads + 1);
    for (i = 0; i < threads; i++) {
        workers[i].number = i;
        workers[i].count = count / threads;
        workers[i].paths = paths;
        workers[i].path_count = path_count;
        workers[i].ready = &ready;
        workers[i].done = &done;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            die("no thread");
    }
    pthread_barrier_wait(&ready);
    wall = wall_seconds();
    cpu = cpu_seconds();
    pthread_barrier_wait(&done);
    wall = wall_seconds() - wall;
    cpu = cpu_seconds() - cpu;
    for (i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        records += workers[i].records;
        checksum += workers[i].checksum;
    }
    printf("{\"wall\": %.6f, \"cpu\": %.6f, \"peak_kib\": %ld, \"records\": %" PRIu64
           ", \"checksum\": %" PRIu64 "}\n", wall, cpu, memory("VmHWM"), records, checksum);
    free(workers);
    return EXIT_SUCCESS;
}

static int run_download(const char *path, const char *file)
{
    struct worker unused = { 0 };
    void *client = client_open();
    long before;
    int64_t bytes;
    double wall, cpu;

    /* What the first request of a process needs is not the download's. */
    client_get(client, "users/who_am_i?fields=id", &unused);
    forget_peak();
    before = memory("VmRSS");
    wall = wall_seconds();
    cpu = cpu_seconds();
    bytes = client_download(client, path, file);
    wall = wall_seconds() - wall;
    cpu = cpu_seconds() - cpu;
    printf("{\"wall\": %.6f, \"cpu\": %.6f, \"growth_kib\": %ld, \"bytes\": %" PRId64 "}\n",
           wall, cpu, memory("VmHWM") - before, bytes);
    client_close(client);
    return EXIT_SUCCESS;
}

/* Runs what both programs can do; -1 when it is something else. */
static int run(int argc, char **argv)
{
    if (argc > 4 && strcmp(argv[1], "requests") == 0)
        return run_requests(atoi(argv[2]), atol(argv[3]), argv + 4, argc - 4);
    if (argc == 4 && strcmp(argv[1], "download") == 0)
        return run_download(argv[2], argv[3]);
    return -1;
}

#endif /* BENCH_H */
