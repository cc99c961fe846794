/* A forked child has none of its parent's handles, and makes its own.
 *
 *     forks BASE_URL DIRECTORY
 *
 * What the child inherited it must not touch, not even to free it: so for a child, memory that
 * nothing leads to is no finding. That is why this is a program of its own. */
#include "common.h"

#include <sys/wait.h>

static apilink_response *who_am_i(apilink_request *request)
{
    return call(request, "GET", "users/who_am_i", NULL, 200);
}

static void be_a_child(const char *string, apilink_connection *connection,
                       apilink_request *request, apilink_response *response)
{
    int32_t number = -7;
    apilink_response *other = NULL;

    INVALID(apilink_diagnostic_count(connection, &number));
    INVALID(apilink_connection_is_connected(connection, &number));
    INVALID(apilink_connection_cancel(connection));
    INVALID(apilink_connection_disconnect(connection));
    INVALID(apilink_request_execute(request, &other));
    INVALID(apilink_request_next_page(request, response, &other));
    INVALID(apilink_response_status(response, &number));
    INVALID(apilink_response_free(response));
    INVALID(apilink_request_free(request));
    INVALID(apilink_connection_free(connection));

    connection = new_connection();
    OK(connection, apilink_connection_connect(connection, string, NTS));
    request = new_request(connection);
    response = who_am_i(request);
    OK(NULL, apilink_connection_free(connection));
    OK(NULL, apilink_request_free(request));
    OK(NULL, apilink_response_free(response));
}

int main(int argc, char **argv)
{
    struct control control;
    apilink_connection *connection = new_connection();
    apilink_request *request;
    apilink_response *response;
    char string[1024];
    int i, status = -7;

    if (argc != 3) {
        fprintf(stderr, "usage: %s BASE_URL DIRECTORY\n", argv[0]);
        return 2;
    }
    control = open_control(argv[1]);
    snprintf(string, sizeof string,
             "ProfileSettings='Region=%s';AuthScheme=OAuth;OAuthAccessToken=%s", argv[1],
             issue_tokens(control, 3600).access);
    OK(connection, apilink_connection_connect(connection, string, NTS));
    request = new_request(connection);
    response = who_am_i(request);
    for (i = 0; i < 5; i++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            be_a_child(string, connection, request, response);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    OK(response, apilink_response_free(response));
    response = who_am_i(request); /* the parent goes on as before */
    OK(response, apilink_response_free(response));
    OK(request, apilink_request_free(request));
    OK(connection, apilink_connection_free(connection));
    close_control(control);
    return 0;
}
