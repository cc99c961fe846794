/* Logs in from a machine without a browser, such as a server that is reached by ssh.
 *
 * Prints a URL. Open it on any machine, allow the access, and copy the address that the browser
 * ends at (the page itself need not load) or just the code in it. Later programs connect with
 * the same connection string and are not asked again.
 */
#include "example.h"

int main(int argc, char **argv)
{
    const char *string = connection_string(&argc, argv);
    apilink_connection *connection = NULL;
    apilink_request *request = NULL;
    apilink_response *user;
    char url[2048], answer[4096], name[100];

    check(apilink_connection_new(&connection), NULL);
    check(apilink_authorization_url(connection, string, APILINK_NTS, NULL, 0, url, sizeof url,
                                    NULL), connection);
    printf("Open this address in a browser:\n\n%s\n\n"
           "Then paste the address that it ends at, or the code: ", url);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        fprintf(stderr, "There is no answer.\n");
        return EXIT_FAILURE;
    }
    answer[strcspn(answer, "\r\n")] = '\0';

    /* Puts the token into the token store. Where the answer is an address, its state is compared
     * with that of the URL above. */
    check(apilink_authorization_exchange(connection, string, APILINK_NTS, answer, APILINK_NTS),
          connection);

    check(apilink_connection_connect(connection, string, APILINK_NTS), connection);
    check(apilink_request_new(connection, &request), connection);
    user = get(request, "users/who_am_i?fields=name");
    printf("\nLogged in as %s\n", text_at(user, "/data/name", name, sizeof name));

    apilink_response_free(user);
    apilink_request_free(request);
    apilink_connection_free(connection);
    return EXIT_SUCCESS;
}
