/* The benchmark's work by means of libcurl: one handle for each thread, used again and again, so
 * that its connection is kept. It sends what apilink sends. */
#include "bench.h"

#include <curl/curl.h>

struct client {
    CURL *curl;
    struct curl_slist *headers;
    char *body;
    size_t length, capacity;
    FILE *file;
};

static void check(CURLcode code)
{
    if (code != CURLE_OK)
        die(curl_easy_strerror(code));
}

static size_t keep(char *data, size_t size, size_t count, void *argument)
{
    struct client *client = argument;
    size_t length = size * count;

    if (client->length + length > client->capacity) {
        client->capacity = (client->length + length) * 2;
        client->body = realloc(client->body, client->capacity);
        if (client->body == NULL)
            die("out of memory");
    }
    memcpy(client->body + client->length, data, length);
    client->length += length;
    return length;
}

static void add_header(struct client *client, const char *name, const char *value)
{
    char line[1024];

    snprintf(line, sizeof line, "%s: %s", name, value);
    client->headers = curl_slist_append(client->headers, line);
}

static void *client_open(void)
{
    struct client *client = calloc(1, sizeof *client);
    char bearer[512];

    if (client == NULL || (client->curl = curl_easy_init()) == NULL)
        die("out of memory");
    snprintf(bearer, sizeof bearer, "Bearer %s", environment("BENCH_TOKEN"));
    add_header(client, "Authorization", bearer);
    add_header(client, "Accept", "application/json");
    add_header(client, "X-API-VERSION", environment("BENCH_API_VERSION"));
    check(curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers));
    check(curl_easy_setopt(client->curl, CURLOPT_USERAGENT, "libcurl"));
    check(curl_easy_setopt(client->curl, CURLOPT_ACCEPT_ENCODING, "gzip"));
    check(curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L));
    return client;
}

static void client_close(void *argument)
{
    struct client *client = argument;

    curl_easy_cleanup(client->curl);
    curl_slist_free_all(client->headers);
    free(client->body);
    free(client);
}

/* The path as apilink takes it, without the suffix of the service. */
static void set_url(struct client *client, const char *path)
{
    char url[2048];
    size_t end = strcspn(path, "?");

    snprintf(url, sizeof url, "%s/%.*s.json%s", environment("BENCH_BASE"), (int)end, path,
             path + end);
    check(curl_easy_setopt(client->curl, CURLOPT_URL, url));
}

static void perform(struct client *client)
{
    long status;

    check(curl_easy_perform(client->curl));
    check(curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status));
    if (status != 200)
        die("the status is not 200");
}

static void client_get(void *argument, const char *path, struct worker *worker)
{
    struct client *client = argument;

    client->length = 0;
    set_url(client, path);
    check(curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, keep));
    check(curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client));
    perform(client);
    take_ids(client->body, client->length, worker);
}

/* A token in CURLOPT_HTTPHEADER would go along to other hosts before libcurl 7.58; later ones
 * keep it to the host and port that it was meant for. */
static int64_t client_download(void *argument, const char *path, const char *file)
{
    struct client *client = argument;
    int64_t length;

    client->file = fopen(file, "wb");
    if (client->file == NULL)
        die("the file cannot be opened");
    set_url(client, path);
    check(curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, NULL));
    check(curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client->file));
    check(curl_easy_setopt(client->curl, CURLOPT_FOLLOWLOCATION, 1L));
    perform(client);
    length = ftell(client->file);
    if (fclose(client->file) != 0)
        die("the file cannot be written");
    return length;
}

int main(int argc, char **argv)
{
    int code;

    check(curl_global_init(CURL_GLOBAL_DEFAULT));
    code = run(argc, argv);
    if (code < 0)
        die("usage: see bench.h");
    return code;
}
