/* Prints the access token, fresh and ready to use in another program, to standard output:
 *
 *     curl -H "Authorization: Bearer $(./get_token)" https://app.clio.com/api/v4/users/who_am_i
 *
 * Type, scope and expiry go to standard error. With the argument --refresh, the token is
 * refreshed first, whatever its age.
 */
#include <time.h>

#include "example.h"

/* A token has no fixed length, so ask for it before making room. Another thread could have the
 * token refreshed between the two calls; the loop then makes more room. */
static char *token_of(apilink_connection *connection)
{
    char *token = NULL;
    int64_t capacity = 0, length = 0;
    int32_t code = apilink_token_text(connection, NULL, 0, &length);

    if (code == APILINK_NO_DATA) {
        fprintf(stderr, "AuthScheme=None has no token.\n");
        exit(EXIT_FAILURE);
    }
    for (check(code, connection); length >= capacity;
         check(apilink_token_text(connection, token, capacity, &length), connection)) {
        capacity = length + 1;
        token = realloc(token, (size_t)capacity);
        if (token == NULL) {
            fprintf(stderr, "Out of memory.\n");
            exit(EXIT_FAILURE);
        }
    }
    return token;
}

int main(int argc, char **argv)
{
    const char *string = connection_string(&argc, argv);
    apilink_connection *connection = NULL;
    char text[256], *token;
    int64_t expiry;

    check(apilink_connection_new(&connection), NULL);
    check(apilink_connection_connect(connection, string, APILINK_NTS), connection);

    if (argc > 1 && strcmp(argv[1], "--refresh") == 0)
        check(apilink_token_refresh(connection), connection);

    token = token_of(connection);
    if (apilink_token_type(connection, text, sizeof text, NULL) == APILINK_SUCCESS)
        fprintf(stderr, "type:    %s\n", text);
    if (apilink_token_scope(connection, text, sizeof text, NULL) == APILINK_SUCCESS)
        fprintf(stderr, "scope:   %s\n", text);
    if (apilink_token_expiry(connection, &expiry) == APILINK_SUCCESS)
        fprintf(stderr, "expires: in %" PRId64 " seconds\n", expiry - (int64_t)time(NULL));
    puts(token);

    free(token);
    apilink_connection_free(connection);
    return EXIT_SUCCESS;
}
