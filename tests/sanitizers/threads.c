/* Many threads at once, doing what the header allows and what it says is answered.
 *
 *     threads BASE_URL DIRECTORY SECONDS
 *
 * The sandbox gives tokens a life of two seconds and replaces refresh tokens. Every part takes
 * SECONDS. Which call gets which answer depends on chance; that every answer is one that the
 * header allows, and that everything works as before when it is over, does not. */
#include "common.h"

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

enum { THREADS = 8, HANDLES = 12 };

static const char *base, *directory;
static int seconds;
static atomic_bool is_over;
static atomic_int done;

/* ---- how a part runs ---------------------------------------------------------------------- */

static void run(void *(*work)(void *), void *of[THREADS])
{
    pthread_t threads[THREADS];
    struct timespec time = {seconds, 0};
    int i;

    atomic_store(&is_over, 0);
    atomic_store(&done, 0);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, of[i]) == 0);
    nanosleep(&time, NULL);
    atomic_store(&is_over, 1);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(atomic_load(&done) > 0); /* something has worked in between */
}

/* A random number of a thread's own. */
static unsigned next(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void doze(unsigned *state)
{
    struct timespec time = {0, (long)(next(state) % 20) * 1000000};

    nanosleep(&time, NULL);
}

/* Ends the program unless a call worked, or failed with one of these SQLSTATEs. */
static int worked(const char *what, int line, int32_t code, const void *handle, const char *states)
{
    char state[6] = "";

    if (code == APILINK_SUCCESS)
        return 1;
    if (code == APILINK_ERROR &&
        apilink_diagnostic_get(handle, 1, state, NULL, NULL, 0, NULL) == APILINK_SUCCESS &&
        strstr(states, state) != NULL)
        return 0;
    fail(__FILE__, line, what, code, handle);
    return 0;
}

#define WORKED(states, handle, call) worked(#call, __LINE__, call, handle, states)

static char *string_with(struct tokens tokens, const char *store)
{
    char *string = malloc(8192);

    snprintf(string, 8192,
             "ProfileSettings='Region=%s';AuthScheme=OAuth;InitiateOAuth=REFRESH;"
             "OAuthClientId=sandbox-client;OAuthClientSecret=sandbox-secret;"
             "OAuthRefreshToken=%s;OAuthSettingsLocation=%s;",
             base, tokens.refresh, store);
    return string;
}

/* The connection works, as if nothing had been. */
static void still_works(apilink_connection *connection)
{
    apilink_request *request = new_request(connection);
    apilink_response *response = call(request, "GET", "users/who_am_i", NULL, 200);

    OK(response, apilink_response_free(response));
    OK(request, apilink_request_free(request));
}

/* ---- one connection, a request for each thread, a token that expires ----------------------- */

static void *get_pages(void *of)
{
    apilink_request *request = new_request(of);
    apilink_response *page, *following;
    int32_t code;
    int64_t id;

    while (!atomic_load(&is_over)) {
        page = call(request, "GET", "matters?limit=20&order=id(asc)&fields=id", NULL, 200);
        while ((code = apilink_request_next_page(request, page, &following)) == APILINK_SUCCESS) {
            OK(page, apilink_response_json_integer(page, "/data/0/id", NTS, &id));
            OK(page, apilink_response_free(page));
            page = following;
        }
        NONE(request, code);
        OK(page, apilink_response_free(page));
        atomic_fetch_add(&done, 1);
    }
    OK(request, apilink_request_free(request));
    return NULL;
}

static void shared_connection(const char *string)
{
    apilink_connection *connections[2];
    void *of[THREADS];
    int i;

    for (i = 0; i < 2; i++) { /* of one token */
        connections[i] = new_connection();
        OK(connections[i], apilink_connection_connect(connections[i], string, NTS));
    }
    for (i = 0; i < THREADS; i++)
        of[i] = connections[i % 2];
    run(get_pages, of);
    for (i = 0; i < 2; i++)
        OK(NULL, apilink_connection_free(connections[i]));
}

/* ---- cancels from other threads, into everything ------------------------------------------- */

struct cancelled {
    apilink_connection *connection;
    apilink_request *request;
    int number;
};

#define CANCELLED "HY008"

static void *be_cancelled(void *of)
{
    struct cancelled *c = of;
    apilink_response *response;
    const void *data;
    char piece[777];
    int64_t got;
    int32_t code;

    while (!atomic_load(&is_over)) {
        /* Slow enough for a cancel in the middle of the body. */
        OK(c->request, apilink_request_prepare(c->request, "GET", NTS,
                                               c->number % 2 ? "matters?limit=200" :
                                                               "/_sandbox/blob?bytes=3000000",
                                               NTS));
        if (!WORKED(CANCELLED, c->request, apilink_request_execute(c->request, &response)))
            continue;
        if (c->number % 4 < 2) {
            if (WORKED(CANCELLED, response, apilink_response_body(response, &data, NULL)))
                atomic_fetch_add(&done, 1);
        } else {
            while ((code = apilink_response_read(response, piece, sizeof piece, &got)) ==
                   APILINK_SUCCESS)
                ;
            if (code == APILINK_NO_DATA)
                atomic_fetch_add(&done, 1);
            else
                WORKED(CANCELLED, response, code);
        }
        OK(response, apilink_response_free(response));
        if (c->number == 3)
            WORKED(CANCELLED, c->connection, apilink_token_refresh(c->connection));
    }
    return NULL;
}

static void *cancel(void *of)
{
    struct cancelled *c = of;
    unsigned random = (unsigned)c->number;

    while (!atomic_load(&is_over)) {
        doze(&random);
        if (next(&random) % 4 == 0)
            OK(NULL, apilink_connection_cancel(c->connection));
        else
            OK(NULL, apilink_request_cancel(c->request));
    }
    return NULL;
}

static void *cancel_or_be_cancelled(void *of)
{
    struct cancelled *c = of;

    return c->number < THREADS - 2 ? be_cancelled(of) : cancel(of);
}

static void cancels(const char *string)
{
    struct cancelled cancelled[THREADS];
    apilink_connection *connection = new_connection();
    void *of[THREADS];
    int i;

    OK(connection, apilink_connection_connect(connection, string, NTS));
    for (i = 0; i < THREADS; i++) {
        cancelled[i].connection = connection;
        cancelled[i].number = i;
        /* The cancelling threads aim at a request of the others. */
        cancelled[i].request = i < THREADS - 2 ? new_request(connection) : cancelled[0].request;
        of[i] = &cancelled[i];
    }
    run(cancel_or_be_cancelled, of);
    for (i = 0; i < THREADS - 2; i++)
        OK(NULL, apilink_request_free(cancelled[i].request));
    still_works(connection);
    OK(NULL, apilink_connection_free(connection));
}

/* ---- handles that all threads use and free, while others are in calls with them ------------- */

/* A handle is put into one of these and taken out again to be freed; whoever reads it may find
 * that it is freed already, which the library answers. */
static _Atomic(apilink_connection *) connections[HANDLES];
static _Atomic(apilink_request *) requests[HANDLES];
static _Atomic(apilink_response *) responses[HANDLES];

/* Any answer is right, but only an answer of the interface is one. */
static int any(int32_t code)
{
    CHECK(code == APILINK_SUCCESS || code == APILINK_SUCCESS_WITH_INFO ||
          code == APILINK_NO_DATA || code == APILINK_ERROR || code == APILINK_INVALID_HANDLE);
    return code == APILINK_SUCCESS;
}

static void free_response(apilink_response *response)
{
    if (response != NULL)
        OK(NULL, apilink_response_free(response)); /* only who took it out frees it */
}

static void use_connection(const char *string, unsigned *random)
{
    unsigned slot = next(random) % HANDLES;
    apilink_connection *connection = atomic_load(&connections[slot]);
    apilink_request *request = NULL;
    char text[64];
    int64_t number;

    switch (next(random) % 8) {
    case 0:
        connection = atomic_exchange(&connections[slot], new_connection());
        if (connection != NULL)
            OK(NULL, apilink_connection_free(connection));
        break;
    case 1:
    case 2:
        any(apilink_connection_connect(connection, string, NTS));
        break;
    case 3:
        if (next(random) % 4 == 0)
            any(apilink_connection_disconnect(connection));
        break;
    case 4:
        any(apilink_token_text(connection, text, sizeof text, &number));
        any(apilink_token_expiry(connection, &number));
        break;
    case 5:
        any(apilink_connection_cancel(connection));
        break;
    default:
        if (any(apilink_request_new(connection, &request))) {
            any(apilink_request_prepare(request, "GET", NTS, "matters?limit=3&fields=id", NTS));
            request = atomic_exchange(&requests[slot], request);
            if (request != NULL)
                OK(NULL, apilink_request_free(request));
        }
    }
}

static void use_request(unsigned *random)
{
    unsigned slot = next(random) % HANDLES;
    apilink_request *request = atomic_load(&requests[slot]);
    apilink_response *response = NULL;
    char message[200];

    switch (next(random) % 6) {
    case 0:
        any(apilink_request_prepare(request, "GET", NTS, "contacts?limit=3&fields=id", NTS));
        any(apilink_request_add_query(request, "order", NTS, "id(asc)", NTS));
        break;
    case 1:
        any(apilink_request_cancel(request));
        break;
    case 2:
        if (any(apilink_request_next_page(request, atomic_load(&responses[slot]), &response)))
            free_response(atomic_exchange(&responses[slot], response));
        break;
    default:
        if (any(apilink_request_execute(request, &response))) {
            atomic_fetch_add(&done, 1);
            free_response(atomic_exchange(&responses[slot], response));
        } else {
            any(apilink_diagnostic_get(request, 1, NULL, NULL, message, sizeof message, NULL));
        }
    }
}

static void use_response(unsigned *random)
{
    unsigned slot = next(random) % HANDLES;
    apilink_response *response = atomic_load(&responses[slot]);
    char text[100];
    int32_t number;
    int64_t length;
    const void *data;

    switch (next(random) % 6) {
    case 0:
        free_response(atomic_exchange(&responses[slot], NULL));
        break;
    case 1:
        any(apilink_response_status(response, &number));
        any(apilink_response_header_at(response, 0, text, sizeof text, NULL, NULL, 0, NULL));
        break;
    case 2:
        any(apilink_response_body(response, &data, &length)); /* not followed: it may be freed */
        break;
    case 3:
        any(apilink_response_read(response, text, 10, &length));
        break;
    default:
        any(apilink_response_json_text(response, "/data/0", NTS, text, sizeof text, NULL));
        any(apilink_diagnostic_count(response, &number));
    }
}

struct user {
    const char *string;
    int number;
};

static void *use_anything(void *of)
{
    struct user *user = of;
    unsigned random = (unsigned)user->number;

    while (!atomic_load(&is_over)) {
        use_connection(user->string, &random);
        use_request(&random);
        use_response(&random);
    }
    return NULL;
}

static void shared_handles(const char *string)
{
    struct user users[THREADS];
    void *of[THREADS];
    int i;

    for (i = 0; i < THREADS; i++) {
        users[i].string = string;
        users[i].number = i;
        of[i] = &users[i];
    }
    run(use_anything, of);
    for (i = 0; i < HANDLES; i++) {
        free_response(atomic_exchange(&responses[i], NULL));
        OK(NULL, apilink_request_free(atomic_exchange(&requests[i], NULL)));
        OK(NULL, apilink_connection_free(atomic_exchange(&connections[i], NULL)));
    }
}

/* ---- connections of each thread's own, with one token file ---------------------------------- */

static void *connect_again(void *of)
{
    apilink_connection *connection;

    while (!atomic_load(&is_over)) {
        connection = new_connection();
        OK(connection, apilink_connection_connect(connection, of, NTS));
        still_works(connection);
        OK(connection, apilink_connection_disconnect(connection));
        OK(connection, apilink_connection_connect(connection, of, NTS));
        OK(NULL, apilink_connection_free(connection));
        atomic_fetch_add(&done, 1);
    }
    return NULL;
}

static void own_connections(const char *string)
{
    void *of[THREADS];
    int i;

    for (i = 0; i < THREADS; i++)
        of[i] = (void *)string;
    run(connect_again, of);
}

/* ---- nothing is left behind ----------------------------------------------------------------- */

static int entries(const char *path)
{
    DIR *listing = opendir(path);
    int count = 0;

    CHECK(listing != NULL);
    while (readdir(listing) != NULL)
        count++;
    closedir(listing);
    return count;
}

/* What the library keeps at most (docs/architecture.md). */
enum { MOST_LANES = 16, FILES_OF_A_LANE = 3 };

/* How many sockets of a network are open. */
static int network_sockets(void)
{
    struct sockaddr_storage address;
    socklen_t size;
    int descriptor, count = 0;

    for (descriptor = 0; descriptor < 1024; descriptor++) {
        size = sizeof address;
        count += getsockname(descriptor, (struct sockaddr *)&address, &size) == 0 &&
                 (address.ss_family == AF_INET || address.ss_family == AF_INET6);
    }
    return count;
}

/* What a process has beside its memory. */
struct things {
    int threads, files, sockets;
};

static struct things count_things(void)
{
    struct things now = {entries("/proc/self/task"), entries("/proc/self/fd"), network_sockets()};

    return now;
}

/* The sockets and helping threads of a freed connection end soon, but not within the call. */
static struct things wait_for(struct things most)
{
    const struct timespec pause = {0, 20000000};
    struct things now = count_things();
    int tries;

    for (tries = 0; tries < 500 && (now.threads > most.threads || now.files > most.files ||
                                    now.sockets > most.sockets); tries++) {
        nanosleep(&pause, NULL);
        now = count_things();
    }
    if (tries == 500)
        fprintf(stderr, "left behind: threads %d, files %d, network sockets %d\n", now.threads,
                now.files, now.sockets);
    CHECK(tries < 500);
    return now;
}

int main(int argc, char **argv)
{
    struct control control;
    char store[4096], *memory, *file;
    struct things before = {INT_MAX, INT_MAX, 0};

    if (argc != 4) {
        fprintf(stderr, "usage: %s BASE_URL DIRECTORY SECONDS\n", argv[0]);
        return 2;
    }
    base = argv[1];
    directory = argv[2];
    seconds = atoi(argv[3]);
    control = open_control(base);
    memory = string_with(issue_tokens(control, 2), "memory://threads");
    snprintf(store, sizeof store, "%s/OAuthSettings.txt", directory);
    file = string_with(issue_tokens(control, 2), store);
    close_control(control);
    before = wait_for(before);
    /* The library keeps a thread for each call that ran at the same time as others, up to a bound,
     * with what that thread waits on; no connection keeps any of its own. */
    before.threads += MOST_LANES - 1;
    before.files += (MOST_LANES - 1) * FILES_OF_A_LANE;

    shared_connection(memory);
    cancels(memory);
    shared_handles(file);
    own_connections(file);

    wait_for(before);
    free(memory);
    free(file);
    return 0;
}
