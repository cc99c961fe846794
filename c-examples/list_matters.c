/* Lists all matters, page by page, with their clients.
 *
 *     list_matters [open|pending|closed]
 *
 * Clio sends at most 200 records in one reply. A reply says where the next page is, and
 * apilink_request_next_page fetches that. order=id(asc) makes Clio page without an upper end.
 * A client is a record of its own: fields=client{name} brings its name along.
 */
#include "example.h"

static void print_page(apilink_response *page)
{
    char id[24], number[32], status[12], client[64];
    int64_t row, rows = row_count(page);

    for (row = 0; row < rows; row++)
        printf("%s\t%s\t%s\t%s\n",
               cell(page, row, "id", id, sizeof id),
               cell(page, row, "display_number", number, sizeof number),
               cell(page, row, "status", status, sizeof status),
               cell(page, row, "client/name", client, sizeof client));
}

int main(int argc, char **argv)
{
    const char *string = connection_string(&argc, argv);
    apilink_connection *connection = NULL;
    apilink_request *request = NULL;
    apilink_response *page, *next;
    int64_t count = 0, total = 0;
    int32_t code, pages = 0;

    check(apilink_connection_new(&connection), NULL);
    check(apilink_connection_connect(connection, string, APILINK_NTS), connection);
    check(apilink_request_new(connection, &request), connection);

    check(apilink_request_prepare(request, "GET", APILINK_NTS,
                                  "matters?limit=200&order=id(asc)"
                                  "&fields=id,display_number,status,client{name}",
                                  APILINK_NTS), request);
    if (argc > 1)
        check(apilink_request_add_query(request, "status", APILINK_NTS, argv[1], APILINK_NTS),
              request);
    page = execute(request);
    if (apilink_response_json_integer(page, "/meta/records", APILINK_NTS, &total)
        == APILINK_SUCCESS)
        fprintf(stderr, "%" PRId64 " matters are to come.\n", total);

    for (;;) {
        int32_t status = 0;

        print_page(page);
        count += row_count(page);
        pages++;
        code = apilink_request_next_page(request, page, &next);
        apilink_response_free(page);
        if (code == APILINK_NO_DATA)
            break; /* that was the last page */
        check(code, request);
        page = next;
        check(apilink_response_status(page, &status), page);
        if (status >= 400)
            return EXIT_FAILURE; /* check has printed what the service says */
    }
    printf("%" PRId64 " matters on %" PRId32 " pages\n", count, pages);

    apilink_request_free(request);
    apilink_connection_free(connection);
    return EXIT_SUCCESS;
}
