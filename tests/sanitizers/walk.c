/* Every function of apilink.h, in ordinary ways and in wrong ones, on one thread.
 *
 *     walk BASE_URL DIRECTORY
 *
 * The directory has Pkce.apip, a profile that uses PKCE. BROWSER answers the logins.
 *
 * Every buffer is a block of its own and exactly as large as it is said to be, so that a byte too
 * many is an error that AddressSanitizer and valgrind see. */
#include "common.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The file does not exist: the built-in profile. */
#define CLIO "C:\\profiles\\Clio.apip"

static const char *base, *directory;

/* ---- handles that are none ---------------------------------------------------------------- */

static int64_t read_nothing(void *user_data, void *buffer, int64_t capacity)
{
    (void)user_data, (void)buffer, (void)capacity;
    return 0;
}

static void no_connection(void *handle)
{
    apilink_connection *c = handle;
    apilink_request *request = NULL;
    int32_t number = -7;
    int64_t length = -7;
    char text[8] = "before";

    INVALID(apilink_connection_set_timeout(c, 5));
    INVALID(apilink_connection_set_login_timeout(c, 5));
    INVALID(apilink_connection_set_log_callback(c, 1, NULL, NULL));
    INVALID(apilink_connection_set_authorize_callback(c, NULL, NULL));
    INVALID(apilink_connection_connect(c, "AuthScheme=None", NTS));
    INVALID(apilink_connection_is_connected(c, &number));
    INVALID(apilink_connection_disconnect(c));
    INVALID(apilink_connection_cancel(c));
    INVALID(apilink_token_text(c, text, sizeof text, &length));
    INVALID(apilink_token_type(c, text, sizeof text, &length));
    INVALID(apilink_token_expiry(c, &length));
    INVALID(apilink_token_scope(c, text, sizeof text, &length));
    INVALID(apilink_token_refresh(c));
    INVALID(apilink_token_revoke(c));
    INVALID(apilink_authorization_url(c, "", NTS, NULL, 0, text, sizeof text, &length));
    INVALID(apilink_authorization_state(c, text, sizeof text, &length));
    INVALID(apilink_authorization_pkce_verifier(c, text, sizeof text, &length));
    INVALID(apilink_authorization_exchange(c, "", NTS, "code", NTS));
    INVALID(apilink_request_new(c, &request));
    CHECK(number == -7 && length == -7 && strcmp(text, "before") == 0 && request == NULL);
}

static void no_request(void *handle, apilink_response *page)
{
    apilink_request *r = handle;
    apilink_response *response = NULL;

    INVALID(apilink_request_prepare(r, "GET", NTS, "users", NTS));
    INVALID(apilink_request_prepare_signed(r, "GET", NTS, "https://localhost/", NTS));
    INVALID(apilink_request_add_query(r, "limit", NTS, "1", NTS));
    INVALID(apilink_request_add_header(r, "X-A", NTS, "1", NTS));
    INVALID(apilink_request_set_body(r, "{}", NTS, NULL, 0));
    INVALID(apilink_request_set_body_file(r, "file", NTS, NULL, 0));
    INVALID(apilink_request_set_body_callback(r, read_nothing, NULL, -1, NULL, 0));
    INVALID(apilink_request_set_timeout(r, 5));
    INVALID(apilink_request_execute(r, &response));
    INVALID(apilink_request_next_page(r, page, &response));
    INVALID(apilink_request_cancel(r));
    CHECK(response == NULL);
}

static void no_response(void *handle)
{
    apilink_response *r = handle;
    int32_t number = -7;
    int64_t length = -7;
    double real = -7;
    const void *data = NULL;
    char text[8] = "before";

    INVALID(apilink_response_status(r, &number));
    INVALID(apilink_response_header(r, "ETag", NTS, 0, text, sizeof text, &length));
    INVALID(apilink_response_header_count(r, &number));
    INVALID(apilink_response_header_at(r, 0, text, sizeof text, &length, text, sizeof text,
                                       &length));
    INVALID(apilink_response_content_type(r, text, sizeof text, &length));
    INVALID(apilink_response_body(r, &data, &length));
    INVALID(apilink_response_read(r, text, sizeof text, &length));
    INVALID(apilink_response_save(r, "file", NTS, &length));
    INVALID(apilink_response_json_type(r, "", NTS, &number));
    INVALID(apilink_response_json_text(r, "", NTS, text, sizeof text, &length));
    INVALID(apilink_response_json_integer(r, "", NTS, &length));
    INVALID(apilink_response_json_double(r, "", NTS, &real));
    INVALID(apilink_response_json_boolean(r, "", NTS, &number));
    INVALID(apilink_response_json_length(r, "", NTS, &length));
    CHECK(number == -7 && length == -7 && real == -7 && data == NULL);
    CHECK(strcmp(text, "before") == 0);
}

static void no_handle(void *handle)
{
    int32_t count = -7;

    INVALID(apilink_diagnostic_count(handle, &count));
    INVALID(apilink_diagnostic_get(handle, 1, NULL, NULL, NULL, 0, NULL));
    CHECK(count == -7);
}

/* Pointers that were never handles; NULL after the last one. */
static void *garbage(size_t number)
{
    static uint64_t place;
    const uintptr_t forged[] = {1, 0xdeadbeef, UINTPTR_MAX, (uintptr_t)&place};

    return number < sizeof forged / sizeof *forged ? (void *)forged[number] : NULL;
}

static void wrong_handles(apilink_connection *connection, apilink_request *request,
                          apilink_response *response)
{
    apilink_connection *freed_connection = new_connection();
    apilink_request *freed_request = new_request(connection);
    apilink_response *next = NULL;
    size_t i = 0;
    void *handle;

    OK(NULL, apilink_connection_free(freed_connection));
    OK(NULL, apilink_request_free(freed_request));
    do { /* the last one is NULL */
        handle = garbage(i++);
        no_connection(handle);
        no_request(handle, response);
        no_response(handle);
        no_handle(handle);
        INVALID(apilink_request_next_page(request, handle, &next));
        if (handle != NULL) {
            INVALID(apilink_connection_free(handle));
            INVALID(apilink_request_free(handle));
            INVALID(apilink_response_free(handle));
        }
    } while (handle != NULL);
    OK(NULL, apilink_connection_free(NULL));
    OK(NULL, apilink_request_free(NULL));
    OK(NULL, apilink_response_free(NULL));

    no_handle(freed_connection);
    no_handle(freed_request);
    no_connection(freed_connection);
    no_connection(request);
    no_connection(response);
    no_request(freed_request, response);
    no_request(connection, response);
    no_request(response, response);
    no_response(freed_connection);
    no_response(connection);
    no_response(request);
    INVALID(apilink_connection_free(freed_connection));
    INVALID(apilink_connection_free((void *)request));
    INVALID(apilink_request_free(freed_request));
    INVALID(apilink_request_free((void *)response));
    INVALID(apilink_response_free((void *)connection));
    CHECK(next == NULL);
}

/* ---- text that comes out ------------------------------------------------------------------ */

/* A call that gives text. `of` is what it takes beside the buffer. */
typedef int32_t text_call(void *of, char *buffer, int64_t capacity, int64_t *length);

/* Gets text into no buffer and into buffers of every interesting size. */
static void get_text(void *handle, text_call *get, void *of)
{
    int64_t length = -7, again = -7, size;
    int i;

    OK(handle, get(of, NULL, 0, &length));
    CHECK(length >= 0);
    OK(handle, get(of, NULL, 0, NULL));
    for (i = 0; i < 6; i++) {
        const int64_t sizes[] = {0, 1, length > 0 ? length - 1 : 0, length, length + 1, length + 9};
        int fits = (size = sizes[i]) > length;
        char *buffer = malloc((size_t)size);

        IS(fits ? APILINK_SUCCESS : APILINK_SUCCESS_WITH_INFO, handle,
           get(of, buffer, size, &again));
        CHECK(again == length);
        if (size > 0)
            CHECK(fits ? (int64_t)strlen(buffer) == length : (int64_t)strlen(buffer) < size);
        free(buffer);
    }
    CHECK(get(of, NULL, -1, &again) == APILINK_ERROR);
}

static int32_t get_message(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_diagnostic_get(of, 1, NULL, NULL, buffer, capacity, length);
}

static int32_t get_token(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_token_text(of, buffer, capacity, length);
}

static int32_t get_type(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_token_type(of, buffer, capacity, length);
}

static int32_t get_scope(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_token_scope(of, buffer, capacity, length);
}

static const char *login_string;

static int32_t get_url(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_authorization_url(of, login_string, NTS, "a state", NTS, buffer, capacity,
                                     length);
}

static int32_t get_state(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_authorization_state(of, buffer, capacity, length);
}

static int32_t get_verifier(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_authorization_pkce_verifier(of, buffer, capacity, length);
}

static int32_t get_header(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_response_header(of, "CONTENT-type", NTS, 0, buffer, capacity, length);
}

static int32_t get_header_name(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_response_header_at(of, 0, buffer, capacity, length, NULL, 0, NULL);
}

static int32_t get_header_value(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_response_header_at(of, 0, NULL, 0, NULL, buffer, capacity, length);
}

static int32_t get_content_type(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_response_content_type(of, buffer, capacity, length);
}

static int32_t get_json(void *of, char *buffer, int64_t capacity, int64_t *length)
{
    return apilink_response_json_text(of, "/data", NTS, buffer, capacity, length);
}

/* ---- text that goes in -------------------------------------------------------------------- */

/* A copy in a block of its own, without a NUL. */
static char *exactly(const char *text)
{
    char *copy = malloc(strlen(text));

    memcpy(copy, text, strlen(text));
    return copy;
}

static void lengths_of_input(apilink_request *request)
{
    char *method = exactly("GET"), *url = exactly("matters"), *name = exactly("limit");
    char *value = exactly("2"), *key = exactly("X-Key"), *body = exactly("{}");
    char *type = exactly("text/plain"), *empty = malloc(0), *foreign = exactly("\xff\xfe");

    OK(request, apilink_request_prepare(request, method, 3, url, 7));
    OK(request, apilink_request_add_query(request, name, 5, value, 1));
    OK(request, apilink_request_add_query(request, name, 5, empty, 0));
    OK(request, apilink_request_add_query(request, name, 5, NULL, 0));
    OK(request, apilink_request_add_header(request, key, 5, value, 1));
    OK(request, apilink_request_add_header(request, key, 5, empty, 0));
    OK(request, apilink_request_set_body(request, body, 2, type, 10));
    OK(request, apilink_request_set_body(request, empty, 0, NULL, 0));
    OK(request, apilink_request_set_body(request, NULL, 0, NULL, 0));
    OK(request, apilink_request_set_body_file(request, url, 7, type, 10));
    OK(request, apilink_request_set_body_callback(request, read_nothing, NULL, 0, type, 10));
    OK(request, apilink_request_set_timeout(request, 0));

    FAILS("HY024", request, apilink_request_prepare(request, method, 2, url, 7));
    FAILS("HY024", request, apilink_request_prepare(request, empty, 0, url, 7));
    FAILS("HY090", request, apilink_request_prepare(request, method, -2, url, 7));
    FAILS("HY009", request, apilink_request_prepare(request, NULL, NTS, url, 7));
    FAILS("HY009", request, apilink_request_prepare(request, method, 3, NULL, 7));
    FAILS("HY009", request, apilink_request_prepare_signed(request, method, 3, NULL, 7));
    /* A preparation that fails leaves nothing prepared. */
    FAILS("HY010", request, apilink_request_add_query(request, name, 5, value, 1));
    OK(request, apilink_request_prepare(request, method, 3, url, 7));
    FAILS("HY009", request, apilink_request_add_query(request, NULL, 1, value, 1));
    FAILS("HY090", request, apilink_request_add_query(request, name, 5, value, INT64_MIN));
    FAILS("HY024", request, apilink_request_add_query(request, foreign, 2, value, 1));
    FAILS("HY024", request, apilink_request_add_header(request, foreign, 2, value, 1));
    FAILS("HY024", request, apilink_request_add_header(request, "Host", NTS, value, 1));
    FAILS("HY009", request, apilink_request_set_body(request, NULL, 1, NULL, 0));
    FAILS("HY090", request, apilink_request_set_body(request, body, INT64_MAX, NULL, 0));
    FAILS("HY024", request, apilink_request_set_body(request, body, 2, "\n", NTS));
    FAILS("HY009", request, apilink_request_set_body_file(request, NULL, 1, NULL, 0));
    FAILS("HY009", request, apilink_request_set_body_callback(request, NULL, NULL, -1, NULL, 0));
    FAILS("HY090", request,
          apilink_request_set_body_callback(request, read_nothing, NULL, -2, NULL, 0));
    FAILS("HY024", request, apilink_request_set_timeout(request, -1));
    FAILS("HY024", request, apilink_request_set_timeout(request, INT64_MAX));
    FAILS("HY009", request, apilink_request_execute(request, NULL));

    free(method), free(url), free(name), free(value), free(key), free(body);
    free(type), free(empty), free(foreign);
}

/* ---- logging in --------------------------------------------------------------------------- */

/* The same lines can come from any thread. */
struct log_count {
    pthread_mutex_t lock;
    int lines;
    size_t bytes;
};

static void count_line(void *user_data, int32_t level, const char *line, int64_t length)
{
    struct log_count *log = user_data;

    CHECK(level >= 1 && level <= 5 && (int64_t)strlen(line) == length);
    pthread_mutex_lock(&log->lock);
    log->lines++;
    log->bytes += strlen(line);
    pthread_mutex_unlock(&log->lock);
}

static pid_t browser;

/* A program with a window of its own would show the URL there. */
static int32_t browse(void *user_data, const char *url, int64_t length)
{
    char *arguments[] = {getenv("BROWSER"), (char *)url, NULL};

    CHECK(user_data == &browser && (int64_t)strlen(url) == length);
    CHECK(strcmp(apilink_version(), APILINK_VERSION) == 0);
    CHECK(posix_spawn(&browser, arguments[0], NULL, NULL, arguments, environ) == 0);
    return 0;
}

static int32_t give_up(void *user_data, const char *url, int64_t length)
{
    (void)user_data, (void)url, (void)length;
    return 1;
}

static int32_t cancel_login(void *user_data, const char *url, int64_t length)
{
    (void)url, (void)length;
    OK(NULL, apilink_connection_cancel(user_data));
    return 0;
}

/* Listens on a port of localhost, a free one for 0. */
static int listen_on(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return listener;
}

/* A connection string with a login, for tokens in this store. */
static char *string_with(const char *profile, int port, const char *store, const char *more)
{
    char *string = malloc(16384);

    snprintf(string, 16384,
             "Profile=%s;ProfileSettings='Region=%s';Authscheme=OAuth;"
             "InitiateOAuth=GETANDREFRESH;OAuthClientId=sandbox-client;"
             "OAuthClientSecret=sandbox-secret;CallbackUrl=http://localhost:%d;"
             "OAuthSettingsLocation=%s;%s",
             profile, base, port, store, more);
    return string;
}

static void logins(void)
{
    struct log_count log = {PTHREAD_MUTEX_INITIALIZER, 0, 0};
    apilink_connection *connection = new_connection();
    char *string, store[4096];
    int32_t connected = -7, count = 0;
    int64_t expiry = 0;
    int status = 0, port = 0;

    close(listen_on(&port));
    snprintf(store, sizeof store, "%s/OAuthSettings.txt", directory);
    string = string_with(CLIO, port, store, "");

    FAILS("HY024", connection, apilink_connection_set_timeout(connection, -1));
    FAILS("HY024", connection, apilink_connection_set_login_timeout(connection, 0));
    FAILS("HY024", connection, apilink_connection_set_log_callback(connection, 6, NULL, NULL));
    get_text(connection, get_message, connection);
    OK(connection, apilink_diagnostic_count(connection, &count));
    CHECK(count == 1);
    IS(APILINK_ERROR, NULL, apilink_diagnostic_count(connection, NULL));
    IS(APILINK_ERROR, NULL, apilink_diagnostic_get(connection, 0, NULL, NULL, NULL, 0, NULL));
    NONE(NULL, apilink_diagnostic_get(connection, 2, NULL, NULL, NULL, 0, NULL));
    OK(connection, apilink_connection_set_timeout(connection, 30));
    OK(connection, apilink_connection_set_login_timeout(connection, 60));
    OK(connection, apilink_connection_set_log_callback(connection, 5, count_line, &log));

    /* Not logged in. */
    FAILS("08003", connection, apilink_connection_disconnect(connection));
    FAILS("08003", connection, apilink_token_text(connection, NULL, 0, NULL));
    FAILS("08003", connection, apilink_token_refresh(connection));
    FAILS("HY009", connection, apilink_connection_connect(connection, NULL, NTS));
    FAILS("HY090", connection, apilink_connection_connect(connection, string, -2));
    FAILS("HY024", connection, apilink_connection_connect(connection, "\xff", NTS));
    FAILS("HY024", connection, apilink_connection_connect(connection, "Profile='", NTS));
    FAILS("HY024", connection, apilink_connection_connect(connection, "Colour=blue", NTS));
    OK(connection, apilink_connection_set_authorize_callback(connection, give_up, NULL));
    FAILS("HY008", connection, apilink_connection_connect(connection, string, NTS));
    OK(connection,
       apilink_connection_set_authorize_callback(connection, cancel_login, connection));
    FAILS("HY008", connection, apilink_connection_connect(connection, string, NTS));

    /* The program's own window. */
    OK(connection, apilink_connection_set_authorize_callback(connection, browse, &browser));
    OK(connection, apilink_connection_connect(connection, string, (int64_t)strlen(string)));
    CHECK(waitpid(browser, &status, 0) == browser && status == 0);
    FAILS("08002", connection, apilink_connection_connect(connection, string, NTS));
    FAILS("HY010", connection, apilink_connection_set_timeout(connection, 5));
    OK(connection, apilink_connection_is_connected(connection, &connected));
    CHECK(connected == 1);
    FAILS("HY009", connection, apilink_connection_is_connected(connection, NULL));
    get_text(connection, get_token, connection);
    get_text(connection, get_type, connection);
    NONE(connection, apilink_token_scope(connection, NULL, 0, NULL)); /* as Clio */
    OK(connection, apilink_token_expiry(connection, &expiry));
    CHECK(expiry > 1700000000);
    FAILS("HY009", connection, apilink_token_expiry(connection, NULL));
    OK(connection, apilink_token_refresh(connection));

    /* Again, with the stored token. */
    OK(connection, apilink_connection_disconnect(connection));
    OK(connection, apilink_connection_set_authorize_callback(connection, give_up, NULL));
    OK(connection, apilink_connection_connect(connection, string, NTS));
    OK(connection, apilink_token_revoke(connection));
    FAILS("08003", connection, apilink_token_revoke(connection));

    /* The system's browser. */
    OK(connection, apilink_connection_set_authorize_callback(connection, NULL, NULL));
    OK(connection, apilink_connection_connect(connection, string, NTS));
    OK(connection, apilink_connection_free(connection));
    CHECK(log.lines > 0);
    free(string);
}

/* Logs in as on another machine, where the person copies the address of the page that the
 * browser was sent to in vain. */
static void copy_redirect(const char *url, int port, char *address, size_t size)
{
    char *arguments[] = {getenv("BROWSER"), (char *)url, NULL}, line[2048], target[1024];
    const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    int listener = listen_on(&port), browsing, status = 0;
    ssize_t length;

    CHECK(posix_spawn(&browser, arguments[0], NULL, NULL, arguments, environ) == 0);
    browsing = accept(listener, NULL, NULL);
    length = read(browsing, line, sizeof line - 1);
    CHECK(length > 0);
    line[length] = '\0';
    CHECK(sscanf(line, "GET %1023s HTTP", target) == 1);
    CHECK(write(browsing, reply, sizeof reply - 1) == sizeof reply - 1);
    close(browsing);
    close(listener);
    CHECK(waitpid(browser, &status, 0) == browser && status == 0);
    snprintf(address, size, "http://localhost:%d%s", port, target);
}

static void headless(void)
{
    apilink_connection *connection = new_connection();
    char profile[4096], *string, url[2048], address[2048];
    int port = 0;

    close(listen_on(&port));
    snprintf(profile, sizeof profile, "%s/Pkce.apip", directory);
    string = string_with(profile, port, "memory://headless", "");
    login_string = string;
    NONE(connection, apilink_authorization_state(connection, NULL, 0, NULL));
    NONE(connection, apilink_authorization_pkce_verifier(connection, NULL, 0, NULL));
    FAILS("HY009", connection,
          apilink_authorization_url(connection, NULL, NTS, NULL, 0, NULL, 0, NULL));
    get_text(connection, get_url, connection);
    get_text(connection, get_state, connection);
    get_text(connection, get_verifier, connection);
    FAILS("HY024", connection, apilink_authorization_exchange(connection, string, NTS, "", 0));
    FAILS("HY009", connection, apilink_authorization_exchange(connection, string, NTS, NULL, NTS));
    FAILS("28000", connection,
          apilink_authorization_exchange(connection, string, NTS, "no-such-code", NTS));
    FAILS("28000", connection,
          apilink_authorization_exchange(connection, string, NTS,
                                         "http://localhost/?code=x&state=of-another-login", NTS));

    OK(connection, apilink_authorization_url(connection, string, NTS, NULL, 0, url, sizeof url,
                                             NULL));
    copy_redirect(url, port, address, sizeof address);
    OK(connection, apilink_authorization_exchange(connection, string, NTS, address, NTS));
    OK(connection, apilink_connection_set_authorize_callback(connection, give_up, NULL));
    OK(connection, apilink_connection_connect(connection, string, NTS));
    OK(connection, apilink_connection_free(connection));
    free(string);
}

/* ---- requests ----------------------------------------------------------------------------- */

static void every_header(apilink_response *response)
{
    char name[64], value[1024];
    int32_t count = 0, i;

    OK(response, apilink_response_header_count(response, &count));
    CHECK(count > 3);
    for (i = 0; i < count; i++)
        OK(response, apilink_response_header_at(response, i, name, sizeof name, NULL, value,
                                                sizeof value, NULL));
    NONE(response, apilink_response_header_at(response, i, NULL, 0, NULL, NULL, 0, NULL));
    FAILS("07009", response, apilink_response_header_at(response, -1, NULL, 0, NULL, NULL, 0,
                                                        NULL));
    NONE(response, apilink_response_header(response, "X-None", NTS, 0, NULL, 0, NULL));
    FAILS("07009", response, apilink_response_header(response, "ETag", NTS, -1, NULL, 0, NULL));
    FAILS("HY009", response, apilink_response_header_count(response, NULL));
    FAILS("HY009", response, apilink_response_status(response, NULL));
    get_text(response, get_header, response);
    get_text(response, get_header_name, response);
    get_text(response, get_header_value, response);
    get_text(response, get_content_type, response);
}

static void every_json_value(apilink_response *response)
{
    int32_t kind = -7, truth = -7;
    int64_t number = -7;
    double real = -7;
    char *pointer = exactly("/data/0/id");

    OK(response, apilink_response_json_type(response, "", 0, &kind));
    CHECK(kind == APILINK_JSON_OBJECT);
    OK(response, apilink_response_json_integer(response, pointer, 10, &number));
    OK(response, apilink_response_json_double(response, pointer, 10, &real));
    CHECK(number > 0 && (double)number == real);
    OK(response, apilink_response_json_type(response, pointer, 7, &kind)); /* "/data/0" */
    CHECK(kind == APILINK_JSON_OBJECT);
    free(pointer);
    OK(response, apilink_response_json_length(response, "/data", NTS, &number));
    CHECK(number == 2);
    OK(response, apilink_response_json_boolean(response, "/data/0/billable", NTS, &truth));
    CHECK(truth == 0 || truth == 1);
    get_text(response, get_json, response);
    NONE(response, apilink_response_json_type(response, "/nowhere", NTS, &kind));
    NONE(response, apilink_response_json_text(response, "/data/2", NTS, NULL, 0, NULL));
    FAILS("22018", response, apilink_response_json_integer(response, "/data", NTS, &number));
    FAILS("22018", response, apilink_response_json_double(response, "/data", NTS, &real));
    FAILS("22018", response, apilink_response_json_boolean(response, "/data", NTS, &truth));
    FAILS("22018", response, apilink_response_json_length(response, "/data/0/id", NTS, &number));
    FAILS("HY024", response, apilink_response_json_type(response, "data", NTS, &kind));
    FAILS("HY024", response, apilink_response_json_type(response, "/~2", NTS, &kind));
    FAILS("HY009", response, apilink_response_json_type(response, NULL, NTS, &kind));
    FAILS("HY009", response, apilink_response_json_type(response, "", NTS, NULL));
    FAILS("HY009", response, apilink_response_json_integer(response, "/data", NTS, NULL));
}

static void pages(apilink_request *request)
{
    apilink_response *page, *next = NULL;
    int32_t code, number = 1;

    page = call(request, "GET", "matters?limit=40&order=id(asc)&fields=id", NULL, 200);
    FAILS("HY009", request, apilink_request_next_page(request, page, NULL));
    while ((code = apilink_request_next_page(request, page, &next)) == APILINK_SUCCESS) {
        OK(page, apilink_response_free(page));
        page = next;
        number++;
    }
    NONE(request, code);
    CHECK(number == 3);
    OK(page, apilink_response_free(page));
}

/* Every way to have a body. */
static void bodies(apilink_request *request, const char *path, int64_t size)
{
    apilink_response *response = call(request, "GET", path, NULL, 200), *other;
    const void *data = NULL, *again = NULL;
    int64_t length = -7, total = 0, room, got;
    char file[4096], *copy = malloc((size_t)size + 1);
    int32_t code;

    OK(response, apilink_response_body(response, &data, &length));
    CHECK(length == size && ((const char *)data)[length] == '\0');
    OK(response, apilink_response_body(response, &again, NULL));
    CHECK(again == data);
    FAILS("HY009", response, apilink_response_body(response, NULL, NULL));

    other = call(request, "GET", path, NULL, 200);
    FAILS("HY090", other, apilink_response_read(other, copy, 0, &got));
    FAILS("HY009", other, apilink_response_read(other, NULL, 9, &got));
    FAILS("HY009", other, apilink_response_read(other, copy, 9, NULL));
    do { /* growing pieces, at last with room for one byte more than there is */
        room = total + 1 < size + 1 - total ? total + 1 : size + 1 - total;
        code = apilink_response_read(other, copy + total, room, &got);
        if (code == APILINK_SUCCESS)
            total += got;
    } while (code == APILINK_SUCCESS);
    NONE(other, code);
    CHECK(total == size && memcmp(copy, data, (size_t)size) == 0);
    FAILS("HY010", other, apilink_response_body(other, &again, NULL));
    OK(other, apilink_response_free(other));

    other = call(request, "GET", path, NULL, 200);
    snprintf(file, sizeof file, "%s/body", directory);
    FAILS("HY009", other, apilink_response_save(other, NULL, 1, NULL));
    OK(other, apilink_response_save(other, file, NTS, &length));
    CHECK(length == size);
    FAILS("HY010", other, apilink_response_json_type(other, "", NTS, &code));
    OK(other, apilink_response_free(other));

    other = call(request, "GET", path, NULL, 200);
    FAILS("HY000", other, apilink_response_save(other, "/dev/null/nowhere", NTS, NULL));
    OK(other, apilink_response_free(other));

    other = call(request, "GET", path, NULL, 200);
    IS(size > 0 ? APILINK_SUCCESS : APILINK_NO_DATA, other,
       apilink_response_read(other, copy, 1, &got)); /* the rest is not wanted */
    OK(other, apilink_response_free(other));
    OK(response, apilink_response_free(response));
    free(copy);
}

/* A body for an upload. */
struct upload {
    apilink_request *request;
    int64_t left;
    int gives_up, cancels;
};

static int64_t deliver(void *user_data, void *buffer, int64_t capacity)
{
    struct upload *upload = user_data;
    int64_t size = capacity < upload->left ? capacity : upload->left;

    if (upload->gives_up)
        return -1;
    if (upload->cancels)
        OK(NULL, apilink_request_cancel(upload->request));
    memset(buffer, 'x', (size_t)size);
    upload->left -= size;
    return size;
}

/* The three steps of an upload, the bytes from a callback or a file. */
static void upload_document(apilink_request *request, const char *matter, const char *file)
{
    struct upload upload = {request, 300000, 0, 0};
    apilink_response *document, *stored = NULL;
    char body[256], url[4096], uuid[64], id[32], pointer[128], name[128], value[1024];
    int64_t headers = 0, i;

    snprintf(body, sizeof body,
             "{\"data\":{\"name\":\"Brief.txt\",\"parent\":{\"id\":%s,\"type\":\"Matter\"}}}", matter);
    document = call(request, "POST",
                    "documents?fields=id,latest_document_version{uuid,put_url,put_headers}", body,
                    201);
    text_at(document, "/data/id", id, sizeof id);
    text_at(document, "/data/latest_document_version/put_url", url, sizeof url);
    text_at(document, "/data/latest_document_version/uuid", uuid, sizeof uuid);
    OK(request, apilink_request_prepare_signed(request, "PUT", NTS, url, NTS));
    OK(document, apilink_response_json_length(
                     document, "/data/latest_document_version/put_headers", NTS, &headers));
    for (i = 0; i < headers; i++) {
        snprintf(pointer, sizeof pointer,
                 "/data/latest_document_version/put_headers/%" PRId64 "/name", i);
        text_at(document, pointer, name, sizeof name);
        snprintf(pointer, sizeof pointer,
                 "/data/latest_document_version/put_headers/%" PRId64 "/value", i);
        text_at(document, pointer, value, sizeof value);
        OK(request, apilink_request_add_header(request, name, NTS, value, NTS));
    }
    if (file != NULL) {
        OK(request, apilink_request_set_body_file(request, file, NTS, NULL, 0));
    } else {
        upload.gives_up = 1;
        OK(request, apilink_request_set_body_callback(request, deliver, &upload, upload.left, NULL,
                                                      0));
        FAILS("HY000", request, apilink_request_execute(request, &stored));
        upload.gives_up = 0;
        upload.cancels = 1;
        FAILS("HY008", request, apilink_request_execute(request, &stored));
        upload.cancels = 0;
        upload.left = 300000;
        CHECK(stored == NULL);
    }
    OK(request, apilink_request_execute(request, &stored));
    OK(stored, apilink_response_free(stored));
    CHECK(file != NULL || upload.left == 0);
    snprintf(url, sizeof url, "documents/%s", id);
    snprintf(body, sizeof body, "{\"data\":{\"uuid\":\"%s\",\"fully_uploaded\":true}}", uuid);
    stored = call(request, "PATCH", url, body, 200);
    OK(stored, apilink_response_free(stored));
    OK(document, apilink_response_free(document));
    snprintf(url, sizeof url, "documents/%s/download", id);
    bodies(request, url, 300000);
}

static void documents(apilink_request *request)
{
    char file[4096], matter[32];
    apilink_response *matters = call(request, "GET", "matters?limit=1&fields=id", NULL, 200);
    FILE *stream;
    int i;

    text_at(matters, "/data/0/id", matter, sizeof matter);
    OK(matters, apilink_response_free(matters));
    snprintf(file, sizeof file, "%s/upload", directory);
    stream = fopen(file, "w");
    for (i = 0; i < 300000; i++)
        putc('x', stream);
    fclose(stream);
    upload_document(request, matter, NULL);
    upload_document(request, matter, file);
}

static void writes(apilink_request *request)
{
    apilink_response *response;
    char id[32], path[64];

    response = call(request, "POST", "contacts?fields=id,etag",
                    "{\"data\":{\"type\":\"Person\",\"first_name\":\"Ada\",\"last_name\":\"Byron\"}}",
                    201);
    text_at(response, "/data/id", id, sizeof id);
    OK(response, apilink_response_free(response));
    snprintf(path, sizeof path, "contacts/%s", id);
    response = call(request, "DELETE", path, NULL, 204);
    NONE(response, apilink_response_content_type(response, NULL, 0, NULL));
    OK(response, apilink_response_free(response));
}

/* ---- what goes wrong on the way ----------------------------------------------------------- */

static void refusals(apilink_request *request)
{
    apilink_response *response = NULL;
    int32_t native_code = 0;

    response = call(request, "GET", "matters/987654321", NULL, 404);
    OK(request, apilink_diagnostic_get(request, 1, NULL, &native_code, NULL, 0, NULL));
    CHECK(native_code == 404);
    get_text(request, get_message, request);
    OK(response, apilink_response_free(response));
    response = call(request, "POST", "contacts", "{\"data\":", 400);
    OK(response, apilink_response_free(response));
    response = NULL;
    OK(request, apilink_request_prepare(request, "GET", NTS, "https://example.com/", NTS));
    FAILS("HY024", request, apilink_request_execute(request, &response));
    OK(request, apilink_request_prepare(request, "POST", NTS, "contacts", NTS));
    OK(request, apilink_request_set_body_file(request, "/nowhere", NTS, NULL, 0));
    FAILS("HY000", request, apilink_request_execute(request, &response));
    CHECK(response == NULL);
}

static void faults(struct control control, apilink_request *request)
{
    apilink_response *response = NULL;
    const void *data = NULL;
    char id[32], path[64];
    int32_t kind;

    tell(control, "POST", "/_sandbox/faults",
         "{\"path\":\"/api/v4/contacts*\",\"method\":\"POST\",\"kind\":\"drop\"}");
    OK(request, apilink_request_prepare(request, "POST", NTS, "contacts", NTS));
    OK(request, apilink_request_set_body(request, "{\"data\":{}}", NTS, NULL, 0));
    FAILS("08S01", request, apilink_request_execute(request, &response));

    tell(control, "POST", "/_sandbox/faults",
         "{\"path\":\"/api/v4/matters*\",\"times\":2,\"kind\":\"status\",\"status\":503}");
    response = call(request, "GET", "matters?limit=1", NULL, 200);
    OK(response, apilink_response_free(response));

    tell(control, "POST", "/_sandbox/faults",
         "{\"path\":\"/api/v4/matters*\",\"kind\":\"garbage\"}");
    response = call(request, "GET", "matters?limit=1", NULL, 200);
    FAILS("22018", response, apilink_response_json_type(response, "", NTS, &kind));
    OK(response, apilink_response_free(response));

    /* Too large to be had whole before the call returns. */
    tell(control, "POST", "/_sandbox/faults",
         "{\"path\":\"/storage/*\",\"times\":0,\"kind\":\"drop\",\"bytes\":4000000}");
    response = call(control.request, "POST", "/_sandbox/documents", "{\"bytes\":5000000}", 200);
    text_at(response, "/id", id, sizeof id);
    OK(response, apilink_response_free(response));
    snprintf(path, sizeof path, "documents/%s/download", id);
    response = call(request, "GET", path, NULL, 200);
    FAILS("08S01", response, apilink_response_body(response, &data, NULL));
    CHECK(data == NULL);
    OK(response, apilink_response_free(response));

    tell(control, "POST", "/_sandbox/faults",
         "{\"path\":\"/api/v4/contacts*\",\"times\":0,\"kind\":\"stall\"}");
    OK(request, apilink_request_prepare(request, "POST", NTS, "contacts", NTS));
    OK(request, apilink_request_set_timeout(request, 1));
    FAILS("HYT00", request, apilink_request_execute(request, &response));
    tell(control, "DELETE", "/_sandbox/faults", NULL);

    /* Both shapes of a token that is refused: it is refreshed, and the request repeated. */
    tell(control, "POST", "/_sandbox/faults",
         "{\"path\":\"/api/v4/matters*\",\"kind\":\"unauthorized\",\"shape\":\"object\"}");
    response = call(request, "GET", "matters?limit=1", NULL, 200);
    OK(response, apilink_response_free(response));
}

static void unreachable(void)
{
    apilink_connection *connection = new_connection();
    apilink_request *request = new_request(connection);
    apilink_response *response = NULL;

    FAILS("HY010", request, apilink_request_execute(request, &response));
    OK(request, apilink_request_prepare(request, "GET", NTS, "matters", NTS));
    FAILS("08003", request, apilink_request_execute(request, &response));
    OK(connection, apilink_connection_connect(
                       connection, "ProfileSettings='Region=http://127.0.0.1:1';AuthScheme=None",
                       NTS));
    NONE(connection, apilink_token_text(connection, NULL, 0, NULL));
    FAILS("08001", request, apilink_request_execute(request, &response));
    OK(connection, apilink_connection_free(connection));
    FAILS("08003", request, apilink_request_execute(request, &response));
    OK(request, apilink_request_free(request));
    CHECK(response == NULL);
}

/* ---- all of it ---------------------------------------------------------------------------- */

static void requests(struct control control)
{
    struct tokens tokens = issue_tokens(control, 3600);
    apilink_connection *connection = new_connection();
    apilink_request *request;
    apilink_response *response, *next = NULL;
    char more[1024], *string;
    int32_t connected = -7;

    snprintf(more, sizeof more,
             "OAuthAccessToken=%s;OAuthRefreshToken=%s;OAuthExpiresIn=3600;State=a;State=b;",
             tokens.access, tokens.refresh);
    string = string_with(CLIO, 33333, "memory://walk", more);
    INFO(connection, apilink_connection_connect(connection, string, NTS)); /* a key repeats */
    CHECK(has_state(connection, "01S00"));
    OK(connection, apilink_token_refresh(connection));
    tell(control, "POST", "/_sandbox/faults",
         "{\"path\":\"/oauth/token\",\"kind\":\"token\",\"members\":{\"scope\":\"écrire €\"}}");
    OK(connection, apilink_token_refresh(connection));
    get_text(connection, get_scope, connection);
    FAILS("HY009", connection, apilink_request_new(connection, NULL));
    request = new_request(connection);
    response = call(request, "GET",
                    "matters?limit=2&fields=id,display_number,billable,client{name}", NULL, 200);
    wrong_handles(connection, request, response);
    every_header(response);
    every_json_value(response);
    FAILS("HY024", control.request,
          apilink_request_next_page(control.request, response, &next));
    lengths_of_input(request);
    pages(request);
    bodies(request, "/_sandbox/blob?bytes=70000", 70000);
    bodies(request, "/_sandbox/blob?bytes=0", 0);
    writes(request);
    documents(request);
    refusals(request);
    faults(control, request);

    /* Handles outlive each other. */
    OK(connection, apilink_connection_cancel(connection));
    OK(request, apilink_request_cancel(request));
    OK(connection, apilink_connection_disconnect(connection));
    OK(connection, apilink_connection_is_connected(connection, &connected));
    CHECK(connected == 0);
    FAILS("08003", request, apilink_request_next_page(request, response, &next));
    INFO(connection, apilink_connection_connect(connection, string, NTS));
    OK(request, apilink_request_prepare(request, "GET", NTS, "users/who_am_i", NTS));
    OK(request, apilink_request_execute(request, &next));
    OK(connection, apilink_connection_free(connection));
    OK(request, apilink_request_free(request));
    every_json_value(response);
    OK(response, apilink_response_free(response));
    OK(next, apilink_response_free(next));
    no_response(response);
    no_handle(next);
    free(string);
}

int main(int argc, char **argv)
{
    struct control control;

    if (argc != 3) {
        fprintf(stderr, "usage: %s BASE_URL DIRECTORY\n", argv[0]);
        return 2;
    }
    base = argv[1];
    directory = argv[2];
    CHECK(strcmp(apilink_version(), APILINK_VERSION) == 0);
    CHECK(apilink_abi_version() == APILINK_ABI_VERSION);
    IS(APILINK_ERROR, NULL, apilink_connection_new(NULL));
    control = open_control(base);
    logins();
    headless();
    requests(control);
    unreachable();
    close_control(control);
    return 0;
}
