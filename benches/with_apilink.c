/* The benchmark's work by means of apilink: one connection, a request for each thread.
 *
 * Beside what bench.h has:
 *     with_apilink connect COUNT               how long connecting with a stored token takes
 *     with_apilink cycles WARM_UP COUNT PATH   connects and disconnects; PATH may be empty, or
 *                                              is asked for once in every cycle
 * With BENCH_JSON set, ids are read by JSON Pointer, as a program would, and not by a search in
 * the text of the body.
 */
#include "bench.h"

#include <apilink.h>

static apilink_connection *connection;
static int reads_json;

static void check(int32_t code, const void *handle)
{
    char sqlstate[6], message[512];

    if (code == APILINK_SUCCESS)
        return;
    if (apilink_diagnostic_get(handle, 1, sqlstate, NULL, message, sizeof message, NULL)
        == APILINK_SUCCESS)
        fprintf(stderr, "[%s] %s\n", sqlstate, message);
    die("the call was not successful");
}

static void *client_open(void)
{
    apilink_request *request;

    check(apilink_request_new(connection, &request), connection);
    return request;
}

static void client_close(void *client)
{
    apilink_request_free(client);
}

/* The id of a record and that of its client, if it has one. */
static void take_record(apilink_response *response, const char *record, struct worker *worker)
{
    static const char *const columns[] = { "id", "client/id" };
    char pointer[64];
    int64_t id;
    size_t i;

    for (i = 0; i < sizeof columns / sizeof *columns; i++) {
        int32_t code;
        snprintf(pointer, sizeof pointer, "%s/%s", record, columns[i]);
        code = apilink_response_json_integer(response, pointer, APILINK_NTS, &id);
        if (code == APILINK_NO_DATA)
            continue;
        check(code, response);
        worker->records++;
        worker->checksum += (uint64_t)id;
    }
}

static void take_json(apilink_response *response, struct worker *worker)
{
    char record[32];
    int32_t kind;
    int64_t i, rows;

    check(apilink_response_json_type(response, "/data", APILINK_NTS, &kind), response);
    if (kind == APILINK_JSON_OBJECT) {
        take_record(response, "/data", worker);
        return;
    }
    check(apilink_response_json_length(response, "/data", APILINK_NTS, &rows), response);
    for (i = 0; i < rows; i++) {
        snprintf(record, sizeof record, "/data/%" PRId64, i);
        take_record(response, record, worker);
    }
}

static apilink_response *get(apilink_request *request, const char *path)
{
    apilink_response *response;

    check(apilink_request_prepare(request, "GET", APILINK_NTS, path, APILINK_NTS), request);
    check(apilink_request_execute(request, &response), request);
    return response;
}

static void client_get(void *client, const char *path, struct worker *worker)
{
    apilink_response *response = get(client, path);
    const void *body;
    int64_t length;

    if (reads_json) {
        take_json(response, worker);
    } else {
        check(apilink_response_body(response, &body, &length), response);
        take_ids(body, (size_t)length, worker);
    }
    apilink_response_free(response);
}

static int64_t client_download(void *client, const char *path, const char *file)
{
    apilink_response *response = get(client, path);
    int64_t written;

    check(apilink_response_save(response, file, APILINK_NTS, &written), response);
    apilink_response_free(response);
    return written;
}

static void connect_once(const char *string)
{
    check(apilink_connection_new(&connection), NULL);
    check(apilink_connection_connect(connection, string, APILINK_NTS), connection);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int run_connect(const char *string, long count)
{
    double *times = calloc((size_t)count, sizeof *times), first;
    long i;

    if (times == NULL || count < 1)
        die("out of memory");
    for (i = 0; i < count; i++) {
        times[i] = wall_seconds();
        connect_once(string);
        times[i] = wall_seconds() - times[i];
        apilink_connection_free(connection);
    }
    first = times[0];
    qsort(times, (size_t)count, sizeof *times, by_size);
    printf("{\"first\": %.9f, \"median\": %.9f}\n", first, times[count / 2]);
    free(times);
    return EXIT_SUCCESS;
}

static void cycle(const char *string, const char *path, struct worker *worker)
{
    connect_once(string);
    if (*path != '\0') {
        void *client = client_open();
        client_get(client, path, worker);
        client_close(client);
    }
    check(apilink_connection_disconnect(connection), connection);
    apilink_connection_free(connection);
}

static int run_cycles(const char *string, long warm_up, long count, const char *path)
{
    struct worker worker = { 0 };
    double wall, cpu;
    long i, before;

    for (i = 0; i < warm_up; i++)
        cycle(string, path, &worker);
    worker.records = worker.checksum = 0;
    before = memory("VmRSS");
    wall = wall_seconds();
    cpu = cpu_seconds();
    for (i = 0; i < count; i++)
        cycle(string, path, &worker);
    wall = wall_seconds() - wall;
    cpu = cpu_seconds() - cpu;
    printf("{\"wall\": %.6f, \"cpu\": %.6f, \"growth_kib\": %ld, \"records\": %" PRIu64 "}\n",
           wall, cpu, memory("VmRSS") - before, worker.records);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const char *string = environment("BENCH_STRING");
    int code;

    reads_json = getenv("BENCH_JSON") != NULL;
    if (argc == 3 && strcmp(argv[1], "connect") == 0)
        return run_connect(string, atol(argv[2]));
    if (argc == 5 && strcmp(argv[1], "cycles") == 0)
        return run_cycles(string, atol(argv[2]), atol(argv[3]), argv[4]);
    connect_once(string);
    code = run(argc, argv);
    apilink_connection_free(connection);
    if (code < 0)
        die("usage: see bench.h and with_apilink.c");
    return code;
}
