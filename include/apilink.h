/*
 * apilink: data of OAuth-protected web services, for programs that are not written for the web.
 *
 * This file is the reference of the C interface. It is generated from src/ (make header).
 *
 * Conventions, in the manner of ODBC:
 *  - Every function that can fail returns APILINK_SUCCESS, APILINK_SUCCESS_WITH_INFO,
 *    APILINK_NO_DATA, APILINK_ERROR or APILINK_INVALID_HANDLE. After an error, and after
 *    ..._WITH_INFO, apilink_diagnostic_get reads from the same handle what happened.
 *  - Text is UTF-8, at most 1 MiB of it. A length is a number of bytes; -1 (APILINK_NTS) says that
 *    a NUL ends the text. NULL with the length 0 is empty text.
 *  - Text comes out into a buffer of the caller: always NUL-terminated (if its capacity is not 0),
 *    never cut within a character, and with the full length without the NUL in *length. Text that
 *    was cut is APILINK_SUCCESS_WITH_INFO with 01004. A NULL buffer asks for the length alone. A
 *    capacity below 0 is HY090.
 *  - Out-parameters may be NULL only where it says so; they are left alone after an error and
 *    after APILINK_NO_DATA.
 *  - Memory of the library is never freed by the caller, and the other way round.
 *  - Handles are tokens, not addresses: a freed or foreign one is answered with
 *    APILINK_INVALID_HANDLE. They may be freed in any order, from any thread. A call that
 *    runs on a handle while it is freed returns APILINK_ERROR, and its records are gone with the
 *    handle.
 *  - Every function may be called from any thread. Calls on different handles run side by side;
 *    calls on one request or response that overlap get HY010. apilink_..._cancel works from any
 *    thread and never waits. Diagnostic records belong to the handle of the call.
 *  - Nothing is written to the program's standard output or error, no signal handler, locale or
 *    environment variable is changed. The calling thread, or threads of the library's own (16 at
 *    most, and two more for each token that is being refreshed), do the input and output. SIGPIPE
 *    is blocked in them while they do. A thread that calls needs a stack of 128 KiB.
 *  - HTTP errors are replies: APILINK_SUCCESS_WITH_INFO with a response. APILINK_ERROR says that
 *    there is no reply. A good reply that comes with a warning is APILINK_SUCCESS_WITH_INFO too:
 *    look at its status.
 *  - Every function can fail with HY000 as well, where the library has a bug.
 *  - It needs C99, or C++11, or later.
 */


#ifndef APILINK_H
#define APILINK_H

#include <stdint.h>

/* Version of this header. Compare it with apilink_version() at run time. */
#define APILINK_VERSION "0.1.0"
#define APILINK_VERSION_MAJOR 0
#define APILINK_VERSION_MINOR 1
#define APILINK_VERSION_PATCH 0

// Version of the binary interface. It grows with every incompatible change.
#define APILINK_ABI_VERSION 1

// The call did what was asked.
#define APILINK_SUCCESS 0

// The call did what was asked, and left diagnostic records with something to know.
#define APILINK_SUCCESS_WITH_INFO 1

// There is nothing (more) to be had. Not an error; no record is left.
#define APILINK_NO_DATA 100

// The call failed. Its diagnostic records say why; the handle can be used further.
#define APILINK_ERROR (-1)

// The handle is NULL, freed, of another type, or of another process. No record is left.
#define APILINK_INVALID_HANDLE (-2)

// A length that stands for "up to the NUL".
#define APILINK_NTS (-1)

// null.
#define APILINK_JSON_NULL 0

// true or false.
#define APILINK_JSON_BOOLEAN 1

// A number without fraction and exponent that fits into 64 bits.
#define APILINK_JSON_INTEGER 2

// Any other number.
#define APILINK_JSON_DOUBLE 3

// A string.
#define APILINK_JSON_STRING 4

// An array.
#define APILINK_JSON_ARRAY 5

// An object.
#define APILINK_JSON_OBJECT 6

// Native code of the OAuth error invalid_request.
#define APILINK_OAUTH_INVALID_REQUEST 1001

// Native code of the OAuth error invalid_client: client id or secret are wrong.
#define APILINK_OAUTH_INVALID_CLIENT 1002

// Native code of the OAuth error invalid_grant: a new login is needed.
#define APILINK_OAUTH_INVALID_GRANT 1003

// Native code of the OAuth error unauthorized_client.
#define APILINK_OAUTH_UNAUTHORIZED_CLIENT 1004

// Native code of the OAuth error unsupported_grant_type.
#define APILINK_OAUTH_UNSUPPORTED_GRANT_TYPE 1005

// Native code of the OAuth error invalid_scope.
#define APILINK_OAUTH_INVALID_SCOPE 1006

// Native code of the OAuth error access_denied: the person declined.
#define APILINK_OAUTH_ACCESS_DENIED 1007

// Native code of the OAuth error unsupported_response_type.
#define APILINK_OAUTH_UNSUPPORTED_RESPONSE_TYPE 1008

// Native code of the OAuth error server_error.
#define APILINK_OAUTH_SERVER_ERROR 1009

// Native code of the OAuth error temporarily_unavailable.
#define APILINK_OAUTH_TEMPORARILY_UNAVAILABLE 1010

// Native code of any other error of an authorization server.
#define APILINK_OAUTH_OTHER 1099

// A connection to a service. The pointer is a token that only apilink can read: never follow it.
typedef struct apilink_connection apilink_connection;

// A request on a connection. The pointer is a token that only apilink can read: never follow it.
typedef struct apilink_request apilink_request;

// A reply to a request. The pointer is a token that only apilink can read: never follow it.
typedef struct apilink_response apilink_response;

// Receives one line of the log.
//
// It may be called on any thread, on several at once, and before the call that caused it
// returns; also until the connection, and every request and response of it, has been freed and
// their calls have ended. It may call apilink_version, apilink_abi_version and
// apilink_..._cancel, and nothing else of apilink. It must return soon, and must not unwind or
// longjmp.
//
// @param user_data  as it was given to apilink_connection_set_log_callback.
// @param level      1 to 5, as the property Verbosity.
// @param line       NUL-terminated UTF-8 without a line break and without a secret; valid until
//                   the callback returns.
// @param length     its length in bytes, without the NUL.
typedef void (*apilink_log_callback)(void *user_data,
                                     int32_t level,
                                     const char *line,
                                     int64_t length);

// Shows a person where to authorize the application.
//
// It is called once for a login, on the thread that called apilink_connection_connect, and
// before the library waits for the redirect. It may call apilink_version, apilink_abi_version and
// apilink_..._cancel, and nothing else of apilink. It must return without waiting for the login,
// and must not unwind or longjmp.
//
// @param user_data  as it was given to apilink_connection_set_authorize_callback.
// @param url        NUL-terminated ASCII; valid until the callback returns.
// @param length     its length in bytes, without the NUL.
// @return 0 to wait for the login; anything else to give it up, and the connect returns HY008.
typedef int32_t (*apilink_authorize_callback)(void *user_data, const char *url, int64_t length);

// Delivers the next bytes of a request body.
//
// It is called on the thread that called apilink_request_execute, while that call runs. It may
// call everything of apilink but, on the same request, only apilink_request_cancel. It must not
// unwind or longjmp. A callback that blocks is not interrupted by a cancel.
//
// @param user_data  as it was given to apilink_request_set_body_callback.
// @param buffer     where to put the bytes; valid until the callback returns.
// @param capacity   how many bytes fit, at least 1.
// @return the number of bytes, 0 at the end, or a negative number to give the request up: it then
//         fails with HY000.
typedef int64_t (*apilink_read_callback)(void *user_data, void *buffer, int64_t capacity);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Version of the library as text, such as "0.1.0".
//
// Compare it with APILINK_VERSION, the version of the header that the program was compiled with.
//
// @return static text: never NULL, and never to be freed. Threads: any.
const char *apilink_version(void);

// Version of the binary interface.
//
// @return a number; a program runs safely with this library when it equals APILINK_ABI_VERSION of
//         the header that the program was compiled with. Threads: any.
int32_t apilink_abi_version(void);

// Number of diagnostic records that the last call on a handle left behind.
//
// @param handle  a connection, request or response.
// @param count   receives the number, 0 if there are none.
// @return APILINK_SUCCESS, APILINK_ERROR (count is NULL) or APILINK_INVALID_HANDLE.
//
// The records stay until the next call on the same handle ends. apilink_diagnostic_... and
// ..._cancel leave them as they are, and make none of their own. Threads: any.
int32_t apilink_diagnostic_count(const void *handle, int32_t *count);

// Reads one diagnostic record.
//
// @param handle       a connection, request or response.
// @param number       1 for the first record; the most important one comes first.
// @param sqlstate     receives five characters and a NUL, so it has room for 6; or NULL.
// @param native_code  receives the HTTP status (100 to 599), one of APILINK_OAUTH_..., or 0; or
//                     NULL.
// @param message      receives the text, NUL-terminated UTF-8 in one line; or NULL.
// @param capacity     size of message in bytes, the NUL included.
// @param length       receives the length of the whole text in bytes, without the NUL; or NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO when the text was cut; APILINK_NO_DATA when
//         there is no record with this number; APILINK_ERROR (number below 1, capacity below 0);
//         APILINK_INVALID_HANDLE.
//
// Leaves the records as they are, and makes none of its own. Threads: any.
int32_t apilink_diagnostic_get(const void *handle,
                               int32_t number,
                               char *sqlstate,
                               int32_t *native_code,
                               char *message,
                               int64_t capacity,
                               int64_t *length);

// Allocates a connection. Nothing is opened yet.
//
// @param connection  receives the handle; free it with apilink_connection_free.
// @return APILINK_SUCCESS, or APILINK_ERROR when connection is NULL or there is no room for
//         another handle. There is no handle yet that could keep a record.
//
// A connection made before a fork is dead in the child: every call answers
// APILINK_INVALID_HANDLE there. The child makes connections of its own. Threads: any.
int32_t apilink_connection_new(apilink_connection **connection);

// Frees a connection, and cancels the calls that still run on it or on its requests.
//
// @param connection  the connection; NULL is ignored.
// @return APILINK_SUCCESS, or APILINK_INVALID_HANDLE (freed already).
//
// Its requests and responses keep their handles and are freed on their own, before or after: a
// request then answers 08003, a response can still be read as far as it has arrived.
// Threads: any; never waits.
int32_t apilink_connection_free(apilink_connection *connection);

// Sets the time limit for connecting and for silence on the wire, in place of the property
// Timeout. It does not bound the length of a download or an upload that keeps going. What is sent
// is taken over by the system long before it is on the wire: silence begins when it would be there
// at 16 KiB a second, at most 256 seconds after it was taken over. Linux tells when the other side
// takes nothing any more: there, 24 seconds of that beyond the limit are silence, too.
//
// @param connection  a connection that is not connected.
// @param seconds     1 to 2147483647; 0 for no limit.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: seconds; HY010: connected, or another thread is
//         connecting); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_connection_set_timeout(apilink_connection *connection, int64_t seconds);

// Sets how long a login in the browser may take, in place of the property LoginTimeout.
//
// @param connection  a connection that is not connected.
// @param seconds     1 to 2147483647.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: seconds; HY010: connected, or another thread is
//         connecting); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_connection_set_login_timeout(apilink_connection *connection, int64_t seconds);

// Sends the log of a connection to the program, beside the file that Logfile names.
//
// @param connection  a connection that is not connected.
// @param level       1 to 5, as the property Verbosity.
// @param callback    see apilink_log_callback; NULL ends the reporting.
// @param user_data   handed to the callback as it is. Must stay valid until the connection, and
//                    every request and response of it, has been freed and their calls have ended.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: level; HY010: connected, or another thread is
//         connecting); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_connection_set_log_callback(apilink_connection *connection,
                                            int32_t level,
                                            apilink_log_callback callback,
                                            void *user_data);

// Shows the authorization URL through the program instead of opening a browser, for programs
// that have a window of their own. The library still waits for the redirect to CallbackURL. To
// have the URL beside the system's browser, call apilink_authorization_url on another thread while
// the login waits.
//
// @param connection  a connection that is not connected.
// @param callback    see apilink_authorize_callback; NULL restores the system's browser.
// @param user_data   handed to the callback as it is. Must stay valid while
//                    apilink_connection_connect runs.
// @return APILINK_SUCCESS; APILINK_ERROR (HY010: connected, or another thread is connecting);
//         APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_connection_set_authorize_callback(apilink_connection *connection,
                                                  apilink_authorize_callback callback,
                                                  void *user_data);

// Connects with a connection string: reads it, finds or obtains a token, and returns when
// requests can be made. With a usable token, given or stored, there is no network traffic; with
// InitiateOAuth=GETANDREFRESH and none, the browser is opened and the call waits for the login.
//
// @param connection         a connection that is not connected.
// @param connection_string  UTF-8; see docs/connection-string.md. It is copied.
// @param length             its length in bytes, or -1 if it ends with a NUL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO with warnings (01000, 01S00);
//         APILINK_ERROR; APILINK_INVALID_HANDLE.
//
// SQLSTATEs: HY024 a property or its value, HYC00 a value of a form that is not supported (a token
// store in the registry, a settings file that is encrypted, a thumbprint), HY090 the length, HY009
// connection_string is NULL, 08002 already connected, HY010 another thread is connecting, 08001 the
// service cannot be reached, 08S01 the connection to it broke, 28000 authorization missing or
// refused, or a login needed, HYT00 time ran out, HY008 cancelled, HY000 the token store and the
// rest.
//
// After an error the handle is as before and can be used again. Threads: any; a second thread
// that connects the same handle at the same time gets HY010.
int32_t apilink_connection_connect(apilink_connection *connection,
                                   const char *connection_string,
                                   int64_t length);

// Whether a connection is connected. Makes no request.
//
// @param connection  the connection.
// @param connected   receives 1 or 0.
// @return APILINK_SUCCESS, APILINK_ERROR (HY009) or APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_connection_is_connected(apilink_connection *connection, int32_t *connected);

// Ends a connection, cancels what runs on it, and keeps the handle for the next connect. The
// token stays where it is stored.
//
// @param connection  the connection.
// @return APILINK_SUCCESS; APILINK_ERROR (08003: not connected; HY010: another thread is
//         connecting); APILINK_INVALID_HANDLE. Threads: any; never waits.
int32_t apilink_connection_disconnect(apilink_connection *connection);

// Cancels everything that runs on a connection now: connecting, a login, token calls, and all of
// its requests and responses. Those calls return APILINK_ERROR with HY008 within 100 ms; later
// calls are not affected. Does nothing when nothing runs.
//
// @param connection  the connection.
// @return APILINK_SUCCESS or APILINK_INVALID_HANDLE. It leaves the diagnostic records alone.
//
// Threads: any, callbacks included, but not from a signal handler; never waits.
int32_t apilink_connection_cancel(apilink_connection *connection);

// The access token, for use outside of apilink. It is fresh: one that has expired is refreshed
// first if InitiateOAuth allows it.
//
// @param connection  a connection that is connected.
// @param buffer      receives the NUL-terminated token, or NULL.
// @param capacity    size of buffer in bytes.
// @param length      receives the length of the whole token in bytes, without the NUL; or NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut; 01000: refreshed, but the new
//         tokens could not be stored); APILINK_NO_DATA with AuthScheme=None; APILINK_ERROR
//         (08003, HY090; and of a refresh, see apilink_token_refresh: 28000, 08001, 08S01, HYT00,
//         HY008, HY000, HY024, HYC00); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_token_text(apilink_connection *connection,
                           char *buffer,
                           int64_t capacity,
                           int64_t *length);

// The type of the current access token, usually "Bearer". Makes no request.
//
// @param connection  a connection that is connected.
// @param buffer      receives the NUL-terminated type, or NULL.
// @param capacity    size of buffer in bytes.
// @param length      receives the length of the whole type in bytes, without the NUL; or NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when there is
//         no token; APILINK_ERROR (08003, HY090); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_token_type(apilink_connection *connection,
                           char *buffer,
                           int64_t capacity,
                           int64_t *length);

// When the current access token expires. Makes no request.
//
// @param connection    a connection that is connected.
// @param unix_seconds  receives the time in seconds since 1970-01-01 00:00 UTC.
// @return APILINK_SUCCESS; APILINK_NO_DATA when the service did not say, or there is no token;
//         APILINK_ERROR (08003, HY009); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_token_expiry(apilink_connection *connection, int64_t *unix_seconds);

// The scope of the current access token, as the service sent it. Makes no request.
//
// @param connection  a connection that is connected.
// @param buffer      receives the NUL-terminated scope, or NULL.
// @param capacity    size of buffer in bytes.
// @param length      receives the length of the whole scope in bytes, without the NUL; or NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when the
//         service did not say (Clio does not), or there is no token; APILINK_ERROR (08003,
//         HY090); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_token_scope(apilink_connection *connection,
                            char *buffer,
                            int64_t capacity,
                            int64_t *length);

// Refreshes the access token now, whatever its age, and stores the new one.
//
// @param connection  a connection that is connected.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01000: refreshed, but it could not be
//         stored); APILINK_ERROR (08003; 28000: refused, or InitiateOAuth=OFF, or no refresh
//         token; 08001, 08S01, HYT00, HY008; HY000: the token store; HY024, HYC00: the token
//         store, or a property such as SSLClientCert, proves to be one that cannot be used);
//         APILINK_INVALID_HANDLE. Threads: any.
//
// A call that is cancelled returns at once. Nothing is left behind while the refresh waits for
// another program's, while it connects, or between two attempts. An attempt that has its connection
// runs to its end on a thread of its own, for Timeout at the longest (60 seconds without one),
// because the service may have replaced the refresh token already. The system does not break off
// the lookup of a name: the thread that waits for it ends when the system does. The same goes for
// every call that refreshes a token on its way.
int32_t apilink_token_refresh(apilink_connection *connection);

// Revokes the access token at the service and removes the tokens from their store. The
// connection is disconnected.
//
// @param connection  a connection that is connected.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01000: the service does not accept the
//         tokens any more; they were removed); APILINK_ERROR (08003; 28000; HYC00: the profile
//         has no revocation; 08001, 08S01, HYT00, HY008, HY000; HY024, HYC00: as
//         apilink_token_refresh); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_token_revoke(apilink_connection *connection);

// Builds the URL at which a person authorizes the application, for logins on another machine and
// for web applications. Makes no request. The handle need not be connected, and remembers the
// state and the PKCE verifier for apilink_authorization_exchange.
//
// @param connection         any connection.
// @param connection_string  with OAuthClientId and CallbackURL; InitiateOAuth is not looked at.
// @param length             its length in bytes, or -1.
// @param state              the application's own state value, or NULL for the property State or
//                           else a random one.
// @param state_length       its length in bytes, or -1.
// @param buffer             receives the NUL-terminated URL, or NULL.
// @param capacity           size of buffer in bytes.
// @param url_length         receives the length of the whole URL in bytes; or NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004; 01000, 01S00: warnings of the string);
//         APILINK_ERROR (28000: OAuthClientId is missing; HY024, HYC00: as
//         apilink_connection_connect; HY090, HY009, HY000);
//         APILINK_INVALID_HANDLE. Threads: any.
//
// Called again with the same arguments, for a larger buffer, it makes a new URL with a new
// random state; 2048 bytes are enough for every URL.
//
// While apilink_connection_connect waits for a login on this connection, on another thread, and
// state is NULL, the URL is the one that it waits for: for a person to whom the browser that was
// opened is of no use.
int32_t apilink_authorization_url(apilink_connection *connection,
                                  const char *connection_string,
                                  int64_t length,
                                  const char *state,
                                  int64_t state_length,
                                  char *buffer,
                                  int64_t capacity,
                                  int64_t *url_length);

// The state of the last apilink_authorization_url on this handle. A web application keeps it in
// the user's session and compares it with the state of the redirect. Makes no request.
//
// @param connection  any connection.
// @param buffer      receives the NUL-terminated state, or NULL.
// @param capacity    size of buffer in bytes.
// @param length      receives the length of the whole state in bytes, without the NUL; or NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when no URL
//         was made; APILINK_ERROR (HY090); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_authorization_state(apilink_connection *connection,
                                    char *buffer,
                                    int64_t capacity,
                                    int64_t *length);

// The PKCE verifier (RFC 7636) of the last apilink_authorization_url on this handle, to be given
// as PKCEVerifier where another handle or process exchanges the code. Makes no request.
//
// @param connection  any connection.
// @param buffer      receives the NUL-terminated verifier, or NULL.
// @param capacity    size of buffer in bytes.
// @param length      receives the length of the whole verifier in bytes, without the NUL; or
//                    NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when no URL
//         was made, or the profile does not use PKCE (Clio Manage does not); APILINK_ERROR
//         (HY090); APILINK_INVALID_HANDLE. Threads: any.
int32_t apilink_authorization_pkce_verifier(apilink_connection *connection,
                                            char *buffer,
                                            int64_t capacity,
                                            int64_t *length);

// Exchanges an authorization code for tokens and puts them into the token store that the
// connection string names. Afterwards connect with the same string.
//
// @param connection         any connection.
// @param connection_string  with OAuthClientId, OAuthClientSecret, CallbackURL and usually
//                           OAuthSettingsLocation: one store for each user.
// @param length             its length in bytes, or -1.
// @param code               the code, or the whole URL that the browser was redirected to.
// @param code_length        its length in bytes, or -1.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01000, 01S00: warnings of the string);
//         APILINK_ERROR (28000: declined, refused, or the state is a foreign one; HY024: there is
//         no code in code, or a property; HYC00: as apilink_connection_connect; HY090, HY009,
//         08001, 08S01, HYT00, HY008; HY000: the token store); APILINK_INVALID_HANDLE.
//         Threads: any.
//
// Where code is a URL, or the query of one (?code=...), its state must equal the one of the last
// apilink_authorization_url on this handle, or else the property State if it is given.
int32_t apilink_authorization_exchange(apilink_connection *connection,
                                       const char *connection_string,
                                       int64_t length,
                                       const char *code,
                                       int64_t code_length);

// Allocates a request on a connection. One request runs one call at a time; threads that want to
// make requests side by side use a request each.
//
// @param connection  the connection, which need not be connected yet.
// @param request     receives the handle; free it with apilink_request_free.
// @return APILINK_SUCCESS; APILINK_ERROR (HY009; HY001: no room for another handle);
//         APILINK_INVALID_HANDLE. Threads: any.
//
// The records are those of the connection and replace what an earlier call on it left: threads
// that share a connection make their requests first, or read its records before another calls it.
int32_t apilink_request_new(apilink_connection *connection, apilink_request **request);

// Frees a request. A call that runs on it is cancelled; its responses stay.
//
// @param request  the request; NULL is ignored.
// @return APILINK_SUCCESS, or APILINK_INVALID_HANDLE (freed already). Threads: any; never waits.
int32_t apilink_request_free(apilink_request *request);

// Says what to request, and forgets the query, headers, body and time limit set before. After an
// error nothing is prepared, and apilink_request_execute answers HY010.
//
// @param request        the request.
// @param method         GET, POST, PATCH, PUT, DELETE, HEAD or OPTIONS.
// @param method_length  its length in bytes, or -1.
// @param url            a path below the API's base, such as "matters" or
//                       "matters/17?fields=id,etag"; an absolute path such as
//                       "/api/v4/matters.json"; or an absolute URL of the region's own origin.
//                       apilink_request_execute refuses anything else (HY024), so that the token
//                       cannot reach another host.
// @param url_length     its length in bytes, or -1.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: method; HY090, HY009; HY010: a call is running);
//         APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same request gets HY010.
int32_t apilink_request_prepare(apilink_request *request,
                                const char *method,
                                int64_t method_length,
                                const char *url,
                                int64_t url_length);

// As apilink_request_prepare, for a signed URL that the service handed out, such as put_url of a
// document version. Goes to any https host (or to loopback when the region is loopback), and
// carries no token, none of CustomHeaders and CustomUrlParams: nothing but what is added here.
//
// @param request        the request.
// @param method         GET, POST, PATCH, PUT, DELETE, HEAD or OPTIONS.
// @param method_length  its length in bytes, or -1.
// @param url            an absolute URL. apilink_request_execute refuses anything else (HY024).
// @param url_length     its length in bytes, or -1.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: method; HY090, HY009; HY010: a call is running);
//         APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same request gets HY010.
int32_t apilink_request_prepare_signed(apilink_request *request,
                                       const char *method,
                                       int64_t method_length,
                                       const char *url,
                                       int64_t url_length);

// Adds a query parameter; name and value are percent-encoded as needed. Names may repeat.
//
// @param request       a request that has been prepared.
// @param name          UTF-8.
// @param name_length   its length in bytes, or -1.
// @param value         UTF-8.
// @param value_length  its length in bytes, or -1.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: not UTF-8; HY090, HY009; HY010: prepare first,
//         or a call is running); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same request gets HY010.
int32_t apilink_request_add_query(apilink_request *request,
                                  const char *name,
                                  int64_t name_length,
                                  const char *value,
                                  int64_t value_length);

// Adds a header. Names may repeat, except that a second Content-Type replaces the first.
// Authorization, Host, Content-Length, Transfer-Encoding and Connection are the library's own and
// are refused.
//
// @param request       a request that has been prepared.
// @param name          the name, such as "If-Match".
// @param name_length   its length in bytes, or -1.
// @param value         the value.
// @param value_length  its length in bytes, or -1.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: not a valid header, or one of the library's own;
//         HY090, HY009; HY010: prepare first, or a call is running); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same request gets HY010.
int32_t apilink_request_add_header(apilink_request *request,
                                   const char *name,
                                   int64_t name_length,
                                   const char *value,
                                   int64_t value_length);

// Sets a body from memory, in place of the body set before. It is copied.
//
// @param request              a request that has been prepared.
// @param data                 the bytes; may be NULL when length is 0.
// @param length               their number, up to 2147483647; or -1 for NUL-terminated text.
// @param content_type         such as "application/json"; NULL for the header Content-Type that
//                             was added, or else application/json.
// @param content_type_length  its length in bytes, or -1.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: content_type; HY090, HY009, HY001; HY010:
//         prepare first, or a call is running); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same request gets HY010.
int32_t apilink_request_set_body(apilink_request *request,
                                 const void *data,
                                 int64_t length,
                                 const char *content_type,
                                 int64_t content_type_length);

// Sets a body from a file, in place of the body set before. The file is read while it is sent and
// never held in memory as a whole.
//
// @param request              a request that has been prepared.
// @param path                 UTF-8.
// @param path_length          its length in bytes, or -1.
// @param content_type         NULL for the header Content-Type that was added, or else
//                             application/octet-stream.
// @param content_type_length  its length in bytes, or -1.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: content_type; HY090, HY009; HY010: prepare
//         first, or a call is running); APILINK_INVALID_HANDLE. The file is opened when the
//         request is executed, each time anew.
//
// Threads: any; a call that overlaps another one on the same request gets HY010.
int32_t apilink_request_set_body_file(apilink_request *request,
                                      const char *path,
                                      int64_t path_length,
                                      const char *content_type,
                                      int64_t content_type_length);

// Sets a body that is pulled from a callback while it is sent, in place of the body set before. It
// can be sent only once: where a repetition would be needed (401, 429, a lost connection), the
// reply or error is returned. Executing the request again goes on pulling.
//
// @param request              a request that has been prepared.
// @param callback             see apilink_read_callback.
// @param user_data            handed to the callback as it is. Must stay valid while
//                             apilink_request_execute runs.
// @param total                number of bytes that the callback will deliver, or -1 if unknown;
//                             the storage that signed URLs lead to wants to know it.
// @param content_type         NULL for the header Content-Type that was added, or else
//                             application/octet-stream.
// @param content_type_length  its length in bytes, or -1.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: content_type; HY090: total, or a length; HY009:
//         callback is NULL; HY010: prepare first, or a call is running); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same request gets HY010.
int32_t apilink_request_set_body_callback(apilink_request *request,
                                          apilink_read_callback callback,
                                          void *user_data,
                                          int64_t total,
                                          const char *content_type,
                                          int64_t content_type_length);

// Sets the time limit of this request in place of the connection's: see
// apilink_connection_set_timeout for what it bounds.
//
// @param request  a request that has been prepared.
// @param seconds  1 to 2147483647; 0 for no limit.
// @return APILINK_SUCCESS; APILINK_ERROR (HY024: seconds; HY010: prepare first, or a call is
//         running); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same request gets HY010.
int32_t apilink_request_set_timeout(apilink_request *request, int64_t seconds);

// Sends the request with the token and waits for the reply. Refreshes a token that has expired,
// waits for the rate limit (at most two of its windows), and repeats after 502, 503, 504 and a
// lost connection what is safe to repeat. A redirect is followed, without the token if it leads
// to another host.
//
// @param request   a request that has been prepared. It can be executed again.
// @param response  receives a new response; free it with apilink_response_free. Untouched
//                  after an error.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO: the reply has an HTTP status of 400 or
//         more, and the first record holds the service's own error type and message, with the
//         status as native code; or the status is below 400, and the records are warnings
//         (01000): apilink_response_status tells the two apart; APILINK_ERROR: there is no
//         reply; APILINK_INVALID_HANDLE.
//
// SQLSTATEs: 08003 not connected, 08001 the service cannot be reached, 08S01 the connection broke,
// HYT00 time ran out, HY008 cancelled, 28000 the token cannot be refreshed, HY024 the URL, HY024 and
// HYC00 also as apilink_token_refresh, HY010 not prepared or a call is running, 25006 a write on a
// Readonly connection, HY000 a body that cannot be read, or the token store, HY009 response is
// NULL, HY001 no memory or no room for another handle.
//
// Threads: any; a call that overlaps another one on the same request gets HY010 at once, and its
// record can be replaced by those of the other call when that ends.
int32_t apilink_request_execute(apilink_request *request,
                                apilink_response **response);

// Fetches the page that follows a page of a list, with the headers of the request that fetched
// that page. The request's own settings stay as they are.
//
// @param request   any request of the connection, usually the one that fetched the first page.
//                  Its time limit applies.
// @param response  a page. Stays valid.
// @param next      receives a new response; free it with apilink_response_free. Untouched after
//                  an error and after APILINK_NO_DATA.
// @return APILINK_NO_DATA when response is the last page; APILINK_INVALID_HANDLE also for an
//         invalid response; else as apilink_request_execute, and APILINK_ERROR with HY024 (the
//         response is of another connection), 22018 (it is not JSON, or what it names as its next
//         page is no text), HY000 (what it names as its next page is one of those that led to it,
//         so that the list would never end) or HY010 (its body was read in pieces, or a call runs
//         on it).
//
// Threads: any; a call that overlaps another one on the same request or response gets HY010.
int32_t apilink_request_next_page(apilink_request *request,
                                  apilink_response *response,
                                  apilink_response **next);

// Cancels what runs on a request now, the reading of its responses included: see
// apilink_connection_cancel.
//
// @param request  the request.
// @return APILINK_SUCCESS or APILINK_INVALID_HANDLE. It leaves the diagnostic records alone.
//
// Threads: any, callbacks included, but not from a signal handler; never waits.
int32_t apilink_request_cancel(apilink_request *request);

// Frees a response, and closes its connection if the body has not been read to its end. A call
// that runs on it is cancelled. The pointer from apilink_response_body becomes invalid.
//
// @param response  the response; NULL is ignored.
// @return APILINK_SUCCESS, or APILINK_INVALID_HANDLE (freed already). Threads: any; never waits.
int32_t apilink_response_free(apilink_response *response);

// The HTTP status.
//
// @param response  the response.
// @param status    receives the status, 100 to 599.
// @return APILINK_SUCCESS; APILINK_ERROR (HY009; HY010: a call is running);
//         APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_status(apilink_response *response, int32_t *status);

// A header by its name, without regard to case.
//
// @param response     the response.
// @param name         the name, such as "ETag".
// @param name_length  its length in bytes, or -1.
// @param index        0 for the first header of that name, 1 for the second, and so on.
// @param buffer       receives the NUL-terminated value, or NULL. Bytes that are not UTF-8 are
//                     replaced by U+FFFD.
// @param capacity     size of buffer in bytes.
// @param length       receives the length of the whole value in bytes, without the NUL; or NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when there is
//         no such header; APILINK_ERROR (HY090, HY009, HY024: name is not UTF-8; 07009: index
//         below 0; HY010: a call is running); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_header(apilink_response *response,
                                const char *name,
                                int64_t name_length,
                                int32_t index,
                                char *buffer,
                                int64_t capacity,
                                int64_t *length);

// Number of headers, repeated ones counted each.
//
// @param response  the response.
// @param count     receives the number.
// @return APILINK_SUCCESS; APILINK_ERROR (HY009; HY010: a call is running);
//         APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_header_count(apilink_response *response, int32_t *count);

// A header by its position. The order is not that of the reply, but repeated headers follow each
// other in theirs.
//
// @param response        the response.
// @param index           0 to the count less one.
// @param name            receives the NUL-terminated name in lower case, or NULL.
// @param name_capacity   size of name in bytes.
// @param name_length     receives the length of the whole name in bytes, without the NUL; or
//                        NULL.
// @param value           receives the NUL-terminated value, or NULL. Bytes that are not UTF-8 are
//                        replaced by U+FFFD.
// @param value_capacity  size of value in bytes.
// @param value_length    receives the length of the whole value in bytes, without the NUL; or
//                        NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA past the last
//         one; APILINK_ERROR (HY090; 07009: index below 0; HY010: a call is running);
//         APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_header_at(apilink_response *response,
                                   int32_t index,
                                   char *name,
                                   int64_t name_capacity,
                                   int64_t *name_length,
                                   char *value,
                                   int64_t value_capacity,
                                   int64_t *value_length);

// The content type as sent, such as "application/json; charset=utf-8".
//
// @param response  the response.
// @param buffer    receives the NUL-terminated content type, or NULL.
// @param capacity  size of buffer in bytes.
// @param length    receives the length of the whole content type in bytes, without the NUL; or
//                  NULL.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when there is
//         none; APILINK_ERROR (HY090; HY010: a call is running); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_content_type(apilink_response *response,
                                      char *buffer,
                                      int64_t capacity,
                                      int64_t *length);

// The whole body in memory, read to its end first.
//
// @param response  the response.
// @param data      receives a pointer that is valid until the response is freed; what it leads to
//                  does not change. A NUL follows the last byte, so text can be used as a C
//                  string.
// @param length    receives the number of bytes without that NUL; or NULL.
// @return APILINK_SUCCESS; APILINK_ERROR (HY009; HY010: after apilink_response_read or ..._save,
//         or a call is running; 08S01, HYT00, HY008, HY001); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010, unless the body
// was had before.
int32_t apilink_response_body(apilink_response *response, const void **data, int64_t *length);

// Reads the body in pieces, without holding all of it. JSON (up to 4 MiB), small bodies and those
// of errors have arrived whole when the request returns; others arrive while they are read.
//
// @param response  the response.
// @param buffer    receives the bytes, at most 65536 in one call.
// @param capacity  size of buffer in bytes, at least 1.
// @param read      receives the number of bytes, at least 1 with APILINK_SUCCESS.
// @return APILINK_SUCCESS; APILINK_NO_DATA at the end; APILINK_ERROR (HY009, HY090; HY010: a call
//         is running; 08S01, HYT00, HY008); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_read(apilink_response *response,
                              void *buffer,
                              int64_t capacity,
                              int64_t *read);

// Writes the rest of the body to a file. The file appears under its name only when it is
// complete; an existing one is replaced then, or the one that a symbolic link leads to. Where there
// is something else, such as a directory or a device, it is HY000, and the body can still be read.
//
// @param response  the response.
// @param path      UTF-8.
// @param length    its length in bytes, or -1.
// @param written   receives the number of bytes; or NULL.
// @return APILINK_SUCCESS; APILINK_ERROR (HY009, HY090; HY024: path is not UTF-8; HY010: a call is
//         running; HY000: the file; 08S01, HYT00, HY008); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_save(apilink_response *response,
                              const char *path,
                              int64_t length,
                              int64_t *written);

// What a JSON Pointer (RFC 6901) such as "/data/0/client/name" leads to in a JSON body, which is
// read to its end first. The empty pointer leads to the whole document.
//
// @param response        the response.
// @param pointer         the JSON Pointer.
// @param pointer_length  its length in bytes, or -1.
// @param kind            receives one of APILINK_JSON_...; APILINK_JSON_NULL for null.
// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere; APILINK_ERROR (22018:
//         the body is not JSON; HY024: not a pointer; HY009, HY090; HY010: the body was read in
//         pieces or saved, or a call is running; 08S01, HYT00, HY008, HY001);
//         APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_json_type(apilink_response *response,
                                   const char *pointer,
                                   int64_t pointer_length,
                                   int32_t *kind);

// A value of a JSON body as text: a string as it is, everything else as JSON.
//
// @param response        the response.
// @param pointer         the JSON Pointer; see apilink_response_json_type.
// @param pointer_length  its length in bytes, or -1.
// @param buffer          receives the NUL-terminated text, or NULL.
// @param capacity        size of buffer in bytes.
// @param length          receives the length of the whole text in bytes, without the NUL; or NULL.
//                        A string that holds a NUL of its own is longer than it looks in C.
// @return APILINK_SUCCESS; APILINK_SUCCESS_WITH_INFO (01004: cut); APILINK_NO_DATA when the
//         pointer leads nowhere or to null; APILINK_ERROR as apilink_response_json_type;
//         APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_json_text(apilink_response *response,
                                   const char *pointer,
                                   int64_t pointer_length,
                                   char *buffer,
                                   int64_t capacity,
                                   int64_t *length);

// An integer of a JSON body, exact to 64 bits; also one that is sent as a string, or, up to 2 to the
// power of 53, with a fraction of 0 or an exponent.
//
// @param response        the response.
// @param pointer         the JSON Pointer; see apilink_response_json_type.
// @param pointer_length  its length in bytes, or -1.
// @param value           receives the integer.
// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere or to null;
//         APILINK_ERROR (22018: not an integer; 22003: more than that; and as
//         apilink_response_json_type); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_json_integer(apilink_response *response,
                                      const char *pointer,
                                      int64_t pointer_length,
                                      int64_t *value);

// A number of a JSON body; also one that is sent as a string.
//
// @param response        the response.
// @param pointer         the JSON Pointer; see apilink_response_json_type.
// @param pointer_length  its length in bytes, or -1.
// @param value           receives the number, never infinite or NaN.
// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere or to null;
//         APILINK_ERROR (22018: not a number; 22003: too large for a double; and as
//         apilink_response_json_type); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_json_double(apilink_response *response,
                                     const char *pointer,
                                     int64_t pointer_length,
                                     double *value);

// A truth value of a JSON body.
//
// @param response        the response.
// @param pointer         the JSON Pointer; see apilink_response_json_type.
// @param pointer_length  its length in bytes, or -1.
// @param value           receives 1 or 0.
// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere or to null;
//         APILINK_ERROR (22018: neither true nor false; and as apilink_response_json_type);
//         APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_json_boolean(apilink_response *response,
                                      const char *pointer,
                                      int64_t pointer_length,
                                      int32_t *value);

// Number of elements of an array, or of members of an object, of a JSON body.
//
// @param response        the response.
// @param pointer         the JSON Pointer; see apilink_response_json_type.
// @param pointer_length  its length in bytes, or -1.
// @param value           receives the number.
// @return APILINK_SUCCESS; APILINK_NO_DATA when the pointer leads nowhere or to null;
//         APILINK_ERROR (22018: neither an array nor an object; and as
//         apilink_response_json_type); APILINK_INVALID_HANDLE.
//
// Threads: any; a call that overlaps another one on the same response gets HY010.
int32_t apilink_response_json_length(apilink_response *response,
                                     const char *pointer,
                                     int64_t pointer_length,
                                     int64_t *value);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* APILINK_H */
