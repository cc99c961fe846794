/* Uploads a file to a matter, downloads it again, and compares the two.
 *
 *     document FILE COPY [MATTER_ID]
 *
 * An upload has three steps: Clio is told of the document and answers with a signed URL of its
 * storage; the bytes go there; Clio is told that they are complete. The signed URL is an
 * address of another company, so the request for it is made with
 * apilink_request_prepare_signed, which sends no token.
 */
#include "example.h"

/* As text_at, but ends the program where the text would be cut. */
static const char *whole_text_at(apilink_response *response, const char *pointer, char *buffer,
                                 size_t size)
{
    if (strlen(text_at(response, pointer, buffer, size)) + 1 == size) {
        fprintf(stderr, "What %s leads to is too long.\n", pointer);
        exit(EXIT_FAILURE);
    }
    return buffer;
}

/* Step 1: the answer holds the id of the document, and where its bytes go. */
static apilink_response *announce(apilink_request *request, const char *name, const char *matter)
{
    char quoted[2048], body[2560];

    snprintf(body, sizeof body, "{\"data\":{\"name\":%s,\"parent\":{\"id\":%s,\"type\":\"Matter\"}}}",
             json_quote(name, quoted, sizeof quoted), matter);
    return send_json(request, "POST",
                     "documents?fields=id,latest_document_version{uuid,put_url,put_headers}", body);
}

/* Step 2: the bytes, with every header that Clio asks for. */
static void put_bytes(apilink_request *request, apilink_response *document, const char *file)
{
    char url[4096], pointer[128], name[128], value[1024];
    int64_t i, headers = 0;

    whole_text_at(document, "/data/latest_document_version/put_url", url, sizeof url);
    check(apilink_request_prepare_signed(request, "PUT", APILINK_NTS, url, APILINK_NTS), request);
    check(apilink_response_json_length(document, "/data/latest_document_version/put_headers",
                                       APILINK_NTS, &headers), document);
    for (i = 0; i < headers; i++) {
        snprintf(pointer, sizeof pointer,
                 "/data/latest_document_version/put_headers/%" PRId64 "/name", i);
        whole_text_at(document, pointer, name, sizeof name);
        snprintf(pointer, sizeof pointer,
                 "/data/latest_document_version/put_headers/%" PRId64 "/value", i);
        whole_text_at(document, pointer, value, sizeof value);
        check(apilink_request_add_header(request, name, APILINK_NTS, value, APILINK_NTS), request);
    }
    check(apilink_request_set_body_file(request, file, APILINK_NTS, NULL, 0), request);
    apilink_response_free(execute(request));
}

/* Step 3: the upload is complete. */
static void complete(apilink_request *request, apilink_response *document, const char *id)
{
    char path[128], uuid[64], body[256];

    snprintf(path, sizeof path, "documents/%s?fields=id", id);
    snprintf(body, sizeof body, "{\"data\":{\"uuid\":\"%s\",\"fully_uploaded\":true}}",
             whole_text_at(document, "/data/latest_document_version/uuid", uuid, sizeof uuid));
    apilink_response_free(send_json(request, "PATCH", path, body));
}

/* Clio answers with a redirect to its storage, which is followed without the token. */
static int64_t download(apilink_request *request, const char *id, const char *file)
{
    char path[128];
    apilink_response *response;
    int64_t written = 0;

    snprintf(path, sizeof path, "documents/%s/download", id);
    response = get(request, path);
    check(apilink_response_save(response, file, APILINK_NTS, &written), response);
    apilink_response_free(response);
    return written;
}

static FILE *open_file(const char *name)
{
    FILE *file = fopen(name, "rb");

    if (file == NULL) {
        perror(name);
        exit(EXIT_FAILURE);
    }
    return file;
}

static int are_equal(const char *one, const char *other)
{
    FILE *a = open_file(one), *b = open_file(other);
    int x, y;

    do {
        x = getc(a);
        y = getc(b);
    } while (x == y && x != EOF);
    fclose(a);
    fclose(b);
    return x == y;
}

/* The file's name without its directory. */
static const char *base_name(const char *path)
{
    const char *name = path;

    for (; *path != '\0'; path++)
        if (*path == '/' || *path == '\\')
            name = path + 1;
    return name;
}

int main(int argc, char **argv)
{
    const char *string = connection_string(&argc, argv);
    apilink_connection *connection = NULL;
    apilink_request *request = NULL;
    apilink_response *matters, *document;
    char matter[24], id[24];

    if (argc < 3) {
        fprintf(stderr, "usage: %s FILE COPY [MATTER_ID]\n", argv[0]);
        return EXIT_FAILURE;
    }
    check(apilink_connection_new(&connection), NULL);
    check(apilink_connection_connect(connection, string, APILINK_NTS), connection);
    check(apilink_request_new(connection, &request), connection);

    if (argc > 3) {
        snprintf(matter, sizeof matter, "%s", argv[3]);
    } else {
        matters = get(request, "matters?fields=id&limit=1&order=id(asc)");
        cell(matters, 0, "id", matter, sizeof matter);
        apilink_response_free(matters);
    }

    document = announce(request, base_name(argv[1]), matter);
    whole_text_at(document, "/data/id", id, sizeof id);
    put_bytes(request, document, argv[1]);
    complete(request, document, id);
    apilink_response_free(document);
    printf("Uploaded %s to matter %s as document %s\n", argv[1], matter, id);

    printf("Downloaded %" PRId64 " bytes to %s\n", download(request, id, argv[2]), argv[2]);
    if (!are_equal(argv[1], argv[2])) {
        printf("The files differ\n");
        return EXIT_FAILURE;
    }
    printf("The files are equal\n");

    apilink_request_free(request);
    apilink_connection_free(connection);
    return EXIT_SUCCESS;
}
