/* Creates a contact, changes it, shows how a change of somebody else is noticed, and deletes the
 * contact again.
 *
 *     contact [FIRST_NAME LAST_NAME]
 *
 * Every record of Clio has an ETag, which changes with the record. A PATCH with If-Match is
 * refused with 412 when the record is not what it was when it was read, so that nothing that
 * somebody else wrote is overwritten unseen.
 */
#include "example.h"

/* Changes the record, if it still is what the ETag says. Returns the HTTP status. */
static int32_t change(apilink_request *request, const char *path, const char *etag,
                      const char *json)
{
    apilink_response *response = NULL;
    int32_t status = 0;

    check(apilink_request_prepare(request, "PATCH", APILINK_NTS, path, APILINK_NTS), request);
    check(apilink_request_add_header(request, "If-Match", APILINK_NTS, etag, APILINK_NTS),
          request);
    check(apilink_request_set_body(request, json, APILINK_NTS, "application/json", APILINK_NTS),
          request);
    check(apilink_request_execute(request, &response), request);
    check(apilink_response_status(response, &status), response);
    apilink_response_free(response);
    return status;
}

int main(int argc, char **argv)
{
    const char *string = connection_string(&argc, argv);
    apilink_connection *connection = NULL;
    apilink_request *request = NULL;
    apilink_response *response;
    char first[300], last[300], body[1024], path[100], text[100], etag[100];
    int64_t id = 0;
    int32_t status;

    check(apilink_connection_new(&connection), NULL);
    check(apilink_connection_connect(connection, string, APILINK_NTS), connection);
    check(apilink_request_new(connection, &request), connection);

    /* Create. What is sent stands in "data", and fields says what shall come back. */
    json_quote(argc > 2 ? argv[1] : "Ada", first, sizeof first);
    json_quote(argc > 2 ? argv[2] : "Lovelace", last, sizeof last);
    snprintf(body, sizeof body,
             "{\"data\":{\"type\":\"Person\",\"first_name\":%s,\"last_name\":%s}}", first, last);
    response = send_json(request, "POST", "contacts?fields=id,name", body);
    check(apilink_response_json_integer(response, "/data/id", APILINK_NTS, &id), response);
    printf("Created contact %" PRId64 ": %s\n", id,
           text_at(response, "/data/name", text, sizeof text));
    apilink_response_free(response);

    /* Read it, and keep its ETag. */
    snprintf(path, sizeof path, "contacts/%" PRId64 "?fields=id,etag,name,title", id);
    response = get(request, path);
    check(apilink_response_header(response, "ETag", APILINK_NTS, 0, etag, sizeof etag, NULL),
          response);
    apilink_response_free(response);

    /* Change it. */
    status = change(request, path, etag, "{\"data\":{\"title\":\"Countess\"}}");
    printf("First change: %" PRId32 "\n", status);

    /* Once more with the same ETag: the record is a newer one by now, and 412 says so. */
    status = change(request, path, etag, "{\"data\":{\"title\":\"Analyst\"}}");
    printf("Second change with the old ETag: %" PRId32 "\n", status);

    response = get(request, path);
    printf("The title is %s\n", text_at(response, "/data/title", text, sizeof text));
    apilink_response_free(response);

    snprintf(path, sizeof path, "contacts/%" PRId64, id);
    check(apilink_request_prepare(request, "DELETE", APILINK_NTS, path, APILINK_NTS), request);
    apilink_response_free(execute(request));
    printf("Deleted contact %" PRId64 "\n", id);

    apilink_request_free(request);
    apilink_connection_free(connection);
    return EXIT_SUCCESS;
}
