/* What the examples share, in plain C99. Copy from here what your program can use.
 *
 * The functions that end the program after an error keep the examples short;
 * error_handling.c shows how a program goes on instead.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#ifdef _MSC_VER
#define _CRT_SECURE_NO_WARNINGS
#endif

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apilink.h>

/* Prints the diagnostic records that the last call on a handle left behind. */
static inline void print_records(const void *handle)
{
    char sqlstate[6], message[2048];
    int32_t number, native_code;

    for (number = 1;; number++) {
        int32_t code = apilink_diagnostic_get(handle, number, sqlstate, &native_code, message,
                                              sizeof message, NULL);
        if (code != APILINK_SUCCESS && code != APILINK_SUCCESS_WITH_INFO)
            return;
        fprintf(stderr, "[%s] (%" PRId32 ") %s\n", sqlstate, native_code, message);
    }
}

/* Whether a call was successful. Prints its records, warnings too. */
static inline int succeeded(int32_t code, const void *handle)
{
    if (code == APILINK_INVALID_HANDLE)
        fprintf(stderr, "The handle is not valid.\n");
    else if (code == APILINK_ERROR || code == APILINK_SUCCESS_WITH_INFO)
        print_records(handle);
    return code == APILINK_SUCCESS || code == APILINK_SUCCESS_WITH_INFO;
}

/* Ends the program unless a call was successful. The system closes what is open. */
static inline void check(int32_t code, const void *handle)
{
    if (!succeeded(code, handle))
        exit(EXIT_FAILURE);
}

/* Finds the connection string: the first argument if that is one (it holds a "="), or the file
 * that an argument @FILE names, or else the environment variable APILINK_CONNECTION_STRING.
 * Prefer the last two: other users of the machine can see the arguments of a program.
 * Takes what it used off the arguments. */
static inline const char *connection_string(int *argc, char **argv)
{
    static char text[65536 + 1];
    const char *given = *argc > 1 ? argv[1] : "";
    int i;

    if (given[0] == '@') {
        FILE *file = fopen(given + 1, "rb");
        if (file == NULL) {
            perror(given + 1);
            exit(EXIT_FAILURE);
        }
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        given = text;
    } else if (strchr(given, '=') == NULL) {
        given = getenv("APILINK_CONNECTION_STRING");
        if (given == NULL) {
            fprintf(stderr, "usage: %s CONNECTION_STRING | @FILE\n"
                            "or set APILINK_CONNECTION_STRING\n", argv[0]);
            exit(EXIT_FAILURE);
        }
        return given;
    }
    for (i = 1; i < *argc; i++)
        argv[i] = argv[i + 1]; /* the one after the last is NULL */
    --*argc;
    return given;
}

/* Executes a request that has been prepared. Ends the program unless the status is below 400. */
static inline apilink_response *execute(apilink_request *request)
{
    apilink_response *response = NULL;
    int32_t status = 0;

    check(apilink_request_execute(request, &response), request);
    check(apilink_response_status(response, &status), response);
    if (status >= 400)
        exit(EXIT_FAILURE); /* check has printed what the service says */
    return response;
}

/* GETs a path below the base of the API. */
static inline apilink_response *get(apilink_request *request, const char *path)
{
    check(apilink_request_prepare(request, "GET", APILINK_NTS, path, APILINK_NTS), request);
    return execute(request);
}

/* Sends JSON to a path below the base of the API. */
static inline apilink_response *send_json(apilink_request *request, const char *method,
                                          const char *path, const char *json)
{
    check(apilink_request_prepare(request, method, APILINK_NTS, path, APILINK_NTS), request);
    check(apilink_request_set_body(request, json, APILINK_NTS, NULL, 0), request);
    return execute(request);
}

/* The text at a JSON Pointer of a response; empty if there is none. Longer text is cut. */
static inline const char *text_at(apilink_response *response, const char *pointer, char *buffer,
                                  size_t size)
{
    int32_t code = apilink_response_json_text(response, pointer, APILINK_NTS, buffer,
                                              (int64_t)size, NULL);
    if (code == APILINK_NO_DATA)
        buffer[0] = '\0';
    else if (code != APILINK_SUCCESS_WITH_INFO)
        check(code, response);
    return buffer;
}

/* The text in a column of a row of a list: what the JSON Pointer /data/ROW/COLUMN leads to. */
static inline const char *cell(apilink_response *page, int64_t row, const char *column,
                               char *buffer, size_t size)
{
    char pointer[128];

    snprintf(pointer, sizeof pointer, "/data/%" PRId64 "/%s", row, column);
    return text_at(page, pointer, buffer, size);
}

/* Prints text as a column of a table. printf alone would count the bytes of "é", which has two. */
static inline void print_column(const char *text, int width)
{
    const char *c;

    for (c = text; *c != '\0'; c++)
        width += ((unsigned char)*c & 0xC0) == 0x80;
    printf("%-*s ", width, text);
}

/* The number of rows of a list. */
static inline int64_t row_count(apilink_response *page)
{
    int64_t count = 0;

    check(apilink_response_json_length(page, "/data", APILINK_NTS, &count), page);
    return count;
}

/* Writes text as a JSON string, quotes included. Ends the program if it does not fit. */
static inline const char *json_quote(const char *text, char *buffer, size_t size)
{
    size_t used = 0;
    const unsigned char *c;

    if (size < strlen(text) * 6 + 3) {
        fprintf(stderr, "The text is too long.\n");
        exit(EXIT_FAILURE);
    }
    buffer[used++] = '"';
    for (c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\' || *c < 0x20)
            used += (size_t)snprintf(buffer + used, size - used, "\\u%04x", (unsigned)*c);
        else
            buffer[used++] = (char)*c;
    }
    buffer[used++] = '"';
    buffer[used] = '\0';
    return buffer;
}

#endif /* EXAMPLE_H */
