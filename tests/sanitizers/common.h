/* What the programs here share. They are for Linux, and take the base URL of a sandbox as their
 * first argument and a directory of their own as the second. The first thing that is not as it
 * should be ends a program, with the place and the diagnostic records. */
#ifndef COMMON_H
#define COMMON_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apilink.h>

/* Ends the program unless a condition holds. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(__FILE__, __LINE__, #condition, 0, NULL);                                         \
    } while (0)

/* Ends the program unless a call returns what is expected. The handle is the one with records. */
#define IS(expected, handle, call)                                                                 \
    do {                                                                                           \
        int32_t code_ = (call);                                                                    \
        if (code_ != (expected))                                                                   \
            fail(__FILE__, __LINE__, #call, code_, handle);                                        \
    } while (0)

#define OK(handle, call) IS(APILINK_SUCCESS, handle, call)
#define INFO(handle, call) IS(APILINK_SUCCESS_WITH_INFO, handle, call)
#define NONE(handle, call) IS(APILINK_NO_DATA, handle, call)
#define INVALID(call) IS(APILINK_INVALID_HANDLE, NULL, call)

/* Ends the program unless a call fails with this SQLSTATE. */
#define FAILS(state, handle, call)                                                                 \
    do {                                                                                           \
        int32_t code_ = (call);                                                                    \
        if (code_ != APILINK_ERROR || !has_state(handle, state))                                   \
            fail(__FILE__, __LINE__, #call " with " state, code_, handle);                         \
    } while (0)

#define NTS APILINK_NTS

static inline void fail(const char *file, int line, const char *what, int32_t code,
                        const void *handle)
{
    char sqlstate[6], message[1024];
    int32_t number, native_code;

    fprintf(stderr, "%s:%d: %s: %" PRId32 "\n", file, line, what, code);
    for (number = 1; apilink_diagnostic_get(handle, number, sqlstate, &native_code, message,
                                            sizeof message, NULL) >= 0; number++) {
        if (apilink_diagnostic_get(handle, number, NULL, NULL, NULL, 0, NULL) == APILINK_NO_DATA)
            break;
        fprintf(stderr, "  [%s] (%" PRId32 ") %s\n", sqlstate, native_code, message);
    }
    fflush(NULL);
    _exit(1); /* not exit: what is still allocated is no finding now */
}

/* Whether the first record of a handle has this SQLSTATE. */
static inline int has_state(const void *handle, const char *state)
{
    char found[6] = "";

    return apilink_diagnostic_get(handle, 1, found, NULL, NULL, 0, NULL) == APILINK_SUCCESS &&
           strcmp(found, state) == 0;
}

static inline apilink_connection *new_connection(void)
{
    apilink_connection *connection = NULL;

    OK(NULL, apilink_connection_new(&connection));
    CHECK(connection != NULL);
    return connection;
}

static inline apilink_request *new_request(apilink_connection *connection)
{
    apilink_request *request = NULL;

    OK(connection, apilink_request_new(connection, &request));
    CHECK(request != NULL);
    return request;
}

/* Sends a request and expects this status. A body may be NULL. */
static inline apilink_response *call(apilink_request *request, const char *method, const char *url,
                                     const char *body, int32_t expected)
{
    apilink_response *response = NULL;
    int32_t status = 0;

    OK(request, apilink_request_prepare(request, method, NTS, url, NTS));
    if (body != NULL)
        OK(request, apilink_request_set_body(request, body, NTS, NULL, 0));
    IS(expected < 400 ? APILINK_SUCCESS : APILINK_SUCCESS_WITH_INFO, request,
       apilink_request_execute(request, &response));
    OK(response, apilink_response_status(response, &status));
    if (status != expected)
        fail(__FILE__, __LINE__, url, status, request);
    return response;
}

/* The text at a JSON Pointer. It must be there, and fit. */
static inline const char *text_at(apilink_response *response, const char *pointer, char *buffer,
                                  size_t size)
{
    OK(response, apilink_response_json_text(response, pointer, NTS, buffer, (int64_t)size, NULL));
    return buffer;
}

/* A way to tell the sandbox things: a connection without authorization. */
struct control {
    apilink_connection *connection;
    apilink_request *request;
};

static inline struct control open_control(const char *base)
{
    struct control control;
    char string[512];

    snprintf(string, sizeof string, "ProfileSettings='Region=%s';AuthScheme=None;", base);
    control.connection = new_connection();
    OK(control.connection, apilink_connection_connect(control.connection, string, NTS));
    control.request = new_request(control.connection);
    return control;
}

static inline void close_control(struct control control)
{
    OK(control.request, apilink_request_free(control.request));
    OK(control.connection, apilink_connection_free(control.connection));
}

/* Sends what has a 2xx reply that does not matter. */
static inline void tell(struct control control, const char *method, const char *path,
                        const char *body)
{
    apilink_response *response = NULL;

    OK(control.request, apilink_request_prepare(control.request, method, NTS, path, NTS));
    if (body != NULL)
        OK(control.request, apilink_request_set_body(control.request, body, NTS, NULL, 0));
    OK(control.request, apilink_request_execute(control.request, &response));
    OK(response, apilink_response_free(response));
}

/* Tokens without a login. */
struct tokens {
    char access[256], refresh[256];
};

static inline struct tokens issue_tokens(struct control control, int life)
{
    struct tokens tokens;
    char body[64];
    apilink_response *response;

    snprintf(body, sizeof body, "{\"life\":%d}", life);
    response = call(control.request, "POST", "/_sandbox/tokens", body, 200);
    text_at(response, "/access_token", tokens.access, sizeof tokens.access);
    text_at(response, "/refresh_token", tokens.refresh, sizeof tokens.refresh);
    OK(response, apilink_response_free(response));
    return tokens;
}

#endif /* COMMON_H */
