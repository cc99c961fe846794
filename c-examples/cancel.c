/* Reads all matters, over and over, until Enter is pressed: cancels from another thread.
 *
 * Uses POSIX threads and C11 atomics. On Windows, start the thread with _beginthreadex, or use
 * <threads.h>, where the compiler has it.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "example.h"

static atomic_int stop;

/* Waits for Enter, then cancels. A cancel reaches only a call that is running, so the flag tells
 * the other thread, between two calls, that no further one is wanted. */
static void *wait_for_enter(void *request)
{
    if (getchar() == '\n') {
        atomic_store(&stop, 1);
        apilink_request_cancel(request);
    }
    return NULL;
}

/* Reads all pages. Returns the code of the call that ended it; APILINK_NO_DATA is the end. */
static int32_t read_all(apilink_request *request, long *rows)
{
    apilink_response *page = NULL, *next = NULL;
    int32_t code = apilink_request_prepare(request, "GET", APILINK_NTS,
                                           "matters?limit=50&order=id(asc)&fields=id", APILINK_NTS);

    if (code == APILINK_SUCCESS)
        code = apilink_request_execute(request, &page);
    while (code == APILINK_SUCCESS && !atomic_load(&stop)) {
        *rows += (long)row_count(page);
        code = apilink_request_next_page(request, page, &next);
        if (code == APILINK_SUCCESS || code == APILINK_SUCCESS_WITH_INFO) {
            apilink_response_free(page);
            page = next;
        }
    }
    apilink_response_free(page);
    return code;
}

static int was_cancelled(apilink_request *request)
{
    char sqlstate[6] = "";

    apilink_diagnostic_get(request, 1, sqlstate, NULL, NULL, 0, NULL);
    return strcmp(sqlstate, "HY008") == 0;
}

int main(int argc, char **argv)
{
    const char *string = connection_string(&argc, argv);
    apilink_connection *connection = NULL;
    apilink_request *request = NULL;
    apilink_response *user;
    pthread_t thread;
    char name[100];
    long rows = 0;
    int32_t code;

    check(apilink_connection_new(&connection), NULL);
    check(apilink_connection_connect(connection, string, APILINK_NTS), connection);
    check(apilink_request_new(connection, &request), connection);

    printf("Reading. Press Enter to stop.\n");
    fflush(stdout);
    if (pthread_create(&thread, NULL, wait_for_enter, request) != 0) {
        fprintf(stderr, "The thread cannot be started.\n");
        return EXIT_FAILURE;
    }
    do
        code = read_all(request, &rows);
    while (code == APILINK_NO_DATA && !atomic_load(&stop));

    if (code == APILINK_ERROR && was_cancelled(request)) {
        printf("Cancelled after %ld rows\n", rows);
    } else if (atomic_load(&stop)) {
        printf("Stopped between two calls, after %ld rows\n", rows);
    } else {
        print_records(request);
        return EXIT_FAILURE;
    }
    pthread_join(thread, NULL);

    /* Connection and request can be used further. */
    user = get(request, "users/who_am_i?fields=name");
    printf("Still logged in as %s\n", text_at(user, "/data/name", name, sizeof name));

    apilink_response_free(user);
    apilink_request_free(request);
    apilink_connection_free(connection);
    return EXIT_SUCCESS;
}
