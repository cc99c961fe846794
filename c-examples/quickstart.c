/* Connects to Clio, says who is logged in and until when, and lists the first matters.
 *
 * The first run opens the browser for the login. Later runs use the token that it left.
 */
#include <time.h>

#include "example.h"

int main(int argc, char **argv)
{
    const char *string = connection_string(&argc, argv);
    apilink_connection *connection = NULL;
    apilink_request *request = NULL;
    apilink_response *user, *matters;
    char text[100];
    int64_t expiry, row;

    check(apilink_connection_new(&connection), NULL);
    check(apilink_connection_connect(connection, string, APILINK_NTS), connection);
    check(apilink_request_new(connection, &request), connection);

    user = get(request, "users/who_am_i?fields=name");
    printf("Logged in as %s\n", text_at(user, "/data/name", text, sizeof text));

    if (apilink_token_expiry(connection, &expiry) == APILINK_SUCCESS) {
        time_t end = (time_t)expiry;
        strftime(text, sizeof text, "%Y-%m-%d %H:%M", gmtime(&end));
        printf("The token expires at %s UTC\n", text);
    }

    matters = get(request, "matters?limit=10&order=id(asc)"
                           "&fields=display_number,status,description,client{name}");
    printf("\n%-18s %-8s %-30s %s\n", "Matter", "Status", "Client", "Description");
    for (row = 0; row < row_count(matters); row++) {
        print_column(cell(matters, row, "display_number", text, sizeof text), 18);
        print_column(cell(matters, row, "status", text, sizeof text), 8);
        print_column(cell(matters, row, "client/name", text, sizeof text), 30);
        puts(cell(matters, row, "description", text, sizeof text));
    }

    apilink_response_free(matters);
    apilink_response_free(user);
    apilink_request_free(request);
    apilink_connection_free(connection);
    return EXIT_SUCCESS;
}
