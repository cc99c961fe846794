/* Goes through the ways in which calls fail, and shows what a program can do about each.
 *
 * Nothing here ends the program. A call says with its return code what happened:
 *   APILINK_SUCCESS            done
 *   APILINK_SUCCESS_WITH_INFO  done, and there are records: a warning, or an HTTP error
 *   APILINK_NO_DATA            nothing there, such as no further page; no error
 *   APILINK_ERROR              not done, and there are records
 *   APILINK_INVALID_HANDLE     a mistake in the program
 * A record has an SQLSTATE (what kind of problem: for programs), a native code (the HTTP status or
 * OAuth error) and a message (for people).
 */
#include "example.h"

/* What a program can do about an error, by the SQLSTATE of its first record. */
static const char *advice(const char *sqlstate)
{
    static const struct {
        const char *sqlstate, *advice;
    } table[] = {
        {"28000", "ask the user to log in again"},
        {"08001", "check the network, and try again later"},
        {"08S01", "the connection broke: try again, unless the request writes"},
        {"HYT00", "the time ran out: try again, unless the request writes"},
        {"HY008", "somebody cancelled the call: stop"},
        {"HY024", "a value is wrong: correct the program or its configuration"},
        {"01S00", "the connection string has something superfluous"},
    };
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].sqlstate, sqlstate) == 0)
            return table[i].advice;
    return "show the message";
}

/* Prints all records of a handle, and what can be done about the first. */
static void report(const char *what, int32_t code, const void *handle)
{
    char sqlstate[6] = "", message[2048];
    int32_t number, count = 0, native_code = 0;

    printf("%s returned %" PRId32 "\n", what, code);
    if (apilink_diagnostic_count(handle, &count) != APILINK_SUCCESS)
        return;
    for (number = 1; number <= count; number++) {
        apilink_diagnostic_get(handle, number, sqlstate, &native_code, message, sizeof message,
                               NULL);
        printf("  record %" PRId32 ": %s, native code %" PRId32 "\n  %s\n", number, sqlstate,
               native_code, message);
    }
    if (code == APILINK_ERROR) {
        apilink_diagnostic_get(handle, 1, sqlstate, NULL, NULL, 0, NULL);
        printf("  what to do: %s\n", advice(sqlstate));
    }
}

static void try_to_connect(apilink_connection *connection, const char *string)
{
    char what[128];

    snprintf(what, sizeof what, "Connecting with %.90s", string);
    report(what, apilink_connection_connect(connection, string, APILINK_NTS), connection);
}

/* An HTTP error is a reply: there is a response with a status and a body, and the record holds
 * what the service says. */
static void try_request(apilink_request *request, const char *method, const char *url,
                        const char *json)
{
    apilink_response *response = NULL;
    char what[128];
    int32_t status, code = apilink_request_prepare(request, method, APILINK_NTS, url, APILINK_NTS);

    if (code == APILINK_SUCCESS && json != NULL)
        code = apilink_request_set_body(request, json, APILINK_NTS, NULL, 0);
    if (code == APILINK_SUCCESS)
        code = apilink_request_execute(request, &response);

    snprintf(what, sizeof what, "%s %s", method, url);
    report(what, code, request);
    if (code == APILINK_SUCCESS || code == APILINK_SUCCESS_WITH_INFO) {
        if (apilink_response_status(response, &status) == APILINK_SUCCESS)
            printf("  status %" PRId32 "\n", status);
        apilink_response_free(response);
    }
}

int main(int argc, char **argv)
{
    const char *string = connection_string(&argc, argv);
    apilink_connection *connection = NULL;
    apilink_request *request = NULL;
    apilink_response *response = NULL;
    char small[4];
    int64_t length = 0;
    int32_t code;

    if (apilink_connection_new(&connection) != APILINK_SUCCESS) {
        fprintf(stderr, "There is no room for a connection.\n");
        return EXIT_FAILURE;
    }

    /* Wrong connection strings. The handle can be used again afterwards. */
    try_to_connect(connection, "Profile=Clio;ProfileSettings='Region=US");
    try_to_connect(connection, "Profile=Clio;OAuthClientIdd=1234");
    try_to_connect(connection, "Profile=Clio;Region=Atlantis;OAuthAccessToken=none");
    try_to_connect(connection, "Profile=Clio;InitiateOAuth=GETANDREFRESH;"
                               "OAuthClientId=your_client_id;OAuthClientSecret=your_client_secret");

    code = apilink_connection_connect(connection, string, APILINK_NTS);
    report("Connecting", code, connection);
    if (code != APILINK_SUCCESS && code != APILINK_SUCCESS_WITH_INFO) {
        apilink_connection_free(connection);
        return EXIT_FAILURE;
    }
    code = apilink_request_new(connection, &request);
    if (code != APILINK_SUCCESS) {
        report("Allocating a request", code, connection);
        apilink_connection_free(connection);
        return EXIT_FAILURE;
    }

    /* Replies that are errors. */
    try_request(request, "GET", "matters/1?fields=id", NULL);          /* 404: not there */
    try_request(request, "GET", "matters?fields=id,nonsense", NULL);   /* 400: no such field */
    try_request(request, "GET", "users/who_am_i?fields=name", NULL);   /* 403 without permission */
    try_request(request, "POST", "contacts", "{\"data\":{\"type\":\"Person\"}}"); /* 422 */

    /* Refused here, so that the token does not leave the region. */
    try_request(request, "GET", "https://example.com/", NULL);

    /* Text that does not fit is cut, which is a warning; its whole length is known. */
    if (apilink_request_prepare(request, "GET", APILINK_NTS, "matters?limit=1&fields=id,status",
                                APILINK_NTS) == APILINK_SUCCESS
        && apilink_request_execute(request, &response) == APILINK_SUCCESS) {
        code = apilink_response_json_text(response, "/data/0/status", APILINK_NTS, small,
                                          sizeof small, &length);
        report("Reading a text into 4 bytes", code, response);
        printf("  \"%s\", of %" PRId64 " bytes\n", small, length);
        code = apilink_response_json_text(response, "/data/7/status", APILINK_NTS, small,
                                          sizeof small, NULL);
        report("Reading what is not there", code, response);
        apilink_response_free(response);
    }

    /* A handle that was freed is answered, and does no harm. */
    apilink_request_free(request);
    report("Freeing a request twice", apilink_request_free(request), request);
    apilink_connection_free(connection);
    return EXIT_SUCCESS;
}
