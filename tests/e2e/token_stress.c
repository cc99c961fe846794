/* Eight threads that make requests for a while, with a token that does not live long.
 *
 * Usage: token_stress SECONDS, with the connection string in APILINK_CONNECTION_STRING. Half of
 * the threads share a connection; the others have one each. Each thread prints "started" after its
 * first reply; the last line says how many requests were made. What fails is printed at once, and
 * makes the program fail.
 */
#define _POSIX_C_SOURCE 200112L

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <apilink.h>

#define THREADS 8
/* Between two requests of a thread, so that the machine has time for the other programs. */
#define PAUSE_NANOSECONDS 5000000L

struct worker {
    pthread_t thread;
    apilink_connection *connection;
    double end;
    int64_t requests;
    int failures;
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void print_records(const char *what, const void *handle)
{
    char sqlstate[6], message[1024];
    int32_t number, native_code, code;

    for (number = 1;; number++) {
        code = apilink_diagnostic_get(handle, number, sqlstate, &native_code, message,
                                      sizeof message, NULL);
        if (code != APILINK_SUCCESS && code != APILINK_SUCCESS_WITH_INFO)
            break;
        printf("FAILED %s: [%s] (%" PRId32 ") %s\n", what, sqlstate, native_code, message);
    }
    fflush(stdout);
}

static int get_who_am_i(struct worker *worker, apilink_request *request)
{
    apilink_response *response = NULL;
    int32_t status = 0;
    int32_t code = apilink_request_execute(request, &response);

    worker->requests++;
    /* A warning would say that a token could not be stored: that is a failure here, too. */
    if (code == APILINK_SUCCESS
        && apilink_response_status(response, &status) == APILINK_SUCCESS && status == 200) {
        apilink_response_free(response);
        return 1;
    }
    print_records("request", request);
    if (status != 0)
        printf("FAILED request: HTTP status %" PRId32 "\n", status);
    apilink_response_free(response);
    worker->failures++;
    return 0;
}

static void *work(void *argument)
{
    static const struct timespec pause = {0, PAUSE_NANOSECONDS};
    struct worker *worker = argument;
    apilink_request *request = NULL;

    if (apilink_request_new(worker->connection, &request) != APILINK_SUCCESS
        || apilink_request_prepare(request, "GET", APILINK_NTS, "users/who_am_i?fields=id",
                                   APILINK_NTS) != APILINK_SUCCESS) {
        worker->failures++;
        return NULL;
    }
    while (now() < worker->end && worker->failures < 3) {
        if (get_who_am_i(worker, request) && worker->requests == 1) {
            printf("started\n");
            fflush(stdout);
        }
        nanosleep(&pause, NULL);
    }
    apilink_request_free(request);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS];
    const char *string = getenv("APILINK_CONNECTION_STRING");
    double seconds = argc == 2 ? atof(argv[1]) : 0;
    int64_t requests = 0;
    int failures = 0, i;

    if (string == NULL || seconds <= 0) {
        fprintf(stderr, "usage: token_stress SECONDS\n");
        return 2;
    }
    for (i = 0; i < THREADS; i++) {
        apilink_connection *connection = workers[0].connection;

        if (i == 0 || i % 2 == 1) {
            if (apilink_connection_new(&connection) != APILINK_SUCCESS)
                return 2;
            if (apilink_connection_connect(connection, string, APILINK_NTS) != APILINK_SUCCESS) {
                print_records("connect", connection);
                return 1;
            }
        }
        workers[i].connection = connection;
        workers[i].end = now() + seconds;
    }
    for (i = 0; i < THREADS; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 2;
    for (i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        requests += workers[i].requests;
        failures += workers[i].failures;
    }
    for (i = THREADS - 1; i >= 0; i--)
        if (i == 0 || i % 2 == 1)
            apilink_connection_free(workers[i].connection);
    printf("%" PRId64 " requests, %d failures\n", requests, failures);
    return failures == 0 ? 0 : 1;
}
