/* How a web application serves many users: each logs in in a browser of their own, and has a token
 * store and a connection of their own.
 *
 *     many_users DIRECTORY USER...
 *
 * The connection string has the application's OAuthClientId, OAuthClientSecret and CallbackURL,
 * and no InitiateOAuth and OAuthSettingsLocation: these are set here. A web server would run
 * begin_login, finish_login and who in three requests, perhaps in three processes; what has to
 * be kept between them is the state, in the user's session. Here the login URLs are printed, and
 * the addresses that the browsers are redirected to are read from standard input, in any order.
 *
 * A user who has logged in before is not asked again.
 */
#ifdef _WIN32
#define _CRT_RAND_S
#endif

#include "example.h"

enum { MAX_USERS = 100 };

struct session {
    const char *user;
    char state[33];   /* what the redirect is recognized by */
    char string[4096]; /* the connection string of this user */
    apilink_connection *connection;
};

/* 32 random hexadecimal digits that nobody can guess. */
static void random_state(char state[33])
{
    unsigned char bytes[16];
    size_t i;
#ifdef _WIN32
    for (i = 0; i < sizeof bytes; i++) {
        unsigned int number;
        if (rand_s(&number) != 0)
            exit(EXIT_FAILURE);
        bytes[i] = (unsigned char)number;
    }
#else
    FILE *random = fopen("/dev/urandom", "rb");
    if (random == NULL || fread(bytes, sizeof bytes, 1, random) != 1) {
        perror("/dev/urandom");
        exit(EXIT_FAILURE);
    }
    fclose(random);
#endif
    for (i = 0; i < sizeof bytes; i++)
        snprintf(state + 2 * i, 3, "%02x", bytes[i]);
}

/* The name becomes the name of a file, so it must be a harmless one. */
static void start_session(struct session *session, const char *user, const char *directory,
                          const char *string)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    int length;

    if (user[0] == '\0' || user[strspn(user, allowed)] != '\0' || strchr(directory, '"') != NULL) {
        fprintf(stderr, "%s in %s cannot be the name of a file here.\n", user, directory);
        exit(EXIT_FAILURE);
    }
    session->user = user;
    random_state(session->state);
    /* What stands first counts. REFRESH: a server must not open a browser. */
    length = snprintf(session->string, sizeof session->string,
                      "InitiateOAuth=REFRESH;OAuthSettingsLocation=\"%s/%s.txt\";State=%s;%s",
                      directory, user, session->state, string);
    if (length < 0 || (size_t)length >= sizeof session->string) {
        fprintf(stderr, "The connection string is too long.\n");
        exit(EXIT_FAILURE);
    }
}

/* Connects with the token of the user, if there is one. Returns 0 when a login is needed. */
static int connect_user(struct session *session)
{
    char sqlstate[6] = "";
    int32_t code;

    if (session->connection == NULL)
        check(apilink_connection_new(&session->connection), NULL);
    code = apilink_connection_connect(session->connection, session->string, APILINK_NTS);
    if (code == APILINK_ERROR) {
        apilink_diagnostic_get(session->connection, 1, sqlstate, NULL, NULL, 0, NULL);
        if (strcmp(sqlstate, "28000") == 0)
            return 0;
    }
    check(code, session->connection);
    return 1;
}

/* Where the application sends the browser of the user. */
static void begin_login(const struct session *session)
{
    apilink_connection *helper = NULL;
    char url[2048];

    check(apilink_connection_new(&helper), NULL);
    check(apilink_authorization_url(helper, session->string, APILINK_NTS, session->state,
                                    APILINK_NTS, url, sizeof url, NULL), helper);
    printf("%s logs in at %s\n", session->user, url);
    apilink_connection_free(helper);
}

/* What the application does with the address that the browser comes back to. The library compares
 * its state with the property State. */
static void finish_login(const struct session *session, const char *redirected)
{
    apilink_connection *helper = NULL;

    check(apilink_connection_new(&helper), NULL);
    check(apilink_authorization_exchange(helper, session->string, APILINK_NTS, redirected,
                                         APILINK_NTS), helper);
    apilink_connection_free(helper);
}

/* The session that a redirect belongs to, or NULL: a state that nobody has, and perhaps an attack. */
static struct session *session_of(const char *redirected, struct session *sessions, int count)
{
    const char *state = strstr(redirected, "state=");
    int i;

    for (i = 0; state != NULL && i < count; i++)
        if (strncmp(state + strlen("state="), sessions[i].state, 32) == 0)
            return &sessions[i];
    return NULL;
}

static void print_who(const struct session *session)
{
    apilink_request *request = NULL;
    apilink_response *response;
    char name[100];

    check(apilink_request_new(session->connection, &request), session->connection);
    response = get(request, "users/who_am_i?fields=name");
    printf("%s is %s\n", session->user, text_at(response, "/data/name", name, sizeof name));
    apilink_response_free(response);
    apilink_request_free(request);
}

int main(int argc, char **argv)
{
    static struct session sessions[MAX_USERS];
    const char *string = connection_string(&argc, argv);
    char redirected[4096];
    int i, count = argc - 2, waiting = 0;

    if (count < 1 || count > MAX_USERS) {
        fprintf(stderr, "usage: %s DIRECTORY USER... (at most %d)\n", argv[0], MAX_USERS);
        return EXIT_FAILURE;
    }
    for (i = 0; i < count; i++) {
        start_session(&sessions[i], argv[i + 2], argv[1], string);
        if (!connect_user(&sessions[i])) {
            begin_login(&sessions[i]);
            waiting++;
        }
    }
    fflush(stdout);

    while (waiting > 0 && fgets(redirected, sizeof redirected, stdin) != NULL) {
        struct session *session = session_of(redirected, sessions, count);

        redirected[strcspn(redirected, "\r\n")] = '\0';
        if (session == NULL) {
            fprintf(stderr, "This login was not begun here.\n");
            continue;
        }
        finish_login(session, redirected);
        if (connect_user(session))
            waiting--;
    }
    if (waiting > 0) {
        fprintf(stderr, "Not everybody has logged in.\n");
        return EXIT_FAILURE;
    }

    /* All are connected at the same time. Each could be used by a thread of its own. */
    for (i = 0; i < count; i++)
        print_who(&sessions[i]);
    for (i = 0; i < count; i++)
        apilink_connection_free(sessions[i].connection);
    return EXIT_SUCCESS;
}
